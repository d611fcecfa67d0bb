"""Walks over memory as at most four nested loops."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.codegen.kernel_calls import Four
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.tflite.node import Node

LoopNest = tuple[Four, Four, Four]

_SHORT = 16  # loops over neighbours, which Helium copies by sixteens


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the elements from one index to the next along each dimension."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def offset_of(index: Sequence[int], strides: Sequence[int]) -> int:
    """Return where the element at ``index`` is."""
    return sum(position * stride for position, stride in zip(index, strides, strict=True))


def broadcast_strides(shape: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of an operand read as if it had the shape ``target``: 0 where it repeats."""
    own = tuple(0 if size == 1 else stride for size, stride in zip(shape, row_major(shape), strict=True))
    return (0,) * (len(target) - len(shape)) + own


def collapse(node: Node, sizes: Sequence[int], first: Sequence[int], second: Sequence[int]) -> LoopNest:
    """Return the same walk in four loops: dimensions of size 1 dropped, contiguous neighbours joined.

    Args:
        node: for the error.
        sizes: of the walk.
        first: strides of one side.
        second: strides of the other.

    Raises:
        InputError: more than four loops remain.
    """
    loops: list[tuple[int, int, int]] = []
    for size, one, two in zip(sizes, first, second, strict=True):
        if size == 1:
            continue
        if loops and loops[-1][1] == one * size and loops[-1][2] == two * size:
            size *= loops.pop()[0]
        loops.append((size, one, two))
    if len(loops) > 4:
        raise refuse(node, f"it needs {len(loops)} nested loops", expected="at most 4")
    return _walk([(1, 0, 0)] * (4 - len(loops)) + loops)


def longest_inside(walk: LoopNest) -> LoopNest:
    """Return the walk with its longest loop innermost where that one is short: a copy may go in any order."""
    loops = list(zip(*walk, strict=True))
    if loops[-1][0] < _SHORT:
        longest = max(loops, key=lambda loop: loop[0])
        loops.remove(longest)
        loops.append(longest)
    return _walk(loops)


def _walk(loops: Sequence[tuple[int, int, int]]) -> LoopNest:
    a, b, c, d = loops
    return (a[0], b[0], c[0], d[0]), (a[1], b[1], c[1], d[1]), (a[2], b[2], c[2], d[2])
