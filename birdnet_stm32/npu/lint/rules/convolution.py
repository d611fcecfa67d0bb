"""Kernels, strides and channels of convolutions."""

from __future__ import annotations

from birdnet_stm32.npu.conditions import convolution
from birdnet_stm32.npu.evidence import ENLARGING, zoo
from birdnet_stm32.npu.lint.rule import LintSeverity, Rule, first_input, from_to, known_always, operators
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import WEIGHTED

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def _kernel(node: Node) -> str:
    taps = node.kernel
    return "" if taps is None else f"{taps[0]}x{taps[1]}"


def _stride(node: Node) -> str:
    steps = f"stride {node.strides[0]}x{node.strides[1]}"
    return f"{steps}, kernel {_kernel(node)}"


def _dilation(node: Node) -> str:
    steps = f"dilation {node.dilations[0]}x{node.dilations[1]}"
    return f"{steps}, kernel {_kernel(node)}"


def _over(node: Node) -> str:
    return f"kernel {_kernel(node)} over {first_input(node)}"


def _channel_count(node: Node) -> str:
    return f"{node.output.shape[-1]} channels"


_MOVED = (
    "It is on ST's list. But in every compile report that shows one, the Cortex-M55 moves its values in a "
    "software or hybrid epoch (`DepthToSpace`)."
)
_ENLARGES = known_always(*ENLARGING, zoo("convtranspose-outside-device-vocabulary"))

RULES = (
    Rule(
        id="full-height-kernel",
        title="the kernel is as high as its input, so that one row is left",
        severity=LintSeverity.ERROR,
        why="The compiler splits such a convolution into masked 1 x 1 convolutions (`Conv2D_..._subm_0` "
        "and so on) and reports no software epoch. Then the board hangs. This was seen with 8 rows. With 2 "
        "rows the convolution stays whole and runs. There is no report for 3 to 7 rows. Such a layer usually "
        "collapses the frequency axis.",
        remedy="use two convolutions that compute the same and stay whole: `birdnet-stm32 lint "
        "MODEL.tflite --suggest` prints and tests them; or use a global pool and a 1 x 1 convolution, and "
        "train again",
        find=operators("CONV_2D", when=convolution.kernel_as_high_as_input, says=_over),
    ),
    Rule(
        id="full-height-depthwise",
        title="the depthwise kernel is as high as its input, so that one row is left",
        severity=LintSeverity.WARNING,
        why="The compiler splits it. With 7 x 7 over 7 x 7, three of six parts became epochs on the "
        "Cortex-M55. With an ordinary convolution of this shape the board hangs.",
        remedy="use a global pool; or look for `_subm_` in the names that the compiler writes, and run with "
        "a time-out",
        find=operators("DEPTHWISE_CONV_2D", when=convolution.kernel_as_high_as_input, says=_over),
    ),
    Rule(
        id="dilated-rows",
        title="the kernel is dilated along the rows",
        severity=LintSeverity.WARNING,
        why="It becomes an epoch on the Cortex-M55, with the NPU stopped around it.",
        remedy="use several kernels without dilation, or a stride before them. A dilation along the columns "
        "ran on the NPU",
        find=operators(*_CONVOLUTIONS, when=convolution.dilated_rows, says=_dilation),
    ),
    Rule(
        id="dilated-columns",
        title="the kernel is dilated along the columns",
        severity=LintSeverity.HINT,
        why="It ran on a board, but slower than the same network without dilation. ST recommends to avoid "
        "large dilations.",
        remedy="compare the cycles of both in the compile report",
        find=operators(*_CONVOLUTIONS, when=convolution.dilated_columns, says=_dilation),
    ),
    Rule(
        id="one-channel-one-pixel",
        title="a 1 x 1 convolution of one channel on one position",
        severity=LintSeverity.WARNING,
        why="The expanding half of a squeeze gate with one channel becomes an epoch on the Cortex-M55.",
        remedy="squeeze to two channels or more",
        find=operators("CONV_2D", when=convolution.one_channel_on_one_pixel, says=from_to),
    ),
    Rule(
        id="depthwise-stride-one-row",
        title="a depthwise convolution over one dimension has a stride",
        severity=LintSeverity.ERROR,
        why="The inference never returns, without a fault or a message, and the compile report is clean. "
        "This was seen on a board with kernels of 3 and stride 2.",
        remedy="use stride 1 here, and the stride in the 1 x 1 convolution that follows: the result is the "
        "same, bit by bit. Do not use a slice of step 2",
        find=operators("DEPTHWISE_CONV_2D", when=convolution.strided_row, says=_stride),
    ),
    Rule(
        id="depthwise-stride",
        title="a depthwise convolution has a stride",
        severity=LintSeverity.HINT,
        why="ST's MobileNets, with two dimensions, run. With one dimension, a stride of 2 stalled the NPU.",
        remedy="run with a time-out, and run the self-test on the board before you trust a result",
        find=operators("DEPTHWISE_CONV_2D", when=convolution.strided_plane, says=_stride),
    ),
    Rule(
        id="convolution-stride-over-2",
        title="a stride above 2 that is not 4",
        severity=LintSeverity.WARNING,
        why="Strides of 3 ran on the Cortex-M55, and a stride of 4 in hardware. ST recommends strides of 1, "
        "2 and 4.",
        remedy="use stride 2 or 4, two convolutions with stride 2, or a reshape that makes the step part of "
        "the kernel",
        find=operators(*_CONVOLUTIONS, when=convolution.stride_in_software, says=_stride),
    ),
    Rule(
        id="kernel-over-112-taps",
        title="a kernel of more than 112 positions",
        severity=LintSeverity.ERROR,
        why="A kernel of 448 positions computed wrong sums with trained weights, without a message. Split "
        "into parts of 112 positions it was right. There is no report for sizes between the two.",
        remedy="split the kernel into parts of at most 112 positions and add the results",
        find=operators(*_CONVOLUTIONS, when=convolution.too_many_taps, says=_kernel),
    ),
    Rule(
        id="kernel-decomposed",
        title="the kernel takes several passes",
        severity=LintSeverity.HINT,
        why="One pass covers 3 rows and 6 columns, or 12 columns with a stride. The result is correct, but "
        "slower.",
        remedy="stay within 3 x 6, or stack two small kernels",
        find=operators(*_CONVOLUTIONS, when=convolution.kernel_decomposed, says=_kernel),
    ),
    Rule(
        id="grouped-convolution",
        title="a grouped convolution",
        severity=LintSeverity.HINT,
        why="Compile reports show it in hardware, but ST does not document it.",
        remedy="look for it in the compile report, and compare the board's outputs with those of the host",
        find=operators("CONV_2D", when=convolution.grouped, says=from_to),
    ),
    Rule(
        id="grouped-convolution-one-pixel",
        title="a grouped convolution of one position after an element-wise operator",
        severity=LintSeverity.ERROR,
        why="The compiler stops: `lower_arith_set_in_batch conf_CONV_IN_ACTIVATION`.",
        remedy="use FULLY_CONNECTED",
        find=operators("CONV_2D", when=convolution.grouped_on_one_pixel, says=from_to),
    ),
    Rule(
        id="transpose-convolution",
        title="a transposed convolution",
        severity=LintSeverity.WARNING,
        why=_MOVED,
        remedy="remove it, or count its epochs in the compile report. A classifier does not need it",
        find=operators("TRANSPOSE_CONV", when=_ENLARGES),
    ),
    Rule(
        id="resize-nearest",
        title="rows and columns are repeated",
        severity=LintSeverity.WARNING,
        why=_MOVED,
        remedy="remove it, or count its epochs in the compile report. A classifier does not need it",
        find=operators("RESIZE_NEAREST_NEIGHBOR", when=_ENLARGES),
    ),
    Rule(
        id="channels-not-multiple-of-8",
        title="the channels do not fill the NPU's lanes",
        severity=LintSeverity.HINT,
        why="The result is correct, but slower than with the next multiple of 8.",
        remedy="use a multiple of 8",
        find=operators(*WEIGHTED, when=convolution.lanes_unfilled, says=_channel_count),
    ),
    Rule(
        id="prime-channels",
        title="a prime number of channels",
        severity=LintSeverity.HINT,
        why="The compiler cannot split them evenly over units and passes.",
        remedy="use a number with small factors",
        find=operators(*WEIGHTED, when=convolution.prime_channels, says=_channel_count),
    ),
)
