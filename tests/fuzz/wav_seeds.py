"""Small WAV files from which the fuzzer of the reader in C starts, and the words that it may insert."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.firmware.wav.conftest import chunk, plain_format, riff

FORMATS = [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)]
GUID_REST = bytes.fromhex("000000001000800000aa00389b71")
WORDS = (
    "RIFF RIFX RF64 BW64 WAVE fmt data ds64 LIST guan wamd bext iXML junk JUNK FLLR PAD fact TAG ID3 "
    "AudioMoth threshold"
).split()
NUMBERS = (b"\xff\xff\xff\xff", b"\0\xf0\xff\x7f", b"\x2c\0\0\0", b"\0\0\0\0", b"\xfe\xff", GUID_REST)


def seeds() -> Iterator[bytes]:
    """Yield inputs: a byte that chooses channel and rate, then a file."""
    guano = chunk(b"guan", b"GUANO|Version:1.0")
    comment = chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"AudioMoth threshold was"))
    for tag, bits in FORMATS:
        for channels in (1, 2, 8):
            audio = bytes(range(1, 1 + 3 * channels * bits // 8))
            described = plain_format(tag=tag, bits=bits, channels=channels)
            yield bytes([channels % 3]) + riff(comment, described, chunk(b"data", audio), guano)
    audio = bytes(range(64))
    for size in (0, 44, 60, 1_000, 0xFFFF_FFFF):
        for after in (b"", guano, bytes(20), comment + guano):
            yield b"\0" + riff(plain_format(), chunk(b"data", audio, size=size), after)
    for size in (64, 2**63):
        lengths = chunk(b"ds64", struct.pack("<QQQI", 100, size, 32, 0))
        data = chunk(b"data", audio, size=0xFFFF_FFFF)
        yield b"\x80" + riff(lengths, plain_format(), data, guano, form=b"RF64")
    extensible = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 24_000, 0, 2, 16, 22, 16, 4, 1) + GUID_REST
    yield b"\0" + riff(chunk(b"fmt ", extensible), chunk(b"data", audio))
    gap = struct.pack("<32h", *([1, -1] * 16)) + bytes(448)
    before = riff(comment, plain_format(), chunk(b"data", b""))
    yield b"\0" + riff(comment, plain_format(), chunk(b"data", bytes(512 - len(before)) + gap))


def dictionary() -> str:
    """Return the words as a dictionary of libFuzzer."""
    quoted = ["".join(f"\\x{byte:02x}" for byte in word) for word in (*(w.encode() for w in WORDS), *NUMBERS)]
    return "".join(f'"{word}"\n' for word in quoted)
