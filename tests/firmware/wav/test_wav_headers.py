"""What the firmware's WAV reader refuses, with which words, and that no header leads outside of the file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.decoding.decode import Decoded, Unusable
from tests.firmware.wav.conftest import (
    CHANNELS,
    EMPTY,
    ENCODING,
    GAPS,
    HEADER,
    NOT_WAVE,
    OK,
    RATE,
    VALUES,
    CRead,
    Request,
    chunk,
    plain_format,
    riff,
)
from tests.firmware.wav.test_wav_samples import on_host

RATE_HZ = 24_000
FORMAT = plain_format()
SAMPLES = [1, -2, 32_767, -32_768]
DATA = chunk(b"data", struct.pack("<4h", *SAMPLES))
GUID_REST = bytes.fromhex("000000001000800000aa00389b71")
AUDIOMOTH = (
    b"Recorded at 10:00:00 01/05/2026 (UTC) by AudioMoth 24F3190361CAF6BB at medium gain while battery "
    b"was 4.2V and temperature was 11.5C. Amplitude threshold was 512 with 1s minimum trigger duration."
)


def extensible(tag: int = 1, bits: int = 16, rest: bytes = GUID_REST) -> bytes:
    frame_bytes = bits // 8
    plain = struct.pack("<HHIIHH", 0xFFFE, 1, RATE_HZ, RATE_HZ * frame_bytes, frame_bytes, bits)
    return chunk(b"fmt ", plain + struct.pack("<HHIH", 22, bits, 4, tag) + rest)


@pytest.mark.parametrize(
    "content",
    [
        riff(chunk(b"LIST", b"odd"), FORMAT, chunk(b"fact", b"1234"), DATA),
        riff(FORMAT, DATA, chunk(b"guan", b"GUANO|Version:1.0")),
        riff(extensible(), DATA),
        riff(chunk(b"fmt ", FORMAT[8:] + struct.pack("<H", 0)), DATA),
    ],
    ids=["padded", "after", "extensible", "with_extension"],
)
def test_chunks_in_any_order_lead_to_the_samples(c_read: CRead, content: bytes) -> None:
    (found,) = c_read([Request(content=content, rate_hz=RATE_HZ)])
    assert (found.status, found.notes, found.rate_hz, found.channels) == (OK, (), RATE_HZ, 1)
    assert found.pcm.tolist() == SAMPLES


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (b"", NOT_WAVE, "it does not begin as a WAV file"),
        (b"RIFF", NOT_WAVE, "it does not begin as a WAV file"),
        (b"fLaC" + riff(FORMAT, DATA)[4:], NOT_WAVE, "it does not begin as a WAV file"),
        (
            riff(FORMAT, DATA, form=b"RIFX"),
            NOT_WAVE,
            "it does not begin as a WAV file: its numbers are big-endian (RIFX)",
        ),
        (b"RIFF\0\0\0\0AVI " + FORMAT + DATA, NOT_WAVE, "it does not begin as a WAV file"),
        (riff(), HEADER, "damaged header: it ends before its samples"),
        (riff(FORMAT), HEADER, "damaged header: it ends before its samples"),
        (riff(DATA), HEADER, "damaged header: its samples come before their format"),
        (riff(FORMAT, FORMAT, DATA), HEADER, "damaged header: it has two formats"),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), DATA), HEADER, "damaged header: its format is too short"),
        (
            riff(chunk(b"LIST", b"", size=0xFFFFFFFF), FORMAT, DATA),
            HEADER,
            "damaged header: a chunk ends after the file",
        ),
        (
            riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE_HZ, 32_000, 4, 16)), DATA),
            HEADER,
            "damaged header: channels and bits contradict the size of a sample",
        ),
        (
            riff(*[chunk(b"junk", b"")] * 10_001, FORMAT, DATA),
            HEADER,
            "damaged header: it has too many chunks",
        ),
        (riff(FORMAT, chunk(b"data", b"")), EMPTY, "no samples"),
        (riff(FORMAT, chunk(b"data", b"\1")), EMPTY, "no samples"),
        (
            riff(plain_format(tag=85, bits=0), DATA),
            ENCODING,
            "its samples have format 85 and 0 bits, not PCM of 8 to 32 bits or floats of 32 or 64",
        ),
        (
            riff(extensible(rest=bytes(14)), DATA),
            ENCODING,
            "its samples have format 65534 and 16 bits, not PCM of 8 to 32 bits or floats of 32 or 64",
        ),
        (riff(plain_format(channels=9), DATA), CHANNELS, "it has 9 channels, 1 to 8 can be read"),
        (riff(plain_format(channels=0), DATA), CHANNELS, "it has 0 channels, 1 to 8 can be read"),
        (riff(plain_format(44_100), DATA), RATE, "its rate is 44100 Hz, the model's 24000 Hz"),
        (riff(plain_format(2**32 - 1), DATA), RATE, "its rate is 4294967295 Hz, the model's 24000 Hz"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_numbers(
    c_read: CRead, content: bytes, status: int, text: str
) -> None:
    (found,) = c_read([Request(content=content, rate_hz=RATE_HZ)])
    assert (found.status, found.text) == (status, text)


def test_every_plausible_rate_can_be_asked_for_and_a_missing_channel_is_named(c_read: CRead) -> None:
    rates = [0, 999, 1_000, 384_000, 1_000_000, 1_000_001]
    found = c_read([Request(content=riff(plain_format(rate), DATA)) for rate in rates])
    assert [one.status for one in found] == [RATE, RATE, OK, OK, OK, RATE]
    assert found[0].text == "its rate is 0 Hz, which is not plausible"
    (missing,) = c_read([Request(content=riff(FORMAT, DATA), channel=2)])
    assert (missing.status, missing.text) == (CHANNELS, "it has 1 channel, channel 2 is asked for")


def gap(blocks: int) -> bytes:
    """The block that stands for so many silent ones."""
    return struct.pack("<32h", *(1 if blocks >> bit & 1 else -1 for bit in range(32))) + bytes(448)


def audiomoth(comment: bytes, *blocks: bytes) -> bytes:
    """A file of an AudioMoth, whose header has 488 bytes, and in it blocks at multiples of 512 bytes."""
    text = chunk(b"ICMT", comment.ljust(384, b"\0")) + chunk(b"IART", b"AudioMoth".ljust(32, b"\0"))
    audio = bytes(range(1, 25)) + b"".join(blocks)
    content = riff(FORMAT, chunk(b"LIST", b"INFO" + text), chunk(b"data", audio))
    assert content.index(audio) == 488
    return content


def test_silent_parts_that_an_audiomoth_left_out_are_no_samples(tmp_path: Path, c_read: CRead) -> None:
    sound = np.random.default_rng(1).integers(-99, 99, 256).astype("<i2").tobytes()
    files = [
        audiomoth(AUDIOMOTH, sound, gap(7), sound),
        audiomoth(AUDIOMOTH, sound, gap(1 << 12)),
        audiomoth(AUDIOMOTH, sound, sound),  # was expanded
        audiomoth(AUDIOMOTH, sound, sound[:2] + gap(7)),  # not where a block begins
        audiomoth(AUDIOMOTH, sound, gap(0), sound, gap(1 << 31)),  # no silence, and no number of blocks
        audiomoth(AUDIOMOTH.partition(b" Amplitude")[0], sound, gap(7), sound),
    ]
    found = c_read([Request(content=content) for content in files])
    assert [one.status for one in found] == [GAPS, GAPS, OK, OK, OK, OK]
    for one, content in zip(found, files, strict=True):
        host = on_host(tmp_path / "a.wav", content, 0)
        assert isinstance(host, Decoded)
        assert (one.status == GAPS) == (len(host.pcm) > len(content) // 2)  # the host restores silence
        if one.status == OK:
            np.testing.assert_array_equal(one.pcm, host.pcm)
    assert found[0].text == "the AudioMoth left out silent parts: expand the file first"


def test_damaged_files_never_lead_outside_of_the_file(tmp_path: Path, c_read: CRead) -> None:
    rng = np.random.default_rng(7)
    intact = riff(chunk(b"LIST", b"odd"), FORMAT, DATA, chunk(b"guan", b"x"))
    extremes = np.array([0, 1, 0x7F, 0x80, 0xFE, 0xFF])
    files = [intact[:length] for length in range(len(intact))]
    for _ in range(700):
        content = bytearray(intact)
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            content[place] = rng.choice(extremes) if rng.random() < 0.7 else rng.integers(256)
        files.append(bytes(content))
    for content, found in zip(files, c_read([Request(content=one) for one in files]), strict=True):
        assert OK <= found.status <= VALUES
        assert found.pcm.nbytes <= 4 * len(content)  # eight bits become sixteen
        if found.status == OK:
            host = on_host(tmp_path / "a.wav", content, 0)
            if isinstance(host, Unusable) or found.rate_hz != RATE_HZ:
                continue  # silent, or to be resampled
            np.testing.assert_array_equal(found.pcm, host.pcm)
