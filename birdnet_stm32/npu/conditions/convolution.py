"""Kernels, strides and channels of convolutions."""

from __future__ import annotations

from birdnet_stm32.npu.conditions.condition import CHANNEL_MULTIPLE, known
from birdnet_stm32.npu.evidence import SEEN, Evidence, EvidenceSource, board, eco8, field, report, st, zoo
from birdnet_stm32.tflite.ir import Tensor
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import WEIGHTED

MAX_TAPS = 112
MAX_STRIDE = 2
ONE_PASS_ROWS = 3
FULL_HEIGHT_ROWS_SEEN = 2  # a kernel of 2 rows over 2 rows ran on a board
_ELEMENTWISE = frozenset("ADD SUB MUL DIV RELU RELU6 RELU_N1_TO_1 LOGISTIC TANH HARD_SWISH ABS".split())


@known(
    board(
        "LarocheC/eco8-neaixt, deploy/stm32n6/N6NET_COMPILE.md, N6NET_POWER.md",
        SEEN,
        "2026-09-17",
        "8 x 1 over 8 rows: rewritten into 1 x 1 convolutions named _subm_, 0 software epochs in the report, "
        "and the board hangs; 2 x 1 over 2 rows runs (cosine 0.999999)",
    ),
    report(
        "PeleAB/STM32N6-FaceRecognition, converted_models/face_recognition_c_info.json at 3fcb2c4",
        "2.1",
        "2025-07-26",
        "depthwise 7 x 7 over 7 x 7: rewritten into six named _subm_, three of them software",
    ),
)
def kernel_as_high_as_input(node: Node) -> bool:
    """Hold when a kernel of 3 rows or more covers all rows of the input, so that the output has one row."""
    data, taps = node.input_at(0), node.kernel
    before = None if data is None else _plane(data)
    after = _plane(node.output)
    if taps is None or before is None or after is None:
        return False
    rows = before[0]
    return rows > FULL_HEIGHT_ROWS_SEEN and taps[0] >= rows and after[0] == 1


def _plane(tensor: Tensor) -> tuple[int, int] | None:
    """Return height and width of a tensor [batch, height, width, channels], or None for another."""
    return (tensor.shape[1], tensor.shape[2]) if len(tensor.shape) == 4 else None


@known(
    eco8("dilations of 2, 4 and 8 along the rows: a software Conv on the Cortex-M55", date="2026-09-16"),
    st("avoid large dilations"),
)
def dilated_rows(node: Node) -> bool:
    """Hold when a kernel of several rows skips rows."""
    taps = node.kernel
    return taps is not None and taps[0] > 1 and node.dilations[0] > 1


@known(
    board(
        "LarocheC/stm32n6-deployment-zoo, docs/measurements-elsewhere.md",
        SEEN,
        "2026-10-02",
        "dilated along the columns: ran with cosine 0.9997, 5.42 ms against 4.40 ms",
    ),
    st("avoid large dilations"),
)
def dilated_columns(node: Node) -> bool:
    """Hold when a kernel of several columns skips columns."""
    taps = node.kernel
    return taps is not None and taps[1] > 1 and node.dilations[1] > 1


@known(
    report(
        "STMicroelectronics/STM32N6-GettingStarted-ReID, Model/STM32N6570-DK/reid.c at d841264",
        "3.0",
        "2026-01-16",
        "16 expanding convolutions of squeeze gates are pure software",
    ),
)
def one_channel_on_one_pixel(node: Node) -> bool:
    """Hold for a 1 x 1 convolution of one input channel on one position: the end of a squeeze gate."""
    data = node.input_at(0)
    if data is None or node.kernel != (1, 1):
        return False
    return _plane(data) == (1, 1) and data.shape[3] == 1


@known(
    st("strides of 1, 2 and 4 are recommended"),
    board(
        "LarocheC/stm32n6-deployment-zoo, docs/measurements-elsewhere.md",
        SEEN,
        "2026-10-02",
        "convolutions with stride 3: 23 of 74 ms in software epochs",
    ),
    board("LarocheC/eco8-neaixt, N6NET_COMPILE.md", SEEN, "2026-09-17", "4 x 1 with stride 4: hardware"),
)
def stride_in_software(node: Node) -> bool:
    """Hold when a stride is above 2, but not 4."""
    return any(step > MAX_STRIDE and step != 2 * MAX_STRIDE for step in node.strides)


@known(zoo("stride2-depthwise-conv-stalls-npu", "kernel 3, stride 2, one dimension"))
def strided_row(node: Node) -> bool:
    """Hold for a stride above 1 if the data or the kernel has one row or one column."""
    return max(node.strides) > 1 and _one_row(node)


@known(
    zoo("stride2-depthwise-conv-stalls-npu"),
    board(
        "LarocheC/stm32n6-deployment-zoo, lab/mobilenet_v2_1.0_224.md",
        SEEN,
        "2026-10",
        "MobileNet v2 runs with cosine 0.9987",
    ),
)
def strided_plane(node: Node) -> bool:
    """Hold for a stride above 1 if the data and the kernel have several rows and columns."""
    return max(node.strides) > 1 and not _one_row(node)


def _one_row(node: Node) -> bool:
    data, weights = node.input_at(0), node.input_at(1)
    return data is not None and weights is not None and 1 in (*data.shape[1:3], *weights.shape[1:3])


@known(field("one report", "448 positions were wrong with trained weights, 112 right, between them unknown"))
def too_many_taps(node: Node) -> bool:
    """Hold when a kernel spans more than 112 positions."""
    taps = node.kernel
    return taps is not None and taps[0] * taps[1] > MAX_TAPS


@known(st("3 rows; 6 columns, 12 with a stride"))
def kernel_decomposed(node: Node) -> bool:
    """Hold when the kernel is larger than one pass allows: 3 rows, and 6 columns or 12 with a stride."""
    taps = node.kernel
    if taps is None:
        return False
    columns = 6 if node.strides[1] == 1 else 12
    return taps[0] > ONE_PASS_ROWS or taps[1] > columns


@known(st("not documented; compile reports show it in hardware"))
def grouped(node: Node) -> bool:
    """Hold for a convolution whose kernel sees only part of the input channels."""
    data, weights = node.input_at(0), node.input_at(1)
    return data is not None and weights is not None and data.shape[-1] != weights.shape[-1]


@known(zoo("int8-grouped-conv-hw-lowering-assert"))
def grouped_on_one_pixel(node: Node) -> bool:
    """Hold for a grouped convolution on 1 x 1 positions after an elementwise operator."""
    if not grouped(node) or node.input.shape[1:3] != (1, 1):
        return False
    return any(
        before.name in _ELEMENTWISE for before in node.graph.operators if node.input.index in before.outputs
    )


def _channels(node: Node) -> int:
    return node.output.shape[-1]


def _chosen(node: Node) -> bool:
    """Hold unless its channels are the classes of the model, which cannot be chosen."""
    return any(later.name in WEIGHTED for later in node.graph.operators[node.index + 1 :])


@known(
    Evidence(
        source=EvidenceSource.OWN,
        core="not said",
        where="birdnet-team/birdnet-stm32, 0.9",
        date="read 2026-11",
        says="a hint for speed, which ST does not document",
    )
)
def lanes_unfilled(node: Node) -> bool:
    """Hold when the number of channels is not a multiple of 8, but could be."""
    return _channels(node) % CHANNEL_MULTIPLE != 0 and _chosen(node)


@known(st("avoid prime numbers of channels"))
def prime_channels(node: Node) -> bool:
    """Hold for a prime number of channels above 8 that could be another number."""
    channels = _channels(node)
    prime = channels > CHANNEL_MULTIPLE and all(channels % d for d in range(2, int(channels**0.5) + 1))
    return prime and _chosen(node)
