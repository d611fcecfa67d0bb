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
    "On ST's list; in every compile report that shows one, the Cortex-M55 moves its values, as a software or "
    "hybrid epoch (`DepthToSpace`)."
)
_ENLARGES = known_always(*ENLARGING, zoo("convtranspose-outside-device-vocabulary"))

RULES = (
    Rule(
        id="full-height-kernel",
        title="a kernel as high as its input, which leaves one row",
        severity=LintSeverity.ERROR,
        why="The compiler takes such a convolution apart into masked 1 x 1 convolutions (`Conv2D_..._subm_0` "
        "and so on), reports no software epoch, and the board hangs for ever. Seen with 8 rows; with 2 rows "
        "the convolution stays whole and runs; at 3 to 7 nobody has looked. It is the usual layer that "
        "collapses the frequency axis.",
        remedy="two convolutions that compute the same and stay whole, which `birdnet-stm32 lint "
        "MODEL.tflite --suggest` prints and proves; or a global pool and a 1 x 1 convolution, trained anew",
        find=operators("CONV_2D", when=convolution.kernel_as_high_as_input, says=_over),
    ),
    Rule(
        id="full-height-depthwise",
        title="a depthwise kernel as high as its input, which leaves one row",
        severity=LintSeverity.WARNING,
        why="The compiler takes it apart; of 7 x 7 over 7 x 7, three of six parts became epochs on the "
        "Cortex-M55. Of the ordinary convolution of this shape it is known that the board hangs.",
        remedy="a global pool; or look for `_subm_` in the names that the compiler writes, and run with a "
        "time-out",
        find=operators("DEPTHWISE_CONV_2D", when=convolution.kernel_as_high_as_input, says=_over),
    ),
    Rule(
        id="dilated-rows",
        title="a kernel dilated along the rows",
        severity=LintSeverity.WARNING,
        why="It becomes an epoch on the Cortex-M55, with the NPU stopped around it.",
        remedy="several kernels without dilation, or a stride before them; along the columns a dilation ran "
        "on the NPU",
        find=operators(*_CONVOLUTIONS, when=convolution.dilated_rows, says=_dilation),
    ),
    Rule(
        id="dilated-columns",
        title="a kernel dilated along the columns",
        severity=LintSeverity.HINT,
        why="It ran on a board, slower than the same network without; ST says to avoid large dilations.",
        remedy="compare the cycles of both in the compile report",
        find=operators(*_CONVOLUTIONS, when=convolution.dilated_columns, says=_dilation),
    ),
    Rule(
        id="one-channel-one-pixel",
        title="a 1 x 1 convolution of one channel on one position",
        severity=LintSeverity.WARNING,
        why="The expanding half of a squeeze gate that narrows to one channel becomes an epoch on the "
        "Cortex-M55.",
        remedy="squeeze to two channels or more",
        find=operators("CONV_2D", when=convolution.one_channel_on_one_pixel, says=from_to),
    ),
    Rule(
        id="depthwise-stride-one-row",
        title="a depthwise convolution over one dimension with a stride",
        severity=LintSeverity.ERROR,
        why="The inference never returns: no fault, no message, a clean compile report. Seen on silicon "
        "with kernels of 3 and stride 2.",
        remedy="stride 1 here and the stride in the 1 x 1 convolution that follows: the same result, bit by "
        "bit. Do not cut by a slice of step 2",
        find=operators("DEPTHWISE_CONV_2D", when=convolution.strided_row, says=_stride),
    ),
    Rule(
        id="depthwise-stride",
        title="a depthwise convolution with a stride",
        severity=LintSeverity.HINT,
        why="In two dimensions ST's MobileNets run; in one, a stride of 2 stalled the NPU for ever.",
        remedy="run with a time-out, and the self-test on the board before the first result is believed",
        find=operators("DEPTHWISE_CONV_2D", when=convolution.strided_plane, says=_stride),
    ),
    Rule(
        id="convolution-stride-over-2",
        title="a stride above 2 that is not 4",
        severity=LintSeverity.WARNING,
        why="Strides of 3 were seen to run on the Cortex-M55, a stride of 4 in hardware; ST recommends 1, 2 "
        "and 4.",
        remedy="stride 2 or 4, two convolutions with stride 2, or a reshape that makes the step part of the "
        "kernel",
        find=operators(*_CONVOLUTIONS, when=convolution.stride_in_software, says=_stride),
    ),
    Rule(
        id="kernel-over-112-taps",
        title="a kernel of more than 112 positions",
        severity=LintSeverity.ERROR,
        why="A kernel of 448 positions was seen to compute wrong sums with trained weights, and nothing "
        "reports it; split into parts of 112 it was right. Between the two nobody has looked.",
        remedy="split the kernel into parts of at most 112 positions and add the results",
        find=operators(*_CONVOLUTIONS, when=convolution.too_many_taps, says=_kernel),
    ),
    Rule(
        id="kernel-decomposed",
        title="a kernel that takes several passes",
        severity=LintSeverity.HINT,
        why="One pass takes 3 rows and 6 columns, 12 with a stride: correct, but slower.",
        remedy="stay within 3 x 6, or stack two small kernels",
        find=operators(*_CONVOLUTIONS, when=convolution.kernel_decomposed, says=_kernel),
    ),
    Rule(
        id="grouped-convolution",
        title="a grouped convolution",
        severity=LintSeverity.HINT,
        why="Compile reports show it in hardware; ST does not document it.",
        remedy="look for it in the compile report, and compare the board's outputs with those of the host",
        find=operators("CONV_2D", when=convolution.grouped, says=from_to),
    ),
    Rule(
        id="grouped-convolution-one-pixel",
        title="a grouped convolution of one position behind an element-wise operator",
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
        remedy="do without it, or count its epochs in the compile report; a classifier needs none",
        find=operators("TRANSPOSE_CONV", when=_ENLARGES),
    ),
    Rule(
        id="resize-nearest",
        title="rows and columns are repeated",
        severity=LintSeverity.WARNING,
        why=_MOVED,
        remedy="do without it, or count its epochs in the compile report; a classifier needs none",
        find=operators("RESIZE_NEAREST_NEIGHBOR", when=_ENLARGES),
    ),
    Rule(
        id="channels-not-multiple-of-8",
        title="channels that do not fill the NPU's lanes",
        severity=LintSeverity.HINT,
        why="Correct, but slower than the next multiple of 8 would be.",
        remedy="take a multiple of 8",
        find=operators(*WEIGHTED, when=convolution.lanes_unfilled, says=_channel_count),
    ),
    Rule(
        id="prime-channels",
        title="a prime number of channels",
        severity=LintSeverity.HINT,
        why="The compiler cannot split them evenly over units and passes.",
        remedy="take a number with small factors",
        find=operators(*WEIGHTED, when=convolution.prime_channels, says=_channel_count),
    ),
)
