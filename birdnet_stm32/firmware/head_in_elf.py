"""What an ELF file says of a head that can be replaced alone."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from birdnet_stm32.codegen.head.contents import DIGEST_BYTES
from birdnet_stm32.codegen.head.document import HeadDocument
from birdnet_stm32.codegen.head.file_format import FORMAT, crc_of, head_bytes, parse_head
from birdnet_stm32.errors import InputError

SECTION = ".birdnet_head"

_EXPECTATION = "birdnet_head_expectation_of_network_"
# birdnet_head_expectation_t of birdnet_head.h.
_FIELDS = struct.Struct(f"<{DIGEST_BYTES}s I f i I I")
# What a damaged ELF file makes the reader raise.
_CORRUPT = (
    ELFError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    TypeError,
    struct.error,
    OverflowError,
)


def head_in_elf(elf: Path) -> bytes | None:
    """Return the head that a firmware was built with; None if the firmware has none of its own.

    Raises:
        InputError: it is no ELF file.
    """
    with _elf(elf) as file:
        section = file.get_section_by_name(SECTION)
        content = None if section is None else bytes(section.data())
    return None if content is None else head_bytes(parse_head(content, where=elf, trailing=True))


def expectation_in_elf(elf: Path) -> HeadDocument:
    """Return what a firmware expects of its head.

    Raises:
        InputError: it is no ELF file, or a firmware without a head of its own.
    """
    with _elf(elf) as file:
        section = file.get_section_by_name(SECTION)
        found = _content_of_symbol(file, _EXPECTATION)
        content = b"" if section is None else bytes(section.data())
    if not content or found is None or len(found) < _FIELDS.size:
        raise InputError(
            "has no head of its own",
            where=elf,
            expected="a firmware that was built with [codegen] split_head = true, with its symbols",
        )
    backbone, channels, scale, zero_point, most, section_bytes = _FIELDS.unpack_from(found)
    head = parse_head(content, where=elf, trailing=True)
    return HeadDocument(
        format=FORMAT,
        backbone=backbone.hex(),
        channels=channels,
        input_scale=scale,
        input_zero_point=zero_point,
        max_classes=most,
        section_bytes=section_bytes,
        version=head.version,
        classes=head.classes,
        crc32=crc_of(content),
    )


def with_head(elf: bytes, content: bytes, *, where: str | Path) -> bytes:
    """Return a firmware whose section of the head begins with other bytes, as after an update of the flash.

    Args:
        elf: the ELF file.
        content: what is written to the beginning of the section, whether it is a head or not.
        where: name of the ELF file, for errors.

    Raises:
        InputError: the firmware has no head of its own, or the section is too small.
    """
    import io

    section = ELFFile(io.BytesIO(elf)).get_section_by_name(SECTION)
    room = 0 if section is None else int(section.header.sh_size)
    if len(content) > room:
        raise InputError(
            f"the head has {len(content):,} bytes", where=where, expected=f"at most {room:,}, its section"
        )
    start = int(section.header.sh_offset)
    return elf[:start] + content + elf[start + len(content) :]


def _content_of_symbol(file: ELFFile, prefix: str) -> bytes | None:
    for table in file.iter_sections():
        if not isinstance(table, SymbolTableSection):
            continue
        for symbol in table.iter_symbols():
            index = symbol["st_shndx"]
            if symbol.name.startswith(prefix) and isinstance(index, int):
                section = file.get_section(index)
                start = symbol["st_value"] - section["sh_addr"]
                return bytes(section.data()[start : start + symbol["st_size"]])
    return None


@contextmanager
def _elf(path: Path) -> Iterator[ELFFile]:
    try:
        with path.open("rb") as stream:
            yield ELFFile(stream)
    except _CORRUPT as error:
        raise InputError(f"cannot be read as an ELF file: {error}", where=path) from error
