"""What a firmware expects of its head, for tools that read no C: the values of ``head.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class HeadDocument:
    """What a network expects of its head, and the head that it was built with.

    Args:
        format: the format of heads that the firmware reads.
        backbone: SHA-256 of the backbone and the front end, in hexadecimal digits.
        channels: values that the backbone gives.
        input_scale: quantization step of these values.
        input_zero_point: the code that represents zero there.
        max_classes: classes that memory is reserved for.
        section_bytes: size of the section that heads lie in.
        version: of the head that the network was built with.
        classes: its classes.
        crc32: its CRC-32.
    """

    FILE: ClassVar[str] = "head.json"
    VERSION: ClassVar[int] = 1

    format: int
    backbone: str
    channels: int
    input_scale: float
    input_zero_point: int
    max_classes: int
    section_bytes: int
    version: int
    classes: int
    crc32: int
