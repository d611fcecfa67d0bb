"""The memory of a board that holds a head which can be replaced alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from birdnet_stm32.boards.description import Board, HeadPlace, Program, Region
from birdnet_stm32.codegen.head.document import HeadDocument
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import parse_document

REGION = "HEAD"


def with_head_region(board: Board, model_files: Mapping[str, bytes], *, for_npu: bool = False) -> Program:
    """Return the program of a board with a memory region for the head.

    Args:
        board: the board.
        model_files: the generated library, whose head has a section of its own.
        for_npu: whether the NPU computes the network.

    Raises:
        InputError: the board has no place for a head, the section is larger than that place, or the NPU
            computes the network.
    """
    if for_npu:
        raise InputError(
            "the head is a part of its own, and the NPU computes the whole network",
            expected="[codegen] split_head = false for a firmware whose network the NPU computes",
        )
    place = board.head_place
    if place is None:
        raise InputError(
            "the board has no place for a head that can be replaced",
            where=board.name,
            expected="the table [program.head] in its board.toml",
            remedy="split_head = false",
        )
    expected = parse_document(HeadDocument, model_files[HeadDocument.FILE], where=HeadDocument.FILE)
    if expected.section_bytes > place.length_bytes:
        raise InputError(
            f"a head of {expected.max_classes} classes has {expected.section_bytes:,} bytes",
            where=board.name,
            expected=f"at most {place.length_bytes:,} bytes, the place of the head on this board",
            remedy=("a smaller head_classes in [codegen]", "a smaller embedding_size in [model]"),
        )
    return replace(board.program, memory=_regions(board.program.memory, place))


def _regions(memory: tuple[Region, ...], place: HeadPlace) -> tuple[Region, ...]:
    """Return the regions with one for the head, which is cut off the end of the region that it lies in."""
    own = Region(
        name=REGION,
        origin=place.address,
        length_bytes=place.length_bytes,
        access="rx",
        holds="the head: weights, names and thresholds of the classes, which can be replaced alone",
    )
    shortened = (
        replace(region, length_bytes=place.address - region.origin)
        if region.origin < place.address < region.end
        else region
        for region in memory
    )
    return (*shortened, own)
