"""How full the memories of a board are: the values of ``sizes.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from birdnet_stm32.gates import Direction, Gate, judge


@dataclass(frozen=True, kw_only=True)
class Section:
    """An output section that occupies memory of the board.

    Args:
        name: name of the section.
        address: address while the program runs.
        load_address: address where the content is stored; the same, unless the startup code copies it.
        size_bytes: size.
        loaded: whether the file holds its content.
    """

    name: str
    address: int
    load_address: int
    size_bytes: int
    loaded: bool


@dataclass(frozen=True, kw_only=True)
class RegionUse:
    """How full a memory region is.

    Args:
        name: name of the region.
        used_bytes: occupied by sections, at run time or stored.
        length_bytes: size of the region.
    """

    name: str
    used_bytes: int
    length_bytes: int


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """What occupies which memory of a board.

    Args:
        regions: the memories of the board.
        sections: the output sections of the firmware, by address.
    """

    regions: tuple[RegionUse, ...]
    sections: tuple[Section, ...]

    @property
    def fullest_percent(self) -> float:
        """How full the fullest memory is, in percent."""
        return max(100 * region.used_bytes / region.length_bytes for region in self.regions)


@dataclass(frozen=True, kw_only=True)
class SizesDocument:
    """What occupies which memory of each board.

    Args:
        boards: by the name of the board.
    """

    FILE: ClassVar[str] = "sizes.json"
    VERSION: ClassVar[int] = 1
    CONTENT: ClassVar[str] = "boards"

    boards: Mapping[str, MemoryUse]


def memory_gates(board: str, used: MemoryUse) -> tuple[Gate, ...]:
    """Judge whether the firmware of a board fits into each of its memories."""
    return tuple(
        judge(
            f"memory_{region.name}",
            f"bytes in {region.name} of {board}",
            region.used_bytes,
            Direction.AT_MOST,
            region.length_bytes,
        )
        for region in used.regions
    )
