"""Triggered recordings of an AudioMoth: the silence that they left out comes back, sample by sample."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdnet_stm32.audio.containers.audiomoth_silence import BLOCK_BYTES
from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.decoding.decode import Decoded, Properties, Unusable

RATE_HZ = 8_000
BLOCK = BLOCK_BYTES // 2  # samples
COMMENT = b"Recorded at 04:30:00 01/05/2026 (UTC) by AudioMoth 24F3190361CAF6BB. Amplitude threshold was 512."
HEADER_BYTES = 488


def wav(
    audio: bytes, *, comment: bytes = COMMENT, header_bytes: int = HEADER_BYTES, after: bytes = b""
) -> bytes:
    described = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    room = header_bytes - 12 - 24 - 8 - 12 - 8
    texts = b"INFOICMT" + struct.pack("<I", room) + comment.ljust(room, b"\0")
    body = b"WAVEfmt " + struct.pack("<I", 16) + described + b"LIST" + struct.pack("<I", len(texts)) + texts
    body += b"data" + struct.pack("<I", len(audio)) + audio + after
    content = b"RIFF" + struct.pack("<I", len(body)) + body
    assert len(content) == header_bytes + len(audio) + len(after)
    return content


def encoded(blocks: int) -> bytes:
    """The block that stands for so many silent blocks, written as the firmware does."""
    bits = [1 if blocks >> bit & 1 else -1 for bit in range(32)]
    return np.array(bits + [0] * (BLOCK - 32), "<i2").tobytes()


def triggered(pcm: np.ndarray, keep: list[bool], header_bytes: int = HEADER_BYTES) -> bytes:
    """Leave the blocks out that are not kept. The first samples fill the block that the header began."""
    first = -header_bytes % BLOCK_BYTES // 2
    out, silent = pcm[:first].tobytes(), 0
    for number, kept in enumerate(keep):
        block = pcm[first + number * BLOCK : first + (number + 1) * BLOCK]
        if not kept:
            silent += 1
            continue
        out += (encoded(silent) if silent else b"") + block.tobytes()
        silent = 0
    return out + (encoded(silent) if silent else b"") + pcm[first + len(keep) * BLOCK :].tobytes()


def recording(keep: list[bool], header_bytes: int = HEADER_BYTES, rest: int = 0, seed: int = 0) -> np.ndarray:
    """Noise in the blocks that are kept, silence in the others."""
    first = -header_bytes % BLOCK_BYTES // 2
    rng = np.random.default_rng(seed)
    pcm = rng.integers(-3_000, 3_000, first + len(keep) * BLOCK + rest).astype("<i2")
    for number, kept in enumerate(keep):
        if not kept:
            pcm[first + number * BLOCK : first + (number + 1) * BLOCK] = 0
    return pcm


def read(path: Path, content: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    path.write_bytes(content)
    found = decode.decode_with_notes(path, sample_rate_hz=RATE_HZ)
    assert isinstance(found, Decoded), found
    return found.pcm, found.notes


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keep=st.lists(st.booleans(), min_size=4, max_size=60),
    header_bytes=st.sampled_from([488, 512, 120, 124, 1_026]),
    rest=st.integers(0, BLOCK - 1),
    seed=st.integers(0, 1_000),
)
def test_all_samples_come_back_at_their_times(tmp_path, keep, header_bytes, rest, seed) -> None:
    pcm = recording([True, *keep, True], header_bytes, rest, seed)
    content = wav(
        triggered(pcm, [True, *keep, True], header_bytes),
        header_bytes=header_bytes,
        comment=b"AudioMoth. threshold was 1" if header_bytes < 488 else COMMENT,
    )
    found, notes = read(tmp_path / "20260501_043000T.WAV", content)
    np.testing.assert_array_equal(found, pcm)
    assert [note.split(":")[0] for note in notes] == ([] if all(keep) else ["silence restored"])


def test_the_index_and_the_training_see_the_same_recording(tmp_path: Path) -> None:
    keep = [True] * 20 + [False] * 400 + [True] * 20 + [False] * 100
    pcm = recording(keep)
    path = tmp_path / "20260501_043000T.WAV"
    guano = b"guan" + struct.pack("<I", 22) + b"GUANO|Version: 1.0\nx:y"
    found, notes = read(path, wav(triggered(pcm, keep), after=guano))
    np.testing.assert_array_equal(found, pcm)
    assert notes == ("silence restored: 16.000 s in 2 gaps that the recorder, triggered by sound, left out",)
    measured = decode.measure_recording(path)
    assert isinstance(measured, Properties)
    assert (round(measured.duration_s * RATE_HZ), measured.notes) == (len(pcm), notes)
    first, last = 15 * BLOCK, 430 * BLOCK  # from the first sound over the silence into the second
    parts = decode.decode_parts(path, [(first, last)], sample_rate_hz=RATE_HZ, samples=len(pcm))
    assert parts is not None
    np.testing.assert_array_equal(parts[0], pcm[first:last])


def test_only_an_audiomoth_with_a_trigger_leaves_silence_out(tmp_path: Path) -> None:
    audio = triggered(recording([True, False, False, *[True] * 4]), [True, False, False, *[True] * 4])
    for comment in (
        COMMENT.replace(b"threshold", b"level"),
        COMMENT.replace(b"AudioMoth", b"another recorder"),
    ):
        found, notes = read(tmp_path / "T.WAV", wav(audio, comment=comment))
        assert (found.tobytes(), notes) == (audio, ())


@pytest.mark.parametrize(
    "block",
    [
        encoded(5)[:-2] + b"\1\0",  # not silent to its end
        encoded(5)[:10] + b"\0\0" + encoded(5)[12:],  # a bit that is neither set nor not set
        encoded(1 << 31),  # the bit that the firmware never sets
        encoded(0),
    ],
)
def test_what_is_no_such_block_is_audio(tmp_path: Path, block: bytes) -> None:
    audio = recording([True] * 8).tobytes()
    audio = audio[: 24 + 3 * BLOCK_BYTES] + block + audio[24 + 4 * BLOCK_BYTES :]
    found, notes = read(tmp_path / "T.WAV", wav(audio))
    assert (found.tobytes(), notes) == (audio, ())


def test_a_claim_of_years_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "T.WAV"
    sound = recording([True] * 8).tobytes()
    for claims in (encoded((1 << 31) - 1), encoded(1 << 20) * 40):
        path.write_bytes(wav(sound + claims + sound[24:]))
        found = decode.measure_recording(path)
        assert isinstance(found, Unusable)
        assert "longer than 24 h" in found.reason


def test_twenty_minutes_of_silence_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "T.WAV"
    sound = recording([True] * 8).tobytes()
    path.write_bytes(wav(sound + encoded(1_200 * RATE_HZ // BLOCK) + sound[24:]))
    taken = 0

    def take(block: np.ndarray) -> None:
        nonlocal taken
        taken += len(block)

    tracemalloc.start()
    try:
        notes = decode.decode_blocks(path, take, sample_rate_hz=RATE_HZ)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not isinstance(notes, Unusable)
    assert taken == len(sound) - 12 + 1_200 * RATE_HZ // BLOCK * BLOCK
    assert most_bytes < 20 << 20
