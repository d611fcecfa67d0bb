"""Pools and reductions."""

from __future__ import annotations

from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.evidence import SEEN, TABLE, board, eco8, st, zoo
from birdnet_stm32.npu.operands import constant_numbers, strides, window
from birdnet_stm32.tflite.ir import Graph, Operator

POOL_FACTORS = (2, 3)  # the pooling unit takes windows of up to 3 x 3 and chains them
LARGEST_ODD_POOL_SEEN = 300  # positions: 50 x 6, and smaller, ran on boards whatever their factors
SMALLEST_ODD_POOL_FAILED = 550  # 50 x 11
MAX_POOL_STRIDE = 15

_POOL_EVIDENCE = (
    st("windows of 1 to 3 rows and columns, larger ones in parts"),
    board(
        "LarocheC/stm32n6-deployment-zoo, lab/mobilenet_v2_1.0_224.md",
        SEEN,
        "2026-10",
        "7 x 7 is hardware, with cosine 0.9987",
    ),
    board(
        "probes of single pools on a board",
        SEEN,
        "read 2026-11",
        "7 x 2, 13 x 3, 25 x 6, 25 x 11 and 50 x 6 are hardware, 25 x 6 with its accuracy",
    ),
    zoo("software-epoch-op-tier", "50 x 11, 550 positions: software, and wrong numbers", core="2.2"),
)


def _factors(size: int) -> bool:
    for factor in POOL_FACTORS:
        while size > 1 and size % factor == 0:
            size //= factor
    return size == 1


def _odd(sizes: tuple[int, ...]) -> bool:
    return not all(_factors(size) for size in sizes)


def _area(sizes: tuple[int, ...]) -> int:
    area = 1
    for size in sizes:
        area *= size
    return area


@known(*_POOL_EVIDENCE)
def pool_fails(operator: Operator, graph: Graph) -> bool:
    """Hold when a window or a global pool of 550 positions and more is no product of twos and threes."""
    sizes = _pooled(operator, graph)
    return sizes is not None and _odd(sizes) and _area(sizes) >= SMALLEST_ODD_POOL_FAILED


@known(*_POOL_EVIDENCE)
def pool_unknown(operator: Operator, graph: Graph) -> bool:
    """Hold when such a pool has more than 300 and less than 550 positions: nobody has looked."""
    sizes = _pooled(operator, graph)
    if sizes is None or not _odd(sizes):
        return False
    return LARGEST_ODD_POOL_SEEN < _area(sizes) < SMALLEST_ODD_POOL_FAILED


def _pooled(operator: Operator, graph: Graph) -> tuple[int, ...] | None:
    """Return the sizes that a pool or a global reduction covers."""
    if "POOL" in operator.name:
        return window(operator)
    return graph.tensors[operator.inputs[0]].shape[1:-1] if reduces_space(operator, graph) else None


@known(TABLE)
def reduces_space(operator: Operator, graph: Graph) -> bool:
    """Hold for a global pool: all axes between batch and channels are reduced."""
    axes, rank = constant_numbers(operator, graph, 1), len(graph.tensors[operator.inputs[0]].shape)
    return axes is not None and sorted(axis % rank for axis in axes) == list(range(1, rank - 1))


@known(TABLE, eco8("a mean over the rows alone is a hybrid Transpose", date="2026-09-16"))
def reduces_elsewhere(operator: Operator, graph: Graph) -> bool:
    """Hold for a reduction that is no global pool."""
    return not reduces_space(operator, graph)


@known(st("strides of 1 to 15"))
def pool_stride_too_large(operator: Operator, graph: Graph) -> bool:
    """Hold when a stride is above 15."""
    return max(strides(operator)) > MAX_POOL_STRIDE
