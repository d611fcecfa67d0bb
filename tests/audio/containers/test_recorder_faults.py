"""Files that recorders are known to leave behind: what becomes of each, and what is said.

The codes are those of the list of known problems of acoustic recorders.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.decoding.decode import Decoded, Unusable

RATE_HZ = 22_050
PCM = np.random.default_rng(0).integers(-3_000, 3_000, RATE_HZ).astype("<i2")
AUDIO = PCM.tobytes()
NOISE = np.random.default_rng(1).integers(1, 255, 50_000).astype(np.uint8).tobytes()


def wav(
    audio: bytes, *, data_bytes: int | None = None, riff: int | None = None, comment: bytes = b""
) -> bytes:
    described = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + described
    if comment:
        body += (
            b"LIST"
            + struct.pack("<I", 4 + 8 + len(comment))
            + b"INFOICMT"
            + struct.pack("<I", len(comment))
            + comment
        )
    body += b"data" + struct.pack("<I", len(audio) if data_bytes is None else data_bytes) + audio
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


FILES = {
    "OE004 a file of no bytes": (b"", "the file is empty"),
    "OE005 WA002 zeros instead of a file": (bytes(60_000), "every byte of it is zero"),
    "WA002 a header, and zeros instead of audio": (wav(bytes(60_000)), "silent: every sample is the same"),
    "WA004 no header, noise": (NOISE, "unreadable: it holds no WAV data, or its begin is damaged"),
    "FL001 only a header, after a loss of power": (wav(b"", data_bytes=0, riff=36), "holds no samples"),
    "FL003 reserved, the size in the header that of the header, never recorded": (
        wav(bytes(60_000), data_bytes=44),
        "silent: every sample is the same",
    ),
    "FL003 reserved, half recorded": (
        wav(AUDIO + bytes(60_000), data_bytes=44),
        ("length missing in the header", "zeros at the end"),
    ),
    "FL005 the size of the file instead of that of the audio": (
        wav(AUDIO, data_bytes=len(AUDIO) + 44),
        ("length wrong in the header",),
    ),
    "FL012 no size, audio to the end": (wav(AUDIO, data_bytes=0, riff=36), ("length missing in the header",)),
    "a size that means unknown": (wav(AUDIO, data_bytes=0xFFFF_FFFF), ("length missing in the header",)),
    "an odd byte at the end": (wav(AUDIO, data_bytes=0)[:-1], ("length missing in the header",)),
    "AudioMoth after a loss of power, only its header": (
        wav(
            b"",
            data_bytes=0,
            riff=480,
            comment=b"Recording stopped due to SD card write error.".ljust(384, b"\0"),
        ),
        "holds no samples",
    ),
    "AudioMoth after a loss of power, some audio": (
        wav(AUDIO, data_bytes=0, riff=480, comment=b"x".ljust(384, b"\0")),
        ("length missing in the header",),
    ),
    "OA002 a tiny file, of a low battery": (wav(AUDIO[:100]), "too short: 0.002 s, the least is 0.1 s"),
}


@pytest.mark.parametrize("fault", FILES)
def test_what_a_recorder_left_behind(tmp_path: Path, fault: str) -> None:
    content, expected = FILES[fault]
    path = tmp_path / "recording.wav"
    path.write_bytes(content)
    found = decode.decode_with_notes(path, sample_rate_hz=RATE_HZ)
    if isinstance(expected, str):
        assert isinstance(found, Unusable)
        assert expected in found.reason
        return
    assert isinstance(found, Decoded), found
    assert tuple(note.split(":")[0] for note in found.notes) == expected
    there = PCM[: (len(content) - content.index(b"data") - 8) // 2]
    np.testing.assert_array_equal(found.pcm[: len(there)], there)
    assert not found.pcm[len(there) :].any()


def test_an_unfinished_file_named_data_is_read_by_its_content(tmp_path: Path) -> None:
    """FL011: the recorder lost its power before it gave the file its name."""
    path = tmp_path / "data"
    path.write_bytes(wav(AUDIO, data_bytes=0))
    found = decode.decode_with_notes(path, sample_rate_hz=RATE_HZ)
    assert isinstance(found, Decoded), found
    np.testing.assert_array_equal(found.pcm, PCM)
