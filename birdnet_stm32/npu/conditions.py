"""What the NPU does with an operator depends on these conditions, each stated once, with how it is known.

The linter's rules, the mapping table, their pages and the report are made from them: who changes a condition
or its evidence here changes all of these. A condition is asked of an operator, or of a tensor, in its graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from birdnet_stm32.npu import costs
from birdnet_stm32.npu.evidence import (
    INFERRED,
    LISTED,
    MESSAGES,
    SEEN,
    TABLE,
    Evidence,
    Source,
    board,
    eco8,
    field,
    report,
    st,
    zoo,
)
from birdnet_stm32.npu.operands import (
    activations,
    constant_numbers,
    dilation,
    input_at,
    inputs,
    kernel,
    outputs,
    plane,
    stride,
    touched,
    window,
)
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor

MAX_DIMENSION = 65_535
MAX_RANK = 4
MAX_TAPS = 112
MAX_POOL_STRIDE = 15
MAX_STRIDE = 2
CHANNEL_MULTIPLE = 8  # fills the lanes
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
FEW_BYTES = 4 * 1024  # what reports call "more than a few kB"
LARGE_BYTES = 64 * 1024
ONE_PASS_ROWS = 3
POOL_FACTORS = (2, 3)  # the pooling unit takes windows of up to 3 x 3 and chains them
LARGEST_ODD_POOL_SEEN = 300  # positions: 50 x 6, and smaller, ran on boards whatever their factors
SMALLEST_ODD_POOL_FAILED = 550  # 50 x 11
FULL_HEIGHT_ROWS_SEEN = 2  # a kernel of 2 rows over 2 rows ran on a board
_SHAPE_TYPES = ("int32", "int64")
_ELEMENTWISE = frozenset("ADD SUB MUL DIV RELU RELU6 RELU_N1_TO_1 LOGISTIC TANH HARD_SWISH ABS".split())
# int32 and int64: biases, shapes, indices
_TYPES = frozenset(("int8", "uint8", "int32", "int64", "float32", "bool"))


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A question about an operator in its graph.

    Args:
        name: of the function that answers it.
        means: the question in words.
        holds: the function.
        evidence: why it matters to the NPU.
    """

    name: str
    means: str
    holds: Callable[[Operator, Graph], bool]
    evidence: tuple[Evidence, ...]

    def __call__(self, operator: Operator, graph: Graph) -> bool:
        """Answer the question."""
        return self.holds(operator, graph)


@dataclass(frozen=True, kw_only=True)
class TensorCondition:
    """A question about a tensor in its graph; the fields are those of :class:`Condition`."""

    name: str
    means: str
    holds: Callable[[Tensor, Graph], bool]
    evidence: tuple[Evidence, ...]

    def __call__(self, tensor: Tensor, graph: Graph) -> bool:
        """Answer the question."""
        return self.holds(tensor, graph)


def _means(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").split("\n")[0]


def known(*evidence: Evidence) -> Callable[[Callable[[Operator, Graph], bool]], Condition]:
    """Make a condition of a question about an operator."""

    def make(holds: Callable[[Operator, Graph], bool]) -> Condition:
        return Condition(name=holds.__name__, means=_means(holds), holds=holds, evidence=evidence)

    return make


def known_of_tensors(
    *evidence: Evidence,
) -> Callable[[Callable[[Tensor, Graph], bool]], TensorCondition]:
    """Make a condition of a question about a tensor."""

    def make(holds: Callable[[Tensor, Graph], bool]) -> TensorCondition:
        return TensorCondition(name=holds.__name__, means=_means(holds), holds=holds, evidence=evidence)

    return make


@known()
def always(operator: Operator, graph: Graph) -> bool:
    """Hold for every operator."""
    return True


# Of tensors.


def _boundary(tensor: Tensor, graph: Graph) -> bool:
    return tensor.index in (*graph.inputs, *graph.outputs)


@known_of_tensors(st(), zoo("tensor-dim-over-65535"))
def has_large_dimension(tensor: Tensor, graph: Graph) -> bool:
    """Hold when a dimension does not fit 16 bits."""
    return max(tensor.shape, default=0) > MAX_DIMENSION


@known_of_tensors(zoo("atonn-segfault-rank5-tensors", "signo=11"))
def has_large_rank(tensor: Tensor, graph: Graph) -> bool:
    """Hold for more than four dimensions."""
    return len(tensor.shape) > MAX_RANK


@known_of_tensors(st(), zoo("non-static-io-shape"))
def is_open(tensor: Tensor, graph: Graph) -> bool:
    """Hold when a dimension other than the batch of a computed tensor is open."""
    return tensor.data is None and min(tensor.shape[1:], default=0) < 0


@known_of_tensors(st("an open batch is taken as 1"), zoo("non-static-io-shape"))
def has_open_batch(tensor: Tensor, graph: Graph) -> bool:
    """Hold for a network's input whose batch is open."""
    return tensor.index in graph.inputs and tensor.shape[:1] == (-1,)


@known_of_tensors(zoo("batch-dim-not-one", core="all"))
def has_other_batch(tensor: Tensor, graph: Graph) -> bool:
    """Hold for a network's input or output whose batch is neither 1 nor open."""
    return _boundary(tensor, graph) and len(tensor.shape) > 1 and tensor.shape[0] not in (-1, 1)


@known_of_tensors(
    zoo("ai-dpu-model-check-rejects-int8-rank3-output", "ST's audio application v2"),
    zoo("compiler-chooses-io-layout-per-graph"),
)
def is_plane_output(tensor: Tensor, graph: Graph) -> bool:
    """Hold for an int8 output of more than two dimensions."""
    return tensor.index in graph.outputs and tensor.dtype == "int8" and len(tensor.shape) > 2


@known_of_tensors(zoo("bool-quant-json-discards-all-quantization", "the network became float, exit code 0"))
def is_bool(tensor: Tensor, graph: Graph) -> bool:
    """Hold for a boolean tensor."""
    return tensor.dtype == "bool"


@known_of_tensors(st(), zoo("quint8-activation-quantization-rejected"))
def is_unsigned_inside(tensor: Tensor, graph: Graph) -> bool:
    """Hold for an unsigned 8-bit tensor that is no input or output of the network."""
    return tensor.dtype == "uint8" and not _boundary(tensor, graph)


@known_of_tensors(st("8 bit weights and activations only"))
def is_of_other_type(tensor: Tensor, graph: Graph) -> bool:
    """Hold for a type that the NPU does not compute in and no network needs beside it."""
    return tensor.dtype not in _TYPES


# Of every operator.


@known(*has_large_dimension.evidence)
def dimension_too_large(operator: Operator, graph: Graph) -> bool:
    """Hold when a dimension does not fit 16 bits."""
    return any(has_large_dimension(tensor, graph) for tensor in touched(operator, graph))


@known(*has_large_rank.evidence)
def rank_too_large(operator: Operator, graph: Graph) -> bool:
    """Hold when a tensor has more than four dimensions."""
    return any(has_large_rank(tensor, graph) for tensor in touched(operator, graph))


@known(*is_open.evidence)
def dynamic(operator: Operator, graph: Graph) -> bool:
    """Hold when a dimension other than the batch is open; an open batch is taken as 1."""
    return any(is_open(tensor, graph) for tensor in touched(operator, graph))


@known(st(), zoo("op-outside-supported-vocabulary"))
def computes_shapes(operator: Operator, graph: Graph) -> bool:
    """Hold when it computes integers from integers: a shape or an index, not data."""
    return operator.name == "SHAPE" or all(
        tensor.dtype in _SHAPE_TYPES for tensor in touched(operator, graph)
    )


@known(st("float layers run on the Cortex-M55"), zoo("fp32-elementwise-tail-sets-activation-peak"))
def has_float(operator: Operator, graph: Graph) -> bool:
    """Hold when an activation it reads or writes is float."""
    seen = (*activations(operator, graph), *outputs(operator, graph))
    return any(tensor.dtype.startswith("float") for tensor in seen)


@known(*is_bool.evidence)
def has_bool(operator: Operator, graph: Graph) -> bool:
    """Hold when it reads or writes a boolean tensor."""
    return any(is_bool(tensor, graph) for tensor in touched(operator, graph))


@known(*is_unsigned_inside.evidence)
def has_unsigned(operator: Operator, graph: Graph) -> bool:
    """Hold when it reads or writes an unsigned 8-bit tensor that is no input or output of the network."""
    return any(is_unsigned_inside(tensor, graph) for tensor in touched(operator, graph))


@known(st("hybrid operators are not supported"))
def hybrid(operator: Operator, graph: Graph) -> bool:
    """Hold for int8 weights on float activations: dynamic-range quantization."""
    constants = [tensor for tensor in inputs(operator, graph) if tensor.data is not None]
    return has_float(operator, graph) and any(
        tensor.dtype == "int8" and tensor.quantization is not None for tensor in constants
    )


# Weights and biases.


@known(st(), zoo("dynamic-matmul-software-epoch-fallback"))
def computed_weights(operator: Operator, graph: Graph) -> bool:
    """Hold when the second operand is computed at run time."""
    weights = input_at(operator, graph, 1)
    return weights is not None and weights.data is None


@known(*computed_weights.evidence)
def computed_integer_weights(operator: Operator, graph: Graph) -> bool:
    """Hold when the second operand, in integers, is computed; of BATCH_MATMUL, when both are."""
    if operator.name == "BATCH_MATMUL":
        return no_constant_operand(operator, graph)
    return computed_weights(operator, graph) and not float_weights(operator, graph)


@known(zoo("gemm-with-activation-bias-input", "TOOL ERROR: list index out of range"))
def computed_bias(operator: Operator, graph: Graph) -> bool:
    """Hold when the third operand is computed at run time."""
    bias = input_at(operator, graph, 2)
    return bias is not None and bias.data is None


@known(TABLE, zoo("dynamic-matmul-software-epoch-fallback"))
def no_constant_operand(operator: Operator, graph: Graph) -> bool:
    """Hold when every operand is computed at run time."""
    return len(activations(operator, graph)) == len(inputs(operator, graph))


@known(zoo("quantize-static-emits-unquantized-graph", core="all"))
def float_weights(operator: Operator, graph: Graph) -> bool:
    """Hold for float weights, also those that a DEQUANTIZE makes from float16."""
    weights = input_at(operator, graph, 1)
    return weights is not None and weights.dtype.startswith("float")


@known(st("signed symmetric weights"))
def asymmetric_weights(operator: Operator, graph: Graph) -> bool:
    """Hold when constant weights have a zero point other than 0."""
    weights = input_at(operator, graph, 1)
    return (
        weights is not None
        and weights.data is not None
        and weights.quantization is not None
        and any(weights.quantization.zero_points)
    )


@known(st("a scale for each channel"), zoo("quantize-static-emits-unquantized-graph", core="all"))
def one_scale(operator: Operator, graph: Graph) -> bool:
    """Hold when the weights of several channels share a scale."""
    weights = input_at(operator, graph, 1)
    channels = graph.tensors[operator.outputs[0]].shape[-1]
    return (
        weights is not None
        and weights.data is not None
        and weights.quantization is not None
        and len(weights.quantization.scales) == 1 < channels
    )


# Convolutions.


@known(
    board(
        "LarocheC/eco8-neaixt, deploy/stm32n6/N6NET_COMPILE.md, N6NET_POWER.md",
        SEEN,
        "2026-09-17",
        "8 x 1 over 8 rows: rewritten into 1 x 1 convolutions named _subm_, 0 software epochs in the report, "
        "and the board hangs; 2 x 1 over 2 rows runs (cosine 0.999999)",
    ),
)
def kernel_as_high_as_input(operator: Operator, graph: Graph) -> bool:
    """Hold when a kernel of 3 rows and more covers all rows at once and leaves one."""
    data, taps = input_at(operator, graph, 0), kernel(operator, graph)
    before = None if data is None else plane(data)
    after = plane(graph.tensors[operator.outputs[0]])
    if taps is None or before is None or after is None:
        return False
    rows = before[0]
    return rows > FULL_HEIGHT_ROWS_SEEN and taps[0] >= rows and after[0] == 1


@known(
    eco8("dilations of 2, 4 and 8 along the rows: a software Conv on the Cortex-M55", date="2026-09-16"),
    st("avoid large dilations"),
)
def dilated_rows(operator: Operator, graph: Graph) -> bool:
    """Hold when a kernel of several rows skips rows."""
    taps = kernel(operator, graph)
    return taps is not None and taps[0] > 1 and dilation(operator, "h") > 1


@known(
    board(
        "LarocheC/stm32n6-deployment-zoo, docs/measurements-elsewhere.md",
        SEEN,
        "2026-10-02",
        "dilated along the columns: ran with cosine 0.9997, 5.42 ms against 4.40 ms",
    ),
    st("avoid large dilations"),
)
def dilated_columns(operator: Operator, graph: Graph) -> bool:
    """Hold when a kernel of several columns skips columns."""
    taps = kernel(operator, graph)
    return taps is not None and taps[1] > 1 and dilation(operator, "w") > 1


@known(
    report(
        "STMicroelectronics/STM32N6-GettingStarted-ReID, reid.c",
        "3.0",
        "read 2026-11",
        "16 expanding convolutions of squeeze gates are pure software",
    ),
)
def one_channel_on_one_pixel(operator: Operator, graph: Graph) -> bool:
    """Hold for a 1 x 1 convolution of one input channel on one position: the end of a squeeze gate."""
    data = input_at(operator, graph, 0)
    if data is None or kernel(operator, graph) != (1, 1):
        return False
    return plane(data) == (1, 1) and data.shape[3] == 1


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
def stride_in_software(operator: Operator, graph: Graph) -> bool:
    """Hold when a stride is above 2 and not 4."""
    return any(step > MAX_STRIDE and step != 2 * MAX_STRIDE for step in _strides(operator))


def _strides(operator: Operator) -> tuple[int, int]:
    return stride(operator, "h"), stride(operator, "w")


@known(zoo("stride2-depthwise-conv-stalls-npu", "kernel 3, stride 2, one dimension"))
def strided_row(operator: Operator, graph: Graph) -> bool:
    """Hold for a stride where data or kernel have one row or one column."""
    return max(_strides(operator)) > 1 and _one_row(operator, graph)


@known(
    zoo("stride2-depthwise-conv-stalls-npu"),
    board(
        "LarocheC/stm32n6-deployment-zoo, lab/mobilenet_v2_1.0_224.md",
        SEEN,
        "2026-10",
        "MobileNet v2 runs with cosine 0.9987",
    ),
)
def strided_plane(operator: Operator, graph: Graph) -> bool:
    """Hold for a stride where data and kernel have several rows and columns."""
    return max(_strides(operator)) > 1 and not _one_row(operator, graph)


def _one_row(operator: Operator, graph: Graph) -> bool:
    data, weights = input_at(operator, graph, 0), input_at(operator, graph, 1)
    return data is not None and weights is not None and 1 in (*data.shape[1:3], *weights.shape[1:3])


@known(field("one report", "448 positions were wrong with trained weights, 112 right, between them unknown"))
def too_many_taps(operator: Operator, graph: Graph) -> bool:
    """Hold when a kernel spans more than 112 positions."""
    taps = kernel(operator, graph)
    return taps is not None and taps[0] * taps[1] > MAX_TAPS


@known(st("3 rows; 6 columns, 12 with a stride"))
def kernel_decomposed(operator: Operator, graph: Graph) -> bool:
    """Hold when the kernel is above what one pass takes: 3 rows; 6 columns, 12 with a stride."""
    taps = kernel(operator, graph)
    if taps is None:
        return False
    columns = 6 if stride(operator, "w") == 1 else 12
    return taps[0] > ONE_PASS_ROWS or taps[1] > columns


@known(st("not documented; compile reports show it in hardware"))
def grouped(operator: Operator, graph: Graph) -> bool:
    """Hold for a convolution whose kernel sees only part of the input channels."""
    data, weights = input_at(operator, graph, 0), input_at(operator, graph, 1)
    return data is not None and weights is not None and data.shape[-1] != weights.shape[-1]


@known(zoo("int8-grouped-conv-hw-lowering-assert"))
def grouped_on_one_pixel(operator: Operator, graph: Graph) -> bool:
    """Hold for a grouped convolution on 1 x 1 positions behind an elementwise operator."""
    if not grouped(operator, graph) or graph.tensors[operator.inputs[0]].shape[1:3] != (1, 1):
        return False
    return any(
        before.name in _ELEMENTWISE for before in graph.operators if operator.inputs[0] in before.outputs
    )


def _channels(operator: Operator, graph: Graph) -> int:
    return graph.tensors[operator.outputs[0]].shape[-1]


def _chosen(operator: Operator, graph: Graph) -> bool:
    """Hold unless its channels are the classes: those of the last such operator are nobody's choice."""
    return any(later.name in WEIGHTED for later in graph.operators[operator.index + 1 :])


@known(
    Evidence(
        source=Source.OWN,
        core="not said",
        where="birdnet-team/birdnet-stm32, 0.9",
        date="read 2026-11",
        says="a hint for speed, which ST does not document",
    )
)
def lanes_unfilled(operator: Operator, graph: Graph) -> bool:
    """Hold when channels are no multiple of 8 and might be."""
    return _channels(operator, graph) % CHANNEL_MULTIPLE != 0 and _chosen(operator, graph)


@known(st("avoid prime numbers of channels"))
def prime_channels(operator: Operator, graph: Graph) -> bool:
    """Hold for a prime number of channels above 8 that might be another."""
    channels = _channels(operator, graph)
    prime = channels > CHANNEL_MULTIPLE and all(channels % d for d in range(2, int(channels**0.5) + 1))
    return prime and _chosen(operator, graph)


# Element by element.


@known(field("ST's community, thread 166639", "unresolved"))
def scales_differ(operator: Operator, graph: Graph) -> bool:
    """Hold when two computed inputs have different scales or zero points."""
    return len({tensor.quantization for tensor in activations(operator, graph)}) > 1


@known(st(), zoo("quantized-concat-fp32-zeros-dtype-mix"))
def input_parameters_differ(operator: Operator, graph: Graph) -> bool:
    """Hold when any two inputs have different scales or zero points."""
    return len({tensor.quantization for tensor in inputs(operator, graph)}) > 1


@known(zoo("quantized-concat-fp32-zeros-dtype-mix", "not implemented shape len for Conversion"))
def input_types_differ(operator: Operator, graph: Graph) -> bool:
    """Hold when any two inputs have different types."""
    return len({tensor.dtype for tensor in inputs(operator, graph)}) > 1


@known(st("broadcasts one input over the other"))
def broadcasts_both_ways(operator: Operator, graph: Graph) -> bool:
    """Hold when both inputs are repeated to make the output."""
    target = graph.tensors[operator.outputs[0]].shape
    return all(tensor.shape != target for tensor in inputs(operator, graph))


@known(field("one report", "the zero point was ignored"))
def zero_point_not_zero(operator: Operator, graph: Graph) -> bool:
    """Hold when the input's zero point is not 0."""
    quantization = graph.tensors[operator.inputs[0]].quantization
    return quantization is not None and any(point != 0 for point in quantization.zero_points)


@known(
    TABLE, eco8("six PReLUs with float slopes were software, with int8 slopes hardware", date="2026-09-16")
)
def float_slope(operator: Operator, graph: Graph) -> bool:
    """Hold when the second operand is a float constant."""
    slope = input_at(operator, graph, 1)
    return slope is not None and slope.dtype.startswith("float")


@known(zoo("clip-bounds-through-dequantizelinear", "with ONNX, to which TFLite models are converted"))
def computed_bound(operator: Operator, graph: Graph) -> bool:
    """Hold when a single computed value is compared with a whole tensor."""
    result = graph.tensors[operator.outputs[0]].elements
    return any(tensor.elements == 1 < result for tensor in activations(operator, graph))


@known(zoo("activ-to-convacc-stream-link-stalls-npu", "convolutions over one dimension"))
def feeds_a_convolution(operator: Operator, graph: Graph) -> bool:
    """Hold when a later operator with weights reads its result."""
    return any(
        after.name in WEIGHTED and after.inputs[0] == operator.outputs[0]
        for after in graph.operators[operator.index + 1 :]
    )


# Pools and reductions.

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
    return max(_strides(operator)) > MAX_POOL_STRIDE


# Slices, padding and transposition.


@known(
    report("LarocheC/stm32n6-stt, compile reports", SEEN, "2026-08", "a step of 2: four software epochs"),
)
def slice_steps(operator: Operator, graph: Graph) -> bool:
    """Hold when a strided slice of data skips elements or its steps are computed."""
    steps = constant_numbers(operator, graph, 3)
    skips = steps is None or any(step != 1 for step in steps)
    return skips and not computes_shapes(operator, graph)


@known(MESSAGES)
def slice_cuts_batch(operator: Operator, graph: Graph) -> bool:
    """Hold when a slice shortens the first dimension."""
    before, after = graph.tensors[operator.inputs[0]].shape, graph.tensors[operator.outputs[0]].shape
    return len(before) > 1 and len(before) == len(after) and before[0] != after[0]


@known(MESSAGES)
def slice_cuts_many(operator: Operator, graph: Graph) -> bool:
    """Hold when a slice shortens more than three dimensions."""
    before, after = graph.tensors[operator.inputs[0]].shape, graph.tensors[operator.outputs[0]].shape
    return len(before) == len(after) and sum(old != new for old, new in zip(before, after, strict=True)) > 3


@known(zoo("slice-sentinel-bounds", "with ONNX, to which TFLite models are converted"))
def slice_open_ended(operator: Operator, graph: Graph) -> bool:
    """Hold when a strided slice of data shortens a dimension by a negative or left-out bound."""
    before, after = graph.tensors[operator.inputs[0]].shape, graph.tensors[operator.outputs[0]].shape
    bounds = [constant_numbers(operator, graph, position) for position in (1, 2)]
    if before == after or computes_shapes(operator, graph):
        return False
    masked = any(operator.options.get(mask, 0) for mask in ("begin_mask", "end_mask"))
    return bool(masked) or any(bound is None or min(bound, default=0) < 0 for bound in bounds)


@known(
    report(
        "STMicroelectronics/STM32N6-GettingStarted-Audio, network_analyze_report.txt at 2624a6c",
        "2.2",
        "2025-08-11",
        "the first epoch is a software Transpose",
    )
)
def reads_network_input(operator: Operator, graph: Graph) -> bool:
    """Hold when it reads the network's input, directly or behind its QUANTIZE."""
    first = set(graph.inputs)
    for other in graph.operators:
        if other.name == "QUANTIZE" and set(other.inputs) & set(graph.inputs):
            first.update(other.outputs)
    return bool(first & set(operator.inputs))


@known(zoo("rank1-graph-input-through-reshape", "Error in computation of shapes"))
def flat_network_input(operator: Operator, graph: Graph) -> bool:
    """Hold when it reads a network input of one dimension."""
    first = operator.inputs[0]
    return first in graph.inputs and len(graph.tensors[first].shape) == 1


@known(zoo("transpose-of-runtime-tensor", "INTERNAL ERROR: Mismatch in channel position"))
def transposes_below_rank_4(operator: Operator, graph: Graph) -> bool:
    """Hold for a computed tensor of fewer than four dimensions."""
    data = graph.tensors[operator.inputs[0]]
    return data.data is None and len(data.shape) < MAX_RANK


@known(INFERRED)
def pads_computed(operator: Operator, graph: Graph) -> bool:
    """Hold when the amount of padding is computed at run time."""
    return constant_numbers(operator, graph, 1) is None


@known(st("constant padding"))
def pads_negative(operator: Operator, graph: Graph) -> bool:
    """Hold when padding removes elements."""
    return min(constant_numbers(operator, graph, 1) or (0,)) < 0


@known(*pads_negative.evidence)
def pads_unusually(operator: Operator, graph: Graph) -> bool:
    """Hold when padding removes elements or names the value."""
    return pads_negative(operator, graph) or input_at(operator, graph, 2) is not None


@known(zoo("atonn-segfault-empty-pad-constant-value", "signo=11"))
def pad_value_missing(operator: Operator, graph: Graph) -> bool:
    """Hold when a PADV2 names no value."""
    return input_at(operator, graph, 2) is None


@known(zoo("pad-scalar-constant-value", "missing shape or size for value=Pad_..._constant_value"))
def pads_by_itself(operator: Operator, graph: Graph) -> bool:
    """Hold for every padding that is an operator."""
    return True


# Floats.


def _output_bytes(operator: Operator, graph: Graph) -> int:
    return costs.tensor_bytes(graph.tensors[operator.outputs[0]])


@known(
    zoo("sw-epoch-large-output-corruption"),
    zoo("int8-input-independent-constant-output"),
)
def ends_an_island(operator: Operator, graph: Graph) -> bool:
    """Hold when more than a few kB of computed floats become int8 again."""
    data = graph.tensors[operator.inputs[0]]
    computed = data.data is None and data.index not in graph.inputs
    return computed and data.dtype == "float32" and costs.tensor_bytes(data) > FEW_BYTES


@known(st("float layers run on the Cortex-M55"), LISTED)
def at_the_boundary(operator: Operator, graph: Graph) -> bool:
    """Hold for a conversion of the network's float input or to its float output."""
    float_in = operator.name == "QUANTIZE" and operator.inputs[0] in graph.inputs
    float_out = operator.name == "DEQUANTIZE" and operator.outputs[0] in graph.outputs
    return (float_in or float_out) and has_float(operator, graph)


@known(st("float layers run on the Cortex-M55"))
def converts_inside(operator: Operator, graph: Graph) -> bool:
    """Hold for a conversion of floats elsewhere."""
    computed = bool(activations(operator, graph))
    return computed and has_float(operator, graph) and not at_the_boundary(operator, graph)


@known(zoo("sw-dequantizelinear-epoch-hang", "its buffer in HyperRAM"))
def converts_much_inside(operator: Operator, graph: Graph) -> bool:
    """Hold when more than 64 KiB of floats are written that are no output."""
    return operator.outputs[0] not in graph.outputs and _output_bytes(operator, graph) > LARGE_BYTES


@known(zoo("sw-epoch-large-output-corruption"))
def writes_much_output(operator: Operator, graph: Graph) -> bool:
    """Hold when an output of the network of more than a few kB is written."""
    output = graph.tensors[operator.outputs[0]]
    if output.index not in graph.outputs or output.dtype not in costs.BYTES:
        return False
    return costs.tensor_bytes(output) > FEW_BYTES


@known(zoo("quantization-starts-before-magnitude-compression", core="all"))
def behind_quantization(operator: Operator, graph: Graph) -> bool:
    """Hold when what it reads has been int8 before."""
    before = set(operator.inputs)
    for earlier in reversed(graph.operators[: operator.index]):
        if before & set(earlier.outputs):
            before.update(earlier.inputs)
    seen = (graph.tensors[index] for index in before if index >= 0)
    return any(tensor.dtype == "int8" and tensor.data is None for tensor in seen)
