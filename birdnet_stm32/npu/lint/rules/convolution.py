"""Kernels, strides and channels of convolutions."""

from __future__ import annotations

from birdnet_stm32.npu import conditions as on
from birdnet_stm32.npu.conditions import CHANNEL_MULTIPLE, WEIGHTED, input_at
from birdnet_stm32.npu.lint.rule import (
    EVERY,
    FIELD,
    SEEN,
    ST,
    Rule,
    Severity,
    from_to,
    nothing,
    operators,
    zoo,
)
from birdnet_stm32.tflite.ir import Graph, Operator

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def _stride(operator: Operator, graph: Graph) -> str:
    return f"stride {on.stride(operator, 'h')}x{on.stride(operator, 'w')}, kernel {_kernel(operator, graph)}"


def _kernel(operator: Operator, graph: Graph) -> str:
    weights = input_at(operator, graph, 1)
    return "" if weights is None else f"{weights.shape[1]}x{weights.shape[2]}"


def _one_row(operator: Operator, graph: Graph) -> bool:
    """Hold for a convolution over one dimension: one row, or one column, of data or of kernel."""
    data, weights = input_at(operator, graph, 0), input_at(operator, graph, 1)
    return data is not None and weights is not None and 1 in (*data.shape[1:3], *weights.shape[1:3])


def _strided_row(operator: Operator, graph: Graph) -> bool:
    return on.stride_above(1)(operator, graph) and _one_row(operator, graph)


def _strided_plane(operator: Operator, graph: Graph) -> bool:
    return on.stride_above(1)(operator, graph) and not _one_row(operator, graph)


def _channels(operator: Operator, graph: Graph) -> int:
    return graph.tensors[operator.outputs[0]].shape[-1]


def _chosen(operator: Operator, graph: Graph) -> bool:
    """Hold unless its channels are the classes: those of the last such operator are nobody's choice."""
    return any(later.name in WEIGHTED for later in graph.operators[operator.index + 1 :])


def _lanes_unfilled(operator: Operator, graph: Graph) -> bool:
    return _channels(operator, graph) % CHANNEL_MULTIPLE != 0 and _chosen(operator, graph)


def _large_prime(operator: Operator, graph: Graph) -> bool:
    channels = _channels(operator, graph)
    prime = channels > CHANNEL_MULTIPLE and all(channels % d for d in range(2, int(channels**0.5) + 1))
    return prime and _chosen(operator, graph)


def _channel_count(operator: Operator, graph: Graph) -> str:
    return f"{_channels(operator, graph)} channels"


RULES = (
    Rule(
        id="depthwise-stride-one-row",
        title="a depthwise convolution over one dimension with a stride",
        severity=Severity.ERROR,
        why="The inference never returns: no fault, no message, a clean compile report. Seen on silicon "
        "with kernels of 3 and stride 2.",
        versions=SEEN,
        remedy="stride 1 here and the stride in the 1 x 1 convolution that follows: the same result, bit by "
        "bit. Do not cut by a slice of step 2",
        sources=(zoo("stride2-depthwise-conv-stalls-npu"),),
        find=operators("DEPTHWISE_CONV_2D", when=_strided_row, says=_stride),
    ),
    Rule(
        id="depthwise-stride",
        title="a depthwise convolution with a stride",
        severity=Severity.HINT,
        why="In two dimensions ST's MobileNets run; in one, a stride of 2 stalled the NPU for ever.",
        versions=SEEN,
        remedy="run with a time-out, and the self-test on the board before the first result is believed",
        sources=(zoo("stride2-depthwise-conv-stalls-npu"),),
        find=operators("DEPTHWISE_CONV_2D", when=_strided_plane, says=_stride),
    ),
    Rule(
        id="convolution-stride-over-2",
        title="a stride above 2",
        severity=Severity.WARNING,
        why="Seen to run on the Cortex-M55; ST recommends 1, 2 and 4.",
        versions=EVERY,
        remedy="two convolutions with stride 2, or a reshape that makes the step part of the kernel",
        sources=(ST, FIELD),
        find=operators(*_CONVOLUTIONS, when=on.stride_above(2), says=_stride),
    ),
    Rule(
        id="kernel-over-112-taps",
        title="a kernel of more than 112 positions",
        severity=Severity.ERROR,
        why="A kernel of 448 positions was seen to compute wrong sums with trained weights, and nothing "
        "reports it; split into parts of 112 it was right. Between the two nobody has looked.",
        versions=SEEN,
        remedy="split the kernel into parts of at most 112 positions and add the results",
        sources=(FIELD,),
        find=operators(*_CONVOLUTIONS, when=on.taps_above(112), says=_kernel),
    ),
    Rule(
        id="kernel-decomposed",
        title="a kernel that takes several passes",
        severity=Severity.HINT,
        why="One pass takes 3 rows and 6 columns, 12 with a stride: correct, but slower.",
        versions=EVERY,
        remedy="stay within 3 x 6, or stack two small kernels",
        sources=(ST,),
        find=operators(*_CONVOLUTIONS, when=on.kernel_decomposed, says=_kernel),
    ),
    Rule(
        id="grouped-convolution",
        title="a grouped convolution",
        severity=Severity.HINT,
        why="Compile reports show it in hardware; ST does not document it.",
        versions=EVERY,
        remedy="look for it in the compile report, and compare the board's outputs with those of the host",
        sources=(ST,),
        find=operators("CONV_2D", when=on.grouped, says=from_to),
    ),
    Rule(
        id="grouped-convolution-one-pixel",
        title="a grouped convolution of one position behind an element-wise operator",
        severity=Severity.ERROR,
        why="The compiler stops: `lower_arith_set_in_batch conf_CONV_IN_ACTIVATION`.",
        versions=SEEN,
        remedy="use FULLY_CONNECTED",
        sources=(zoo("int8-grouped-conv-hw-lowering-assert"),),
        find=operators("CONV_2D", when=on.grouped_on_one_pixel, says=from_to),
    ),
    Rule(
        id="transpose-convolution",
        title="a transposed convolution",
        severity=Severity.WARNING,
        why="On ST's list, but no public compile report shows it; written as zeros between the values and a "
        "convolution it costs much memory.",
        versions=EVERY,
        remedy="compile it first; if it is refused, use RESIZE_NEAREST_NEIGHBOR and a convolution",
        sources=(ST, zoo("convtranspose-outside-device-vocabulary")),
        find=operators("TRANSPOSE_CONV", says=nothing),
    ),
    Rule(
        id="channels-not-multiple-of-8",
        title="channels that do not fill the NPU's lanes",
        severity=Severity.HINT,
        why="Correct, but slower than the next multiple of 8 would be.",
        versions=EVERY,
        remedy="take a multiple of 8",
        sources=("birdnet-team/birdnet-stm32, 0.9",),
        find=operators(*WEIGHTED, when=_lanes_unfilled, says=_channel_count),
    ),
    Rule(
        id="prime-channels",
        title="a prime number of channels",
        severity=Severity.HINT,
        why="The compiler cannot split them evenly over units and passes.",
        versions=EVERY,
        remedy="take a number with small factors",
        sources=(ST,),
        find=operators(*WEIGHTED, when=_large_prime, says=_channel_count),
    ),
)
