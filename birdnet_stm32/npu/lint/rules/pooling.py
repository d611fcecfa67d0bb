"""Pools and reductions."""

from __future__ import annotations

from birdnet_stm32.npu import conditions as on
from birdnet_stm32.npu.lint.rule import EVERY, SEEN, ST, Rule, Severity, first_input, from_to, operators, zoo
from birdnet_stm32.tflite.ir import Graph, Operator

MAX_POOL_STRIDE = 15
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
_REDUCTIONS = ("MEAN", "REDUCE_MAX")


def _window(operator: Operator, graph: Graph) -> str:
    return f"window {operator.options.get('filter_height')}x{operator.options.get('filter_width')}"


def _area_not_factorable(operator: Operator, graph: Graph) -> bool:
    return on.reduces_space(operator, graph) and on.space_not_factorable(operator, graph)


def _stride(operator: Operator, graph: Graph) -> str:
    return f"stride {on.stride(operator, 'h')}x{on.stride(operator, 'w')}"


RULES = (
    Rule(
        id="pool-window-factors",
        title="a pooling window that is no product of twos and threes",
        severity=Severity.ERROR,
        why="The NPU pools 3 x 3 at most and chains such pools for larger windows. What cannot be chained "
        "becomes DEQUANTIZE, a float pool on the Cortex-M55 and QUANTIZE, and gave wrong numbers.",
        versions=SEEN,
        remedy="pool over 2, 3, 4, 6, 8 or 9 rows and columns",
        sources=(ST, zoo("software-epoch-op-tier")),
        find=operators(*_POOLS, when=on.window_not_factorable, says=_window),
    ),
    Rule(
        id="global-pool-factors",
        title="a global pool over an area that is no product of twos and threes",
        severity=Severity.ERROR,
        why="6 x 8 runs on the NPU. 50 x 11 became DEQUANTIZE, a float pool on the Cortex-M55 and QUANTIZE, "
        "and gave wrong numbers.",
        versions=SEEN,
        remedy="choose [model] spec_width and the strides so that rows and columns before the pool are "
        "products of 2 and 3",
        sources=(ST, zoo("software-epoch-op-tier")),
        find=operators(*_REDUCTIONS, when=_area_not_factorable, says=first_input),
    ),
    Rule(
        id="reduction-axes",
        title="a reduction that is no global pool over rows and columns",
        severity=Severity.WARNING,
        why="The NPU reduces all axes between batch and channels at once; anything else is a float epoch on "
        "the Cortex-M55.",
        versions=EVERY,
        remedy="transpose so that the axes are rows and columns, or use a pool or a 1 x 1 convolution",
        sources=(ST,),
        find=operators(*_REDUCTIONS, when=on.reduces_elsewhere, says=from_to),
    ),
    Rule(
        id="pool-stride-over-15",
        title="a pool with a stride above 15",
        severity=Severity.WARNING,
        why="ST documents strides of 1 to 15.",
        versions=EVERY,
        remedy="pool twice",
        sources=(ST,),
        find=operators(*_POOLS, when=on.stride_above(MAX_POOL_STRIDE), says=_stride),
    ),
)
