"""The bytes of a head: of an update file, and of the section ``.birdnet_head`` of a firmware.

``firmware_templates/head/birdnet_head.h`` has the same table for the reader of the C. All numbers are little
endian. Nothing is aligned by chance: every array starts at a multiple of the size of its elements.

=======  ==========  =================================================================================
offset   type        field
=======  ==========  =================================================================================
0x00     char[4]     magic, ``BNHD``
0x04     uint32      format, 1
0x08     uint32      size of all in bytes, a multiple of 8
0x0C     uint32      CRC-32 (IEEE 802.3, as in zlib) of all bytes from 0x10 on
0x10     uint32      version of the head
0x14     uint32      classes
0x18     uint32      channels: values that the backbone gives
0x1C     uint32      1: the output is a logit. 0: it is a probability, and there is a table
0x20     uint8[32]   SHA-256 of the backbone
0x40     float       scale of the backbone's output
0x44     int32       its zero point
0x48     int32       zero point of the dense layer's result
0x4C     int32       least result of the dense layer
0x50     int32       greatest result of the dense layer
0x54     float       scale of the output
0x58     int32       its zero point
0x5C     uint32      bytes of the names, with the zeros after them
0x60     double[]    scale of each class, from its sum to its result
...      int32[]     bias of each class
...      float[]     threshold of each class
...      int8[256]   table of the sigmoid, only where the output is a probability
...      int8[]      weights, [classes, channels]
...      char[]      names in UTF-8, each with a zero after it, then zeros up to the size
=======  ==========  =================================================================================
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.codegen.head.contents import MAX_CHANNELS, MAX_CLASSES, MAX_NAME_BYTES, Head
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes

MAGIC = b"BNHD"
FORMAT = 1
HEADER_BYTES = 0x60
ALIGNMENT_BYTES = 8
TABLE_BYTES = 256
BYTES_A_CLASS = 8 + 4 + 4  # scale, bias, threshold
MAX_FILE_BYTES = 64 * 2**20

_CRC_FROM = 0x10
_FIELDS = struct.Struct("<4s I I I I I I I 32s f i i i i f i I")
_CUT = "copy the file again, or build it again with `birdnet-stm32 head build`"


def head_bytes(head: Head) -> bytes:
    """Return the bytes of a head; equal heads give equal bytes."""
    names = name_bytes(head)
    size = head_size_bytes(head.classes, head.channels, len(names), has_table=not head.is_logit)
    fields = _FIELDS.pack(
        MAGIC,
        FORMAT,
        size,
        0,
        head.version,
        head.classes,
        head.channels,
        int(head.is_logit),
        head.backbone,
        head.input_scale,
        head.input_zero_point,
        head.dense_zero_point,
        head.dense_minimum,
        head.dense_maximum,
        head.output_scale,
        head.output_zero_point,
        len(names),
    )
    arrays = (
        head.scales.astype("<f8"),
        head.bias.astype("<i4"),
        head.thresholds.astype("<f4"),
        *(() if head.table is None else (head.table,)),
        head.weights,
    )
    content = b"".join([fields, *(array.tobytes() for array in arrays), names])
    return content[:0x0C] + struct.pack("<I", zlib.crc32(content[_CRC_FROM:])) + content[_CRC_FROM:]


def crc_of(content: bytes) -> int:
    """Return the CRC-32 in the header of a head."""
    (crc,) = struct.unpack_from("<I", content, 0x0C)
    return int(crc)


def name_bytes(head: Head) -> bytes:
    """Return the names, each with a zero after it, and zeros that make the size a multiple of 8."""
    names = b"".join(name.encode() + b"\0" for name in head.names)
    before = head_size_bytes(head.classes, head.channels, 0, has_table=not head.is_logit)
    return names + bytes(-(before + len(names)) % ALIGNMENT_BYTES)


def head_size_bytes(classes: int, channels: int, names: int, *, has_table: bool) -> int:
    """Return the size of a head.

    Args:
        classes: number of classes.
        channels: values that the backbone gives.
        names: bytes of the names.
        has_table: whether the output is a probability.
    """
    return HEADER_BYTES + classes * (BYTES_A_CLASS + channels) + TABLE_BYTES * has_table + names


def read_head(path: Path) -> Head:
    """Read the file of a head. Raises: InputError, as :func:`parse_head`."""
    return parse_head(read_bytes(path), where=path)


def parse_head(content: bytes, *, where: str | Path, trailing: bool = False) -> Head:
    """Read a head. No size in it is trusted.

    Args:
        content: the bytes.
        where: their name, for errors.
        trailing: whether other bytes may follow, as in the section of a firmware.

    Raises:
        InputError: it is no head, of another format, cut off, damaged, or contradicts itself.
    """
    size = _check_frame(content, where, trailing=trailing)
    fields = _FIELDS.unpack_from(content)
    version, classes, channels, is_logit, backbone = fields[4:9]
    names = fields[16]
    if not 1 <= classes <= MAX_CLASSES or not 1 <= channels <= MAX_CHANNELS or is_logit > 1:
        raise _wrong(where, f"says {classes} classes of {channels} values, output {is_logit}")
    if names > size or head_size_bytes(classes, channels, names, has_table=not is_logit) != size:
        raise _wrong(where, f"says {size} bytes, and its parts have another size")
    arrays = _Arrays(content)
    scales = arrays.take("<f8", classes)
    bias, thresholds = arrays.take("<i4", classes), arrays.take("<f4", classes)
    table = None if is_logit else arrays.take("i1", TABLE_BYTES)
    weights = arrays.take("i1", classes * channels).reshape(classes, channels)
    try:
        return Head(
            version=version,
            backbone=backbone,
            input_scale=fields[9],
            input_zero_point=fields[10],
            dense_zero_point=fields[11],
            dense_minimum=fields[12],
            dense_maximum=fields[13],
            output_scale=fields[14],
            output_zero_point=fields[15],
            weights=weights,
            bias=bias,
            scales=scales,
            table=table,
            names=_names(content[arrays.place : size], classes, where),
            thresholds=thresholds,
        )
    except InputError as error:
        raise InputError(
            error.what, where=error.where or where, expected=error.expected, remedy=_CUT
        ) from error


def _check_frame(content: bytes, where: str | Path, *, trailing: bool) -> int:
    """Return the size that the header says, after checking magic, format, size and CRC."""
    if len(content) > MAX_FILE_BYTES or content[:4] != MAGIC:
        raise InputError("is not a head", where=where, expected="a file of `birdnet-stm32 head build`")
    if len(content) < HEADER_BYTES:
        raise _wrong(where, f"is cut off: it has {len(content)} bytes")
    kind, size, crc = struct.unpack_from("<III", content, 4)
    if kind != FORMAT:
        raise InputError(
            f"has the format {kind}",
            where=where,
            expected=f"format {FORMAT}, which this version of birdnet-stm32 reads",
            remedy="build it again with this version",
        )
    if (
        size < HEADER_BYTES
        or size % ALIGNMENT_BYTES
        or size > len(content)
        or (size < len(content) and not trailing)
    ):
        raise _wrong(where, f"says {size:,} bytes and has {len(content):,}")
    if zlib.crc32(content[_CRC_FROM:size]) != crc:
        raise _wrong(where, "is damaged: its CRC-32 is wrong")
    return int(size)


class _Arrays:
    """Takes the arrays after the header, one after another; the size of all of them was checked before."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = HEADER_BYTES

    def take(self, kind: str, count: int) -> npt.NDArray[Any]:
        """Return the next array, in the order of bytes of this machine."""
        found = np.frombuffer(self._content, np.dtype(kind), count, self.place)
        self.place += found.nbytes
        return found.astype(found.dtype.newbyteorder("="))


def _names(content: bytes, classes: int, where: str | Path) -> tuple[str, ...]:
    """Return the names. All zeros after the last name are of the padding."""
    parts = content.split(b"\0")
    if len(parts) <= classes or any(parts[classes:]) or len(parts) - 1 - classes >= ALIGNMENT_BYTES:
        raise _wrong(where, f"does not have {classes} names")
    try:
        names = tuple(part.decode("utf-8") for part in parts[:classes])
    except UnicodeDecodeError as error:
        raise _wrong(where, "has a name that is not UTF-8") from error
    if any(len(part) > MAX_NAME_BYTES for part in parts):
        raise _wrong(where, f"has a name of more than {MAX_NAME_BYTES} bytes")
    return names


def _wrong(where: str | Path, what: str) -> InputError:
    return InputError(
        what, where=where, expected="a head as `birdnet-stm32 head build` writes it", remedy=_CUT
    )
