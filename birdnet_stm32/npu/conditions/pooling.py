"""Pools and reductions."""

from __future__ import annotations

from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.evidence import SEEN, TABLE, board, eco8, report, st, zoo
from birdnet_stm32.tflite.node import Node

POOL_FACTORS = (2, 3)  # the pooling unit takes windows of up to 3 x 3 and chains them
LARGEST_ODD_POOL_SEEN = 300  # positions; 50 x 6 and smaller windows ran on boards, whatever their factors
SMALLEST_ODD_POOL_FAILED = 550  # 50 x 11
LARGEST_ODD_ROW_SEEN = 800  # positions along one dimension
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
    report(
        "LarocheC/stm32n6-stt, compile/reports/g800_st_verify at bf185ab",
        "4.0.1",
        "2026-08-15",
        "rows of 800, 400, 200 and 100 are hardware",
    ),
    zoo("software-epoch-op-tier", "50 x 11, 550 positions: software, and wrong numbers", core="2.2"),
)


def _factors(size: int) -> bool:
    for factor in POOL_FACTORS:
        while size > 1 and size % factor == 0:
            size //= factor
    return size == 1


def _row(sizes: tuple[int, ...]) -> bool:
    return sum(size > 1 for size in sizes) <= 1


def _odd(sizes: tuple[int, ...]) -> bool:
    return not all(_factors(size) for size in sizes)


def _area(sizes: tuple[int, ...]) -> int:
    area = 1
    for size in sizes:
        area *= size
    return area


@known(*_POOL_EVIDENCE)
def pool_fails(node: Node) -> bool:
    """Hold when 550 positions or more are pooled at once and a size is not a product of twos and threes."""
    sizes = _pooled(node)
    if sizes is None or _row(sizes):
        return False
    return _odd(sizes) and _area(sizes) >= SMALLEST_ODD_POOL_FAILED


@known(*_POOL_EVIDENCE)
def pool_unknown(node: Node) -> bool:
    """Hold when such a pool has 301 to 549 positions, or a row more than 800: there is no evidence."""
    sizes = _pooled(node)
    if sizes is None or not _odd(sizes):
        return False
    if _row(sizes):
        return _area(sizes) > LARGEST_ODD_ROW_SEEN
    return LARGEST_ODD_POOL_SEEN < _area(sizes) < SMALLEST_ODD_POOL_FAILED


def _pooled(node: Node) -> tuple[int, ...] | None:
    """Return the sizes that a pool or a global reduction covers."""
    if "POOL" in node.name:
        return node.window
    if not reduces_space(node):
        return None
    shape = node.input.shape
    return tuple(shape[axis] for axis in node.integers_at(1) or ())


@known(
    TABLE,
    report(
        "TitoNicolaDrugman/Transformer-NPU-STM32N6 at 1b23428",
        "2.1, 2.2",
        "2025-07",
        "24 means over the last of three dimensions are hardware",
    ),
)
def reduces_space(node: Node) -> bool:
    """Hold for a global pool: all axes between batch and channels are reduced, or the last of three."""
    axes, rank = node.integers_at(1), len(node.input.shape)
    if axes is None:
        return False
    reduced = sorted(axis % rank for axis in axes)
    return reduced == list(range(1, rank - 1)) or (rank == 3 and reduced == [2])


@known(TABLE, eco8("a mean over the rows alone is a hybrid Transpose", date="2026-09-16"))
def reduces_elsewhere(node: Node) -> bool:
    """Hold for a reduction that is not a global pool."""
    return not reduces_space(node)


@known(st("strides of 1 to 15"))
def pool_stride_too_large(node: Node) -> bool:
    """Hold when a stride is above 15."""
    return max(node.strides) > MAX_POOL_STRIDE
