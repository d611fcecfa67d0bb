"""Pools and reductions."""

from __future__ import annotations

from birdnet_stm32.npu.conditions import pooling
from birdnet_stm32.npu.lint.rule import LintSeverity, Rule, first_input, from_to, operators
from birdnet_stm32.tflite.node import Node

_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
_REDUCTIONS = ("MEAN", "REDUCE_MAX")
_WRONG = (
    "The NPU pools at most 3 x 3 positions and chains such pools. A pool of 50 x 11 positions became "
    "DEQUANTIZE, a float pool on the Cortex-M55 and QUANTIZE, and gave wrong numbers. Up to 50 x 6 every "
    "known pool is hardware, whatever its factors."
)


def _window(node: Node) -> str:
    rows, columns = node.window
    return f"window {rows}x{columns}"


def _stride(node: Node) -> str:
    return f"stride {node.strides[0]}x{node.strides[1]}"


RULES = (
    Rule(
        id="pool-window-factors",
        title="a pooling window of 550 positions or more is not a product of twos and threes",
        severity=LintSeverity.ERROR,
        why=_WRONG,
        remedy="pool over 2, 3, 4, 6, 8 or 9 rows and columns, twice if necessary",
        find=operators(*_POOLS, when=pooling.pool_fails, says=_window),
    ),
    Rule(
        id="pool-window-unknown",
        title="a pooling window of more than 300 positions is not a product of twos and threes",
        severity=LintSeverity.WARNING,
        why=_WRONG,
        remedy="pool over 2, 3, 4, 6, 8 or 9 rows and columns, twice if necessary; or look for a software "
        "epoch in the compile report",
        find=operators(*_POOLS, when=pooling.pool_unknown, says=_window),
    ),
    Rule(
        id="global-pool-factors",
        title="a global pool covers 550 positions or more that are not a product of twos and threes",
        severity=LintSeverity.ERROR,
        why=_WRONG,
        remedy="choose [model] spec_width and the strides so that rows and columns before the pool are "
        "fewer, or products of 2 and 3",
        find=operators(*_REDUCTIONS, when=pooling.pool_fails, says=first_input),
    ),
    Rule(
        id="global-pool-unknown",
        title="a global pool covers more than 300 positions that are not a product of twos and threes",
        severity=LintSeverity.WARNING,
        why=_WRONG,
        remedy="choose [model] spec_width and the strides so that rows and columns before the pool are "
        "fewer, or products of 2 and 3; or look for a software epoch in the compile report",
        find=operators(*_REDUCTIONS, when=pooling.pool_unknown, says=first_input),
    ),
    Rule(
        id="reduction-axes",
        title="a reduction is not a global pool over rows and columns",
        severity=LintSeverity.WARNING,
        why="The NPU reduces all axes between batch and channels at once. Any other reduction is a float "
        "epoch on the Cortex-M55.",
        remedy="transpose so that the axes are rows and columns, or use a pool or a 1 x 1 convolution",
        find=operators(*_REDUCTIONS, when=pooling.reduces_elsewhere, says=from_to),
    ),
    Rule(
        id="pool-stride-over-15",
        title="a pool has a stride above 15",
        severity=LintSeverity.WARNING,
        why="ST documents strides of 1 to 15.",
        remedy="pool twice",
        find=operators(*_POOLS, when=pooling.pool_stride_too_large, says=_stride),
    ),
)
