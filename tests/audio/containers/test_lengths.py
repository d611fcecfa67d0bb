"""Headers that lie about the length: what is there is read, nothing else, and it is said."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from birdnet_stm32.audio.containers import ogg
from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.decoding.decode import Decoded, Properties, Unusable

RATE_HZ = 24_000
SECONDS = 3
GUANO = b"guan" + struct.pack("<I", 22) + b"GUANO|Version: 1.0\nx:y"
BEXT = b"bext" + struct.pack("<I", 602) + bytes(602)


def sound(seconds: float = SECONDS, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * 1_000 * time_s) * (1 + np.sin(2 * np.pi * 3 * time_s)) / 2
    return tone + rng.normal(0, 0.03, len(time_s))


def encoded(kind: str, samples: np.ndarray | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, sound() if samples is None else samples, RATE_HZ, format=kind, **options)
    return stream.getvalue()


def read(path: Path, content: bytes, rate_hz: int = RATE_HZ) -> tuple[np.ndarray, tuple[str, ...]]:
    """Decode; measuring finds the same length and says the same."""
    path.write_bytes(content)
    found, measured = decode.decode_with_notes(path, sample_rate_hz=rate_hz), decode.measure_recording(path)
    assert isinstance(found, Decoded), found
    assert isinstance(measured, Properties)
    assert measured.notes == found.notes
    assert all("\n" not in note and path.name not in note and ":" in note for note in found.notes)
    samples = decode.decoded_samples(measured.duration_s, measured.rate_hz, rate_hz)
    assert samples == len(found.pcm)
    parts = decode.decode_parts(
        path,
        [(samples // 2, samples)],
        sample_rate_hz=rate_hz,
        samples=round(measured.duration_s * measured.rate_hz),
    )
    if parts is not None:
        assert np.abs(parts[0].astype(int) - found.pcm[samples // 2 :]).max() <= (rate_hz != RATE_HZ)
    return found.pcm, found.notes


def reason(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    found = decode.measure_recording(path)
    assert isinstance(found, Unusable)
    assert decode.decode(path, sample_rate_hz=RATE_HZ) == found
    return found.reason


def kinds(notes: tuple[str, ...]) -> list[str]:
    return [note.split(":")[0] for note in notes]


# --- WAV


def wav(pcm: np.ndarray, *, data_bytes: int | None = None, riff: int | None = None, **parts: bytes) -> bytes:
    """A WAV file of 16 bits, its sizes as wanted, with chunks before and bytes after the audio."""
    audio, before, after = pcm.astype("<i2").tobytes(), parts.get("before", b""), parts.get("after", b"")
    channels = 1 if pcm.ndim == 1 else pcm.shape[1]
    described = struct.pack("<HHIIHH", 1, channels, RATE_HZ, RATE_HZ * 2 * channels, 2 * channels, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + described + before
    size = len(audio) if data_bytes is None else data_bytes
    body += b"data" + struct.pack("<I", size) + audio + after
    return parts.get("form", b"RIFF") + struct.pack("<I", len(body) if riff is None else riff) + body


PCM = np.round(sound() * 5_000).astype(np.int16)


@pytest.mark.parametrize("after", [b"", GUANO, b"LIST" + struct.pack("<I", 4) + b"INFO", BEXT + GUANO])
@pytest.mark.parametrize("before", [b"", b"LIST" + struct.pack("<I", 4) + b"INFO", BEXT])
@pytest.mark.parametrize(
    "data_bytes", [0, 36, 44, 488, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 1_000, 72_000, 10**6]
)
def test_a_header_without_its_length_is_read_to_the_end_but_not_into_other_chunks(
    tmp_path, data_bytes, before, after
):
    content = wav(PCM, data_bytes=data_bytes, before=before, after=after)
    pcm, notes = read(tmp_path / "lost.wav", content)
    np.testing.assert_array_equal(pcm, PCM)
    expected = {10**6: "cut off"}.get(data_bytes, "length missing in the header")
    if data_bytes in (1_000, 72_000) or (data_bytes == 488 and not before):
        expected = "length wrong in the header"
    assert kinds(notes) == [expected] or (data_bytes == 488 and len(notes) == 1)


@pytest.mark.parametrize("riff", [0, 4, 36, 480, 0xFFFF_FFFF, 10**6])
def test_the_outer_length_does_not_matter(tmp_path, riff):
    pcm, notes = read(tmp_path / "riff.wav", wav(PCM, riff=riff, after=GUANO))
    np.testing.assert_array_equal(pcm, PCM)
    assert notes == ()


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (GUANO, []),
        (GUANO[:-5], []),
        (GUANO + bytes(300), []),
        (b"TAG" + b"x" * 125, []),
        (b"\0", []),
        (bytes(600), ["zeros after the audio"]),
        (wav(PCM[:100]), ["another WAV file follows in the same file"]),
    ],
)
def test_what_follows_the_audio_is_not_audio(tmp_path, after, kind):
    pcm, notes = read(tmp_path / "after.wav", wav(PCM, after=after))
    np.testing.assert_array_equal(pcm, PCM)
    assert kinds(notes) == kind


@pytest.mark.parametrize("data_bytes", [0, 44, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_file_reserved_before_it_was_recorded_says_so(tmp_path, data_bytes):
    _, notes = read(tmp_path / "reserved.wav", wav(PCM, data_bytes=data_bytes, after=bytes(2 * RATE_HZ)))
    assert kinds(notes) == ["length missing in the header", "zeros at the end"]
    empty = wav(PCM[:0], after=bytes(100_000))
    assert reason(tmp_path / "empty.wav", empty) == "holds no samples"
    assert reason(tmp_path / "blank.wav", bytes(100_000)) == "unreadable: every byte of it is zero"


@pytest.mark.parametrize("form", [b"RF64", b"BW64"])
@pytest.mark.parametrize("promised", ["right", 0, 0xFFFF_FFFF_FFFF_FFFF, 1_000])
def test_headers_of_64_bits(tmp_path, form, promised):
    size = 2 * len(PCM) if promised == "right" else promised
    lengths = struct.pack("<QQQI", 100, size, 0, 0)
    content = wav(PCM, data_bytes=0xFFFF_FFFF, riff=0xFFFF_FFFF, form=form, after=GUANO)
    content = content[:12] + b"ds64" + struct.pack("<I", 28) + lengths + content[12:]
    pcm, notes = read(tmp_path / "big.wav", content)
    np.testing.assert_array_equal(pcm, PCM)
    assert len(notes) == (promised != "right")


def test_two_chunks_of_audio_are_refused(tmp_path):
    second = b"data" + struct.pack("<I", 8) + bytes(8)
    assert "two chunks of audio" in reason(tmp_path / "two.wav", wav(PCM, after=second))
    assert "two chunks of audio" in reason(tmp_path / "two.wav", wav(PCM, after=GUANO + second))


@example(seed=0, length=2_500, data_bytes=5_006, riff=0, channels=1, after=BEXT)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(2_500, 4_000),
    data_bytes=st.integers(0, 2**32 - 1) | st.integers(0, 25_000),
    riff=st.integers(0, 2**32 - 1),
    channels=st.integers(1, 3),
    after=st.sampled_from([b"", GUANO, BEXT]),
)
def test_a_lying_header_gives_exactly_the_samples(tmp_path, seed, length, data_bytes, riff, channels, after):
    drawn = np.random.default_rng(seed).integers(-(2**15), 2**15, (length, channels))
    samples = drawn.astype(np.int16)
    samples[0], samples[-1] = 1, -1  # neither silent nor all zeros at the end
    path = tmp_path / "lie.wav"
    path.write_bytes(wav(samples, data_bytes=data_bytes, riff=riff, after=after))
    # A header that promises audio up to the very end of the file cannot be told from a true one.
    to_the_end = abs(2 * samples.size + len(after) - data_bytes) < 2 * channels
    for number in range(channels):
        pcm_read = decode.decode(path, sample_rate_hz=RATE_HZ, channel=number + 1)
        assert isinstance(pcm_read, np.ndarray), pcm_read
        if (abs(data_bytes - 2 * samples.size) >= 2 * channels and not to_the_end) or not after:
            np.testing.assert_array_equal(pcm_read, samples[:, number])


# --- FLAC


def with_count(content: bytes, samples: int) -> bytes:
    changed = bytearray(content)
    fields = int.from_bytes(changed[18:26], "big")
    changed[18:26] = (fields >> 36 << 36 | samples).to_bytes(8, "big")
    return bytes(changed)


@pytest.mark.parametrize(
    ("promised", "kind"),
    [
        (0, "length missing in the header"),
        (RATE_HZ, "length wrong in the header"),
        (1, "length wrong in the header"),
        (10**6, "cut off or damaged"),
    ],
)
def test_flac_is_read_to_its_end_whatever_its_count(tmp_path, promised, kind):
    content = encoded("FLAC")
    whole, nothing = read(tmp_path / "whole.flac", content)
    pcm, notes = read(tmp_path / "lie.flac", with_count(content, promised))
    np.testing.assert_array_equal(pcm, whole)
    assert nothing == ()
    assert kinds(notes) == [kind]


def test_flac_keeps_what_precedes_damage(tmp_path):
    content = encoded("FLAC")
    whole, _ = read(tmp_path / "whole.flac", content)
    damaged = bytearray(content)
    damaged[len(content) // 2 : len(content) // 2 + 100] = bytes(100)
    for broken in (content[: len(content) // 2], bytes(damaged)):
        pcm, notes = read(tmp_path / "broken.flac", broken)
        assert len(pcm) > 0.4 * len(whole)
        np.testing.assert_array_equal(pcm, whole[: len(pcm)])
        assert kinds(notes) == ["cut off or damaged"]


def test_flac_with_something_around_it(tmp_path):
    content = encoded("FLAC")
    whole, _ = read(tmp_path / "whole.flac", content)
    id3 = b"ID3\x04\0\0\0\0\x07\x68" + bytes(1_000)
    for around, kind in (
        (id3 + content, []),
        (content + b"TAG" + b"x" * 125, []),
        (content + b"rubbish" * 500, ["data that is not FLAC after the audio"]),
    ):
        pcm, notes = read(tmp_path / "around.flac", around)
        np.testing.assert_array_equal(pcm, whole)
        assert kinds(notes) == kind
    pcm, notes = read(tmp_path / "twice.flac", content + content)
    np.testing.assert_array_equal(pcm, np.concatenate([whole, whole]))
    assert kinds(notes) == ["several FLAC files in one"]


# --- Containers under another's name


@pytest.mark.parametrize("kind", ["AIFF", "AU", "CAF", "W64"])
def test_a_length_that_nobody_compares_with_the_bytes_is_said(tmp_path, kind):
    """A header of these that says half would lose the other half without a word."""
    pcm, notes = read(tmp_path / "misnamed.wav", encoded(kind))
    assert len(pcm) == SECONDS * RATE_HZ
    assert kinds(notes) == ["length not checked"]
    assert kind in notes[0]


# --- WAV behind a tag of MP3


@pytest.mark.parametrize("tag_bytes", [1_000, 1_001])
@pytest.mark.parametrize("data_bytes", [None, 0, 44, 0xFFFF_FFFF])
def test_a_wav_behind_a_tag_is_read_to_its_end(tmp_path, data_bytes, tag_bytes):
    """The decoder by itself leaves out as many bytes at the end as the tag has."""
    pcm = np.round(sound() * 32_767).astype(np.int16)
    tag = b"ID3\x04\0\0\0\0\x07" + bytes([tag_bytes - 896]) + bytes(tag_bytes)
    found, notes = read(tmp_path / "tagged.wav", tag + wav(pcm, data_bytes=data_bytes, after=GUANO))
    np.testing.assert_array_equal(found, pcm)
    assert kinds(notes) == ([] if data_bytes is None else ["length missing in the header"])


# --- MP3


def mp3(**options: object) -> bytes:
    """An MP3 file of a variable rate whose first frames are small."""
    quiet_first = sound(6) * np.repeat([1e-3, 1.0], 3 * RATE_HZ)
    return encoded("MP3", quiet_first, bitrate_mode="VARIABLE", **options)


def without_count(content: bytes) -> bytes:
    return content[content.index(b"\xff", 4 + content.find(b"LAME")) :]


def test_mp3_without_a_count_is_read_to_its_end(tmp_path):
    loud_first = sound(6) * np.repeat([1.0, 1e-4], 3 * RATE_HZ)
    content = encoded("MP3", loud_first, bitrate_mode="VARIABLE")
    pcm, notes = read(tmp_path / "none.mp3", without_count(content))
    assert len(pcm) == pytest.approx(6 * RATE_HZ, abs=2_400)
    assert notes == ()


@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        (0, "length wrong in the header"),
        (40, "length wrong in the header"),
        (10**4, "cut off"),
    ],
)
def test_mp3_with_a_wrong_count(tmp_path, frames, kind):
    content = bytearray(mp3())
    whole, nothing = read(tmp_path / "whole.mp3", bytes(content))
    at = content.index(b"Xing")
    content[at + 8 : at + 12] = frames.to_bytes(4, "big")
    pcm, notes = read(tmp_path / "wrong.mp3", bytes(content))
    np.testing.assert_array_equal(pcm[: len(whole)], whole)
    assert len(pcm) - len(whole) < 1_152
    assert nothing == ()
    assert kinds(notes) == [kind]


@pytest.mark.parametrize("place", ["before", "within", "after"])
@pytest.mark.parametrize("rubbish", [bytes(9_000), b"ID3\x04\0\0\0\0\x07\x68" + bytes(1_000), b"RIFF" * 900])
def test_mp3_with_something_around_it(tmp_path, place, rubbish):
    content = mp3()
    whole, _ = read(tmp_path / "whole.mp3", content)
    at = {"before": 0, "within": len(content) // 2, "after": len(content)}[place]
    pcm, notes = read(tmp_path / "around.mp3", content[:at] + rubbish + content[at:])
    assert len(pcm) == pytest.approx(len(whole), abs=2_400)
    np.testing.assert_array_equal(pcm[: len(whole) // 4], whole[: len(whole) // 4])
    assert len(notes) == (place == "within" or (place == "before" and rubbish[:3] != b"ID3"))


# --- Ogg


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_files_in_a_row_are_all_read(tmp_path, subtype):
    content = encoded("OGG", subtype=subtype)
    whole, nothing = read(tmp_path / "whole.ogg", content)
    pcm, notes = read(tmp_path / "chained.ogg", content + content)
    np.testing.assert_array_equal(pcm, np.concatenate([whole, whole]))
    assert nothing == ()
    assert kinds(notes) == ["several Ogg files in one"]


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_that_is_cut_damaged_or_ends_before_it_begins(tmp_path, subtype):
    content = encoded("OGG", sound(12), subtype=subtype)
    whole, _ = read(tmp_path / "whole.ogg", content)
    pcm, notes = read(tmp_path / "cut.ogg", content[: len(content) // 2])
    assert kinds(notes) == ["cut off"]
    assert len(whole) // 5 < len(pcm) < len(whole)
    last = content.rindex(b"OggS")
    page = content[last : last + 6] + struct.pack("<q", 999) + content[last + 14 : last + 22] + bytes(4)
    page += content[last + 26 :]
    page = page[:22] + struct.pack("<I", ogg.page_checksum(page)) + page[26:]
    pcm, notes = read(tmp_path / "back.ogg", content[:last] + page)
    np.testing.assert_array_equal(pcm[: len(whole)], whole)
    assert kinds(notes) == ["length wrong in the last page"]
    lost = content.rindex(b"OggS", 0, len(content) // 2)
    following = content.index(b"OggS", lost + 1)
    _, notes = read(tmp_path / "lost.ogg", content[:lost] + content[following:])
    assert "damaged" in kinds(notes)[0]


# --- All


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.floats(0, 1))
def test_a_cut_file_never_holds_more_than_the_whole(tmp_path, kind, part):
    content = encoded(kind.upper(), sound(0.6))
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(content)
    whole = decode.decode(path, sample_rate_hz=16_000)
    path.write_bytes(content[: int(part * len(content))])
    found, measured = decode.decode(path, sample_rate_hz=16_000), decode.measure_recording(path)
    assert isinstance(found, Unusable) == isinstance(measured, Unusable)
    # A cut mp3 lacks the frames from which the encoder's silence would be taken off.
    assert isinstance(found, Unusable) or len(found) <= len(whole) + 1_152 * (kind == "mp3")


@pytest.mark.parametrize(("name", "seconds"), [("variable_no_xing.mp3", 30), ("bw64_small.wav", 4)])
def test_recordings_of_strangers(shared, name, seconds):
    found = decode.measure_recording(shared / "data/trials/recordings" / name)
    assert isinstance(found, Properties)
    assert found.duration_s == pytest.approx(seconds, abs=0.1)


def test_headers_cut_within_a_number(tmp_path):
    """What the fuzzer found: a chunk that is longer than the file."""
    lengths = b"ds64" + struct.pack("<I", 2**31) + bytes(4)
    assert reason(tmp_path / "cut.wav", b"RF64\xff\xff\xff\xffWAVE" + lengths).startswith("unreadable: ")
    for size in range(8, 120):
        path = tmp_path / "short.flac"
        path.write_bytes(encoded("FLAC")[:size])
        assert isinstance(decode.measure_recording(path), Unusable)


def test_a_second_file_that_cannot_be_opened_is_left_out(tmp_path):
    for kind, content in (("flac", encoded("FLAC")), ("ogg", encoded("OGG"))):
        whole, _ = read(tmp_path / f"whole.{kind}", content)
        pcm, notes = read(tmp_path / f"joined.{kind}", content + content[:60])
        np.testing.assert_array_equal(pcm, whole)
        assert notes, kind


def test_files_made_to_keep_a_reader_busy_end_soon(tmp_path):
    """No chunk, mark or frame makes the reader begin again and again from the same place."""
    chain = b"LIST" + struct.pack("<I", 0)
    for name, content in (
        ("chunks.wav", wav(PCM, data_bytes=1_000, after=chain * 50_000 + b"LIST\xff\xff\xff\x7f")),
        ("marks.flac", encoded("FLAC") + b"fLaC\0\0\0\x22" * 100_000),
        ("pages.ogg", (b"OggS\0\2" + bytes(21) + b"OggS\0\0" + bytes(21)) * 5_000),
        ("frames.mp3", b"\xff\xfb\x90\x64" * 50_000),
    ):
        (tmp_path / name).write_bytes(content)
        decode.measure_recording(tmp_path / name)
    many = encoded("FLAC", sound(0.01)) * 1_001
    assert reason(tmp_path / "many.flac", many) == "unreadable: more than 1,000 files in one"


def test_a_damaged_mp3_writes_nothing_past_python(tmp_path, capfd):
    content = bytearray(mp3())
    content[2_000::1_500] = bytes(len(content[2_000::1_500]))
    content[len(content) // 2 :] = bytes(5_000) + content[len(content) // 2 :]
    read(tmp_path / "damaged.mp3", bytes(content))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(12))
def test_no_damage_raises(tmp_path, seed):
    """Bytes changed, taken out, put in and moved: a result or a reason, measured and decoded alike."""
    rng = np.random.default_rng(seed)
    for kind in ("WAV", "FLAC", "OGG", "MP3"):
        content = bytearray(encoded(kind, sound(0.8, seed)))
        for _ in range(rng.integers(1, 6)):
            at, count = int(rng.integers(len(content) // (1, 50)[rng.integers(2)])), int(rng.integers(1, 400))
            piece = (b"", rng.bytes(count), bytes(count), content[:count])[rng.integers(4)]
            content[at : at + int(rng.integers(count + 1))] = piece
        path = tmp_path / f"damaged.{kind.lower()}"
        path.write_bytes(content)
        found, measured = (
            decode.decode_with_notes(path, sample_rate_hz=RATE_HZ),
            decode.measure_recording(path),
        )
        if isinstance(found, Unusable):
            assert found == measured
        else:
            assert found.notes == measured.notes
            assert len(found.pcm) == decode.decoded_samples(measured.duration_s, measured.rate_hz, RATE_HZ)
