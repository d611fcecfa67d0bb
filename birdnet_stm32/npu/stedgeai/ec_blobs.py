"""Read ``network_ecblobs.h``: the programs of the epoch controller, as arrays of 64-bit words.

A blob is a program at its final address, or a file that contains a program and a relocation table.
``LL_ATON_EC_Network_Init`` copies such a file into RAM. In 2.x the copy has the name of the blob, and the
array has another name. In later versions it is the other way round.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.command import NAME
from birdnet_stm32.npu.stedgeai.tool import REPORT_IT

EC_BLOBS = f"{NAME}_ecblobs.h"
_ARRAY = re.compile(
    r"^static const uint64_t (?P<name>_ec_blob_\w+?)(?:_reloc)?\s*\[\s*(?P<length>\d*)\s*\]\s*="
    r"\s*\{(?P<words>[\s0-9a-fA-FxULul,]*)(?P<end>\};)?",
    re.MULTILINE,
)
_COPY = re.compile(r"^static uint64_t (_ec_blob_\w+?)(?:_ptr)?\s*\[\s*(\d+)\s*\];", re.MULTILINE)
_WORD = re.compile(r"\b0x([0-9a-fA-F]{1,16})U?L*\b")
_WORD_BYTES = 8
_PROGRAM_MAGIC = 0xCA05_7A7A
_FILE_MAGIC = 0xECBF  # upper half; the lower half is the version of the format
_HEAD_BYTES = 8  # of a program: its mark and the number of 32-bit instructions


@dataclass(frozen=True, kw_only=True)
class BlobArray:
    """One blob.

    Args:
        name: name of the blob.
        size_bytes: size of the constant array.
        ram_bytes: size of the copy in RAM; 0 if the array itself runs.
    """

    name: str
    size_bytes: int
    ram_bytes: int


def read_ec_blobs(text: str) -> tuple[BlobArray, ...]:
    """Return the blobs in a generated header.

    Raises:
        ToolError: there is no blob, or a blob is incomplete or contains no program.
    """
    copies = {name: int(words) * _WORD_BYTES for name, words in _COPY.findall(text)}
    blobs = tuple(_read(found, copies) for found in _ARRAY.finditer(text))
    if not blobs:
        raise ToolError(
            "holds no blob",
            where=EC_BLOBS,
            expected="static const uint64_t _ec_blob_...[] = { ... };",
            remedy=REPORT_IT,
        )
    return blobs


def _read(found: re.Match[str], copies: dict[str, int]) -> BlobArray:
    name = found["name"]
    words = [int(digits, 16) for digits in _WORD.findall(found["words"])]
    # The declared size is a multiple of the cache line. The rest is filled with zeros.
    declared = int(found["length"]) if found["length"] else len(words)
    content = b"".join(word.to_bytes(_WORD_BYTES, "little") for word in words)
    problem = "is not closed" if found["end"] is None else _problem(content, declared * _WORD_BYTES)
    if problem:
        raise ToolError(
            f"{name} {problem}", where=EC_BLOBS, remedy=("compile again into an empty folder", REPORT_IT)
        )
    return BlobArray(name=name, size_bytes=declared * _WORD_BYTES, ram_bytes=copies.get(name, 0))


def _problem(content: bytes, declared_bytes: int) -> str:
    """Return what is wrong with the words of a blob, or an empty string."""
    is_file = _u32(content, 0) >> 16 == _FILE_MAGIC
    # The table before the program depends on the version of the format. The mark of the program does not.
    places = range(0, len(content) - _HEAD_BYTES + 1, 4) if is_file else (0,)
    start = next((place for place in places if _u32(content, place) == _PROGRAM_MAGIC), None)
    if len(content) < _HEAD_BYTES:
        return f"is cut: it holds {len(content)} bytes"
    if start is None:
        found = "" if is_file else f": 0x{_u32(content, 0):08X} stands where 0x{_PROGRAM_MAGIC:08X} should"
        return f"holds no program for the epoch controller{found} (an encrypted blob is not read)"
    # Two instructions share a word, so the last half may be unused.
    end = start + _HEAD_BYTES + 4 * _u32(content, start + 4)
    if end > declared_bytes or len(content) < end or len(content) > declared_bytes:
        return f"is cut: {end:,} bytes are announced, {declared_bytes:,} declared and {len(content):,} there"
    return ""


def _u32(content: bytes, offset: int) -> int:
    return int.from_bytes(content[offset : offset + 4], "little")
