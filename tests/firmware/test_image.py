from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware.image import HEADER_BYTES, PAYLOAD_OFFSET, ImageKind, boot_image, parse

APPLICATION = 0x3400_0400
STACK = 0x3410_0000


def program(length: int = 100, *, stack: int = STACK, entry: int = APPLICATION + 0x41) -> bytes:
    return (struct.pack("<II", stack, entry) + bytes(range(1, 255)) * (length // 254 + 1))[:length]


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (0x00, b"STM2"),
        (0x04, bytes(96)),
        (0x68, bytes.fromhex("00 03 02 00")),
        (0x6C, struct.pack("<I", 0x1C0 + 112)),
        (0x70, struct.pack("<I", APPLICATION + 0x41)),
        (0x74, bytes(4)),
        (0x78, b"\xff" * 4),
        (0x7C, bytes(8)),
        (0x84, bytes.fromhex("00 00 00 80")),
        (0x88, struct.pack("<I", 0x1A0)),
        (0x8C, bytes(4)),
        (0x90, bytes(16)),
        (0xA0, b"ST\xff\xff"),
        (0xA4, struct.pack("<I", 0x1A0)),
        (0xA8, bytes(0x198)),
        (0x240, bytes(0x1C0)),
        (0x400, program(100)),
        (0x464, bytes(12)),
    ],
    ids=lambda value: f"{value:#x}" if isinstance(value, int) else "",
)
def test_field(offset: int, expected: bytes) -> None:
    assert boot_image(program(100))[offset : offset + len(expected)] == expected


def test_golden_header() -> None:
    payload = bytes.fromhex("00001034 09040034 deadbeef")
    assert sum(payload) == 0x3BD
    expected = (
        "53544d32" + "00" * 96 + "bd030000" + "00030200" + "d0010000" + "09040034" + "00000000" + "ffffffff"
        "00000000" + "00000000" + "00000080" + "a0010000" + "00000000" + "00" * 16 + "5354ffff" + "a0010000"
    )
    assert boot_image(payload)[:0xA8].hex() == expected


def test_checksum_covers_gap_payload_and_tail() -> None:
    image = boot_image(program(1000))
    assert struct.unpack_from("<I", image, 0x64)[0] == sum(image[0x240:]) == parse(image).checksum


def test_same_bytes_twice() -> None:
    assert boot_image(program(777)) == boot_image(program(777))


@given(length=st.integers(0x42, 4096), entry=st.integers(0, 0x20))
def test_round_trip(length: int, entry: int) -> None:
    payload = program(length, entry=APPLICATION + 2 * entry + 1)
    image = boot_image(payload)
    header = parse(image)
    assert header.kind is ImageKind.APPLICATION
    assert header.entry == APPLICATION + 2 * entry + 1
    assert header.image_bytes + HEADER_BYTES == len(image)
    assert len(image) % 16 == 0
    assert image[PAYLOAD_OFFSET : PAYLOAD_OFFSET + length] == payload
    assert not image[PAYLOAD_OFFSET + length :].strip(b"\0")


def test_first_stage_loader() -> None:
    payload = program(stack=0x3411_0000, entry=0x3418_0441)
    image = boot_image(payload, kind="fsbl")
    assert image[0x8C] == 0x10
    assert parse(image).kind is ImageKind.FSBL
    with pytest.raises(InputError, match="entry point"):
        boot_image(payload)


def test_random_extension_body_is_accepted() -> None:
    image = bytearray(boot_image(program()))
    image[0xA8:HEADER_BYTES] = b"\x5a" * (HEADER_BYTES - 0xA8)
    assert parse(bytes(image)).image_bytes == 0x1C0 + 112


@pytest.mark.parametrize(
    ("offset", "name"),
    [
        (0x00, "magic"),
        (0x10, "signature"),
        (0x64, "checksum"),
        (0x68, "header version"),
        (0x6C, "image length"),
        (0x70, "entry point"),
        (0x74, "reserved"),
        (0x78, "load address"),
        (0x80, "reserved"),
        (0x84, "extension flags"),
        (0x88, "extension length"),
        (0x8C, "binary type"),
        (0x90, "reserved"),
        (0x98, "reserved"),
        (0x9C, "reserved"),
        (0xA0, "extension type"),
        (0xA4, "extension length"),
        (0x300, "checksum"),
        (0x440, "checksum"),
    ],
)
def test_any_changed_byte_is_noticed(offset: int, name: str) -> None:
    image = bytearray(boot_image(program()))
    image[offset] ^= 0x04
    with pytest.raises(InputError, match=name):
        parse(bytes(image))


def test_payload_elsewhere_is_noticed() -> None:
    """Signing without alignment gives a valid checksum but a vector table where nobody looks."""
    image = boot_image(program())
    unaligned = bytearray(image[:HEADER_BYTES] + image[PAYLOAD_OFFSET:] + bytes(0x1C0))
    with pytest.raises(InputError, match="gap at 0x240"):
        parse(bytes(unaligned))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "0 bytes long"),
        (program(8)[:7], "7 bytes long"),
        (program(1023 * 1024 + 1), "bytes long"),
        (program(stack=0x2000_8000), "stack pointer"),
        (program(stack=0x3420_0008), "stack pointer"),
        (program(stack=STACK - 4), "stack pointer"),
        (program(entry=APPLICATION + 0x40), "entry point"),
        (program(entry=APPLICATION - 1), "entry point"),
        (program(100, entry=APPLICATION + 101), "entry point"),
        (boot_image(program()), "stack pointer"),
    ],
)
def test_refused_payload(payload: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        boot_image(payload)


def test_truncated_image() -> None:
    image = boot_image(program(4096))
    for length in (0, 0x3FF, 0x400, len(image) - 1, len(image) - 16):
        with pytest.raises(InputError):
            parse(image[:length])
