"""Intel HEX with 32-bit addresses, as flash programmers read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.text_file import read_text

MAX_HEX_BYTES = 512 * 2**20  # the board's flash of 128 MiB, written out
_ROW_BYTES = 16
_DATA, _END, _UPPER_ADDRESS, _START_ADDRESS = 0x00, 0x01, 0x04, 0x05


def intel_hex(data: bytes, address: int) -> str:
    """Return ``data`` at ``address`` as Intel HEX: rows of 16 bytes, 32-bit addresses, newline endings.

    Raises:
        InputError: it is empty, or reaches beyond 32-bit addresses.
    """
    if not data or not 0 <= address <= 2**32 - len(data):
        raise InputError(f"{len(data)} bytes at 0x{address:X} cannot be written as Intel HEX")
    records = []
    upper, position = None, 0
    while position < len(data):
        current = address + position
        if current >> 16 != upper:
            upper = current >> 16
            records.append(_record(_UPPER_ADDRESS, 0, upper.to_bytes(2, "big")))
        length = min(_ROW_BYTES, 0x1_0000 - (current & 0xFFFF))
        records.append(_record(_DATA, current & 0xFFFF, data[position : position + length]))
        position += length
    return "\n".join([*records, _record(_END, 0, b""), ""])


def _record(kind: int, offset: int, data: bytes) -> str:
    record = bytes([len(data), *offset.to_bytes(2, "big"), kind]) + data
    return ":" + (record + bytes([-sum(record) & 0xFF])).hex().upper()


def read_intel_hex(path: Path) -> tuple[tuple[int, bytes], ...]:
    """Return what a file of Intel HEX holds, as :func:`parse_intel_hex`.

    Raises:
        InputError: as :func:`parse_intel_hex`, or the file cannot be read.
    """
    return parse_intel_hex(read_text(path, max_bytes=MAX_HEX_BYTES), where=str(path))


def parse_intel_hex(text: str, *, where: str = "Intel HEX") -> tuple[tuple[int, bytes], ...]:
    """Read Intel HEX with 32-bit addresses.

    Returns:
        The contiguous pieces ``(address, bytes)``, by ascending address.

    Raises:
        InputError: a record is malformed, its checksum wrong, its type unknown, bytes are given twice, or
            the end record is missing or not last.
    """
    memory: dict[int, bytes] = {}
    upper, ended = 0, False
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{where}, line {number}"
        if ended:
            raise InputError("a record behind the end record", where=place)
        kind, offset, data = _parse_record(line, place)
        if kind == _DATA:
            if offset + len(data) > 0x1_0000 or not data:
                raise InputError("the record is empty or crosses a 64 KiB boundary", where=place)
            if (upper << 16) + offset in memory:
                raise InputError("the same address is given twice", where=place)
            memory[(upper << 16) + offset] = data
        elif kind == _UPPER_ADDRESS and len(data) == 2:
            upper = int.from_bytes(data, "big")
        elif kind == _END and not data:
            ended = True
        elif not (kind == _START_ADDRESS and len(data) == 4):
            raise InputError(f"a record of type {kind:02X} with {len(data)} bytes", where=place)
    if not ended:
        raise InputError(
            "the end record is missing", where=where, remedy="make the file again: it is cut off"
        )
    return _join(memory, where)


def _parse_record(line: str, where: str) -> tuple[int, int, bytes]:
    try:
        record = bytes.fromhex(line[1:]) if line.startswith(":") and " " not in line else b""
    except ValueError:
        record = b""
    if len(record) < 5 or len(record) != record[0] + 5 or sum(record) & 0xFF:
        raise InputError(f"{line[:60]!r} is no valid record", where=where, expected=":LLAAAATT..CC, sum 0")
    return record[3], int.from_bytes(record[1:3], "big"), record[4:-1]


def _join(memory: Mapping[int, bytes], where: str) -> tuple[tuple[int, bytes], ...]:
    pieces: list[tuple[int, bytearray]] = []
    for address in sorted(memory):
        end = pieces[-1][0] + len(pieces[-1][1]) if pieces else -1
        if address < end:
            raise InputError(f"the bytes at 0x{address:08X} are given twice", where=where)
        if address == end:
            pieces[-1][1].extend(memory[address])
        else:
            pieces.append((address, bytearray(memory[address])))
    return tuple((address, bytes(data)) for address, data in pieces)
