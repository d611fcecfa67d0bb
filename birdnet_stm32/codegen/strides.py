"""Describe a traversal of two tensors as at most four nested loops."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.codegen.kernel_calls import Four
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.tflite.node import Node

LoopNest = tuple[Four, Four, Four]

_SHORT = 16  # Helium copies 16 neighbours at once, so shorter inner loops are slow


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the stride of each dimension, in elements, of a dense tensor.

    >>> row_major([2, 3, 4])
    (12, 4, 1)
    """
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def offset_of(index: Sequence[int], strides: Sequence[int]) -> int:
    """Return the offset of the element at ``index``, in elements."""
    return sum(position * stride for position, stride in zip(index, strides, strict=True))


def broadcast_strides(shape: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of an operand that is broadcast to the shape ``target``: 0 where it is repeated.

    >>> broadcast_strides([3, 1], [2, 3, 4])
    (0, 1, 0)
    """
    own = tuple(0 if size == 1 else stride for size, stride in zip(shape, row_major(shape), strict=True))
    return (0,) * (len(target) - len(shape)) + own


def collapse(node: Node, sizes: Sequence[int], first: Sequence[int], second: Sequence[int]) -> LoopNest:
    """Return a traversal as four loops. Dimensions of size 1 are dropped, contiguous neighbours are joined.

    Args:
        node: for the error.
        sizes: sizes of the traversed dimensions.
        first: strides of one tensor.
        second: strides of the other tensor.

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
    """Return the loops with the longest one innermost if the innermost loop is short.

    A copy may traverse its elements in any order.
    """
    loops = list(zip(*walk, strict=True))
    if loops[-1][0] < _SHORT:
        longest = max(loops, key=lambda loop: loop[0])
        loops.remove(longest)
        loops.append(longest)
    return _walk(loops)


def _walk(loops: Sequence[tuple[int, int, int]]) -> LoopNest:
    a, b, c, d = loops
    return (a[0], b[0], c[0], d[0]), (a[1], b[1], c[1], d[1]), (a[2], b[2], c[2], d[2])
