"""The boot header that the STM32N6 expects in front of every program in its flash.

The boot ROM and the first-stage loader expect every program behind a header, version 2.3, all fields little
endian, the payload (vector table first) 0x400 bytes into the file::

    offset  bytes  field             in an image that is not signed
    0x00     4     magic             "STM2"
    0x04    96     signature         0
    0x64     4     checksum          sum of all bytes from 0x240 on, modulo 2**32
    0x68     4     header version    0x00020300
    0x6C     4     image length      bytes from 0x240 to the end: gap, payload and tail
    0x70     4     entry point       second word of the vector table
    0x74     4     reserved          0
    0x78     4     load address      0xFFFFFFFF: the loader decides
    0x7C     4     reserved          0
    0x80     4     rollback version  0
    0x84     4     extension flags   0x80000000: a padding extension, neither authenticated nor encrypted
    0x88     4     extension length  0x1A0
    0x8C     4     binary type       0x10 first-stage loader, 0x00 application
    0x90    16     padding, non-secure payload length and hash, 0
    0xA0     4     extension type    "ST" FF FF
    0xA4     4     extension length  0x1A0
    0xA8  0x198    extension body    ST writes random bytes, nobody reads them: 0 here
    0x240 0x1C0    gap               0, so that the vector table is aligned
    0x400          payload, then zeros until the length is a multiple of 16

Silicon of cut 1.1 (revision code Z) wants the version 2.1, every later one 2.3. What is known of 2.1 is its
number alone: ST's own projects change nothing else between the two, and no image with it is public.

A loader that finds the payload elsewhere starts nothing and reports nothing, so everything is checked here.
No image made here has been started on a board yet; the header equals those of ST's signed images.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

from birdnet_stm32.errors import InputError

HEADER_BYTES = 0x240
PAYLOAD_OFFSET = 0x400
ALIGNMENT_BYTES = 16

_MAGIC = b"STM2"
_ANY_ADDRESS = 0xFFFF_FFFF
_PADDING_EXTENSION = 0x8000_0000
_EXTENSION_BYTES = 0x1A0
_EXTENSION_TYPE = b"ST\xff\xff"
# Magic to the extension's length, 0x00 to 0xA7.
_FIELDS = struct.Struct("<4s 96s I I I I I I I I I I I 8s I I 4s I")
# Powered when the boot ROM ends: AXISRAM1 and 2. A stack anywhere else faults at the first push.
_STACK_FIRST, _STACK_END = 0x3400_0000, 0x3420_0000


class HeaderVersion(StrEnum):
    """Which silicon it is for."""

    CUT_2 = "2.3"  # cut 2.0 and later, revision code B
    CUT_1 = "2.1"  # cut 1.1, revision code Z


_VERSIONS = {HeaderVersion.CUT_2: 0x0002_0300, HeaderVersion.CUT_1: 0x0002_0100}


class ImageKind(StrEnum):
    """Who starts a program."""

    APPLICATION = "application"  # the first-stage loader, from its copy in AXISRAM1
    FSBL = "fsbl"  # the boot ROM, from AXISRAM2


@dataclass(frozen=True, kw_only=True)
class _Load:
    """Where a kind of program runs, and the number that the header has for it."""

    address: int
    end: int
    binary_type: int


_LOADS = {
    ImageKind.APPLICATION: _Load(address=0x3400_0400, end=0x3410_0000, binary_type=0x00),
    ImageKind.FSBL: _Load(address=0x3418_0400, end=0x3420_0000, binary_type=0x10),
}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the header of an image says; see the table above.

    Args:
        kind: who starts it.
        version: of the header.
        checksum: sum of all bytes behind the header, modulo 2**32.
        image_bytes: bytes behind the header.
        entry: address of the first instruction, lowest bit set for Thumb.
    """

    kind: ImageKind
    version: HeaderVersion
    checksum: int
    image_bytes: int
    entry: int


def boot_image(
    payload: bytes,
    *,
    kind: ImageKind | str = ImageKind.APPLICATION,
    version: HeaderVersion | str = HeaderVersion.CUT_2,
    where: str = "payload",
) -> bytes:
    """Put the boot header in front of a raw binary.

    Args:
        payload: the binary, vector table first, linked for the address where ``kind`` runs.
        kind: who starts it.
        version: of the header, which depends on the silicon.
        where: the name of the binary, for errors.

    Returns:
        The image; the same bytes for the same payload.

    Raises:
        InputError: the vector table or the size does not fit where such a program runs.
    """
    kind = ImageKind(kind)
    entry = _check_vectors(payload, kind, where=where)
    gap = bytes(PAYLOAD_OFFSET - HEADER_BYTES)
    body = gap + payload + bytes(-len(payload) % ALIGNMENT_BYTES)
    fields = _FIELDS.pack(
        _MAGIC,
        bytes(96),
        sum(body) & 0xFFFF_FFFF,
        _VERSIONS[HeaderVersion(version)],
        len(body),
        entry,
        0,
        _ANY_ADDRESS,
        0,
        0,
        _PADDING_EXTENSION,
        _EXTENSION_BYTES,
        _LOADS[kind].binary_type,
        bytes(8),
        0,
        0,
        _EXTENSION_TYPE,
        _EXTENSION_BYTES,
    )
    return fields.ljust(HEADER_BYTES, b"\0") + body


def parse(image: bytes, *, where: str = "boot image") -> Header:
    """Read and check the header of an image.

    Args:
        image: the whole file. The body of the padding extension may hold anything.
        where: its name, for messages.

    Raises:
        InputError: a field, the checksum, the layout or the vector table is not as described above.
    """
    if len(image) < PAYLOAD_OFFSET + 8 or len(image) % ALIGNMENT_BYTES:
        raise InputError(
            f"is {len(image)} bytes long",
            where=where,
            expected=f"a multiple of {ALIGNMENT_BYTES}, with a vector table at 0x{PAYLOAD_OFFSET:X}",
        )
    (
        magic,
        signature,
        checksum,
        version,
        image_bytes,
        entry,
        reserved1,
        load_address,
        reserved2,
        rollback,
        extension_flags,
        extension_bytes,
        binary_type,
        padding,
        other_bytes,
        other_hash,
        extension_type,
        extension_bytes_again,
    ) = _FIELDS.unpack_from(image)
    versions = {number: name for name, number in _VERSIONS.items()}
    kinds = {load.binary_type: kind for kind, load in _LOADS.items()}
    body = image[HEADER_BYTES:]
    _equal("magic at 0x00", magic, _MAGIC, where)
    _equal("signature at 0x04", signature, bytes(96), where)
    _equal("checksum at 0x64", checksum, sum(body) & 0xFFFF_FFFF, where)
    if version not in versions:
        raise InputError(
            f"header version at 0x68 is 0x{version:X}",
            where=where,
            expected=" or ".join(f"0x{number:X} ({name})" for number, name in versions.items()),
        )
    _equal("image length at 0x6C", image_bytes, len(body), where)
    _equal("load address at 0x78", load_address, _ANY_ADDRESS, where)
    _equal("extension flags at 0x84", extension_flags, _PADDING_EXTENSION, where)
    _equal("extension length at 0x88", extension_bytes, _EXTENSION_BYTES, where)
    _equal("extension type at 0xA0", extension_type, _EXTENSION_TYPE, where)
    _equal("extension length at 0xA4", extension_bytes_again, _EXTENSION_BYTES, where)
    reserved = (reserved1, reserved2, rollback, padding, other_bytes, other_hash)
    _equal("reserved fields", reserved, (0, 0, 0, bytes(8), 0, 0), where)
    _equal("gap at 0x240", body[: PAYLOAD_OFFSET - HEADER_BYTES].strip(b"\0"), b"", where)
    if binary_type not in kinds:
        raise InputError(
            f"binary type at 0x8C is 0x{binary_type:X}",
            where=where,
            expected=" or ".join(f"0x{number:02X} ({kind})" for number, kind in kinds.items()),
        )
    kind = kinds[binary_type]
    _equal("entry point at 0x70", entry, _check_vectors(image[PAYLOAD_OFFSET:], kind, where=where), where)
    return Header(
        kind=kind, version=versions[version], checksum=checksum, image_bytes=image_bytes, entry=entry
    )


def _equal(name: str, found: object, expected: object, where: str) -> None:
    if found != expected:
        shown = [f"0x{value:X}" if isinstance(value, int) else repr(value) for value in (found, expected)]
        raise InputError(f"{name} is {shown[0]}", where=where, expected=shown[1])


def _check_vectors(payload: bytes, kind: ImageKind, *, where: str) -> int:
    """Return the entry point of a binary after checking the first two words of its vector table."""
    load = _LOADS[kind]
    room = load.end - load.address
    if not 8 <= len(payload) <= room:
        raise InputError(
            f"the {kind} is {len(payload)} bytes long",
            where=where,
            expected=f"8 to {room} bytes, from 0x{load.address:08X} to 0x{load.end:08X}",
            remedy="a smaller model, or fewer stored windows for the self-test",
        )
    stack, entry = (int(word) for word in struct.unpack_from("<II", payload))
    if not _STACK_FIRST < stack <= _STACK_END or stack % 8:
        raise InputError(
            f"the stack pointer, first word of the vector table, is 0x{stack:08X}",
            where=where,
            expected=f"a multiple of 8 above 0x{_STACK_FIRST:08X} and up to 0x{_STACK_END:08X}",
            remedy="give the raw binary, not an image that already has a header, linked for this board",
        )
    if not entry & 1 or not load.address <= entry - 1 < load.address + len(payload):
        raise InputError(
            f"the entry point, second word of the vector table, is 0x{entry:08X}",
            where=where,
            expected=f"an odd address of the {kind}, which is loaded at 0x{load.address:08X}",
            remedy="link it for that address",
        )
    return entry
