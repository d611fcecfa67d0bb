"""Operators that the NPU does not take, or takes only in one form."""

from __future__ import annotations

from birdnet_stm32.npu import conditions as on
from birdnet_stm32.npu.conditions import WEIGHTED, input_at
from birdnet_stm32.npu.lint.rule import EVERY, FIELD, REPORTS, SEEN, ST, Rule, Severity, operators, zoo
from birdnet_stm32.npu.operators import OPERATORS, Kind, answer, mapping
from birdnet_stm32.tflite.ir import Graph, Operator

_OWN_RULE = ("SOFTMAX", "DEQUANTIZE")
_CLIPS = ("MINIMUM", "MAXIMUM")
_RELUS = ("RELU", "RELU6", "RELU_N1_TO_1")


def _rejected(operator: Operator, graph: Graph) -> bool:
    return answer(operator.name) is Kind.REFUSED


def _unlisted(operator: Operator, graph: Graph) -> bool:
    known = operator.name in OPERATORS or operator.name.startswith("CUSTOM:")
    return not known and not on.computes_shapes(operator, graph)


def _custom(operator: Operator, graph: Graph) -> bool:
    return operator.name.startswith("CUSTOM:") and operator.name not in OPERATORS


def _shapes(operator: Operator, graph: Graph) -> bool:
    return operator.name == "SHAPE" or on.computes_shapes(operator, graph)


def _in_software(operator: Operator, graph: Graph) -> bool:
    own_rule = operator.name in _OWN_RULE or on.computes_shapes(operator, graph)
    return answer(operator.name) is Kind.SOFTWARE and not own_rule


def _reason(operator: Operator, graph: Graph) -> str:
    return mapping(operator, graph).reason


def _computed_weights(operator: Operator, graph: Graph) -> bool:
    if operator.name == "BATCH_MATMUL":
        return on.no_constant_operand(operator, graph)
    weights = input_at(operator, graph, 1)
    return weights is not None and weights.data is None and not weights.dtype.startswith("float")


def _computed_bound(operator: Operator, graph: Graph) -> bool:
    result = graph.tensors[operator.outputs[0]].elements
    return any(tensor.elements == 1 < result for tensor in on.activations(operator, graph))


def _feeds_a_convolution(operator: Operator, graph: Graph) -> bool:
    return any(
        after.name in WEIGHTED and after.inputs[0] == operator.outputs[0]
        for after in graph.operators[operator.index + 1 :]
    )


RULES = (
    Rule(
        id="rejected-operator",
        title="the compiler's front end rejects this operator",
        severity=Severity.ERROR,
        why="The model is not imported, or its shapes are not understood.",
        versions=EVERY,
        remedy="rewrite it; an einsum over blocks as slices, FULLY_CONNECTED and CONCATENATION of rank 2",
        sources=(ST, zoo("einsum-block-diagonal-projection")),
        find=operators(when=_rejected),
    ),
    Rule(
        id="unlisted-operator",
        title="an operator in none of ST's tables",
        severity=Severity.WARNING,
        why="The tables and the compiler disagree both ways; the compiler has the last word.",
        versions=EVERY,
        remedy="run `stedgeai analyze` on it, or rewrite it from operators that are listed",
        sources=(zoo("op-outside-supported-vocabulary"), zoo("export-lint-under-approximates")),
        find=operators(when=_unlisted),
    ),
    Rule(
        id="custom-operator",
        title="a custom operator",
        severity=Severity.WARNING,
        why="ST's front end knows TFLite's own operators; a Flex operator needs all of TensorFlow.",
        versions=EVERY,
        remedy="convert with TFLite's built-in operators only",
        sources=(ST, zoo("op-outside-supported-vocabulary")),
        find=operators(when=_custom),
    ),
    Rule(
        id="shape-arithmetic",
        title="a shape is computed while the network runs",
        severity=Severity.WARNING,
        why="The NPU has no operators for it; in a network whose shapes are fixed the value is a constant.",
        versions=EVERY,
        remedy="export with batch 1 and fixed shapes, so that the converter folds it",
        sources=(ST, zoo("op-outside-supported-vocabulary")),
        find=operators(when=_shapes),
    ),
    Rule(
        id="software-operator",
        title="an operator that runs on the Cortex-M55",
        severity=Severity.WARNING,
        why="Each occurrence stops the NPU, flushes the caches and computes in float.",
        versions=EVERY,
        remedy="SUM: MEAN and a product; DIV: the reciprocal and a product; LOG and POW: before the network; "
        "GELU: --GELU-recognition",
        sources=(ST, zoo("software-epoch-op-tier")),
        find=operators(when=_in_software, says=_reason),
    ),
    Rule(
        id="softmax-in-software",
        title="a SOFTMAX runs on the Cortex-M55",
        severity=Severity.HINT,
        why="In integers, and as the last operator of a classifier it is cheap.",
        versions=EVERY,
        remedy="pass --expand-softmax, or end with logits and let the firmware do it",
        sources=(REPORTS,),
        find=operators("SOFTMAX"),
    ),
    Rule(
        id="computed-weights",
        title="the weights are computed while the network runs",
        severity=Severity.WARNING,
        why="The NPU multiplies by constants; this becomes an epoch on the Cortex-M55.",
        versions=EVERY,
        remedy="bake the operand into the model, or compute it outside",
        sources=(ST, zoo("dynamic-matmul-software-epoch-fallback")),
        find=operators(*WEIGHTED, "BATCH_MATMUL", when=_computed_weights),
    ),
    Rule(
        id="computed-bias",
        title="the bias is computed while the network runs",
        severity=Severity.ERROR,
        why="The compiler stops: `TOOL ERROR: list index out of range`.",
        versions=SEEN,
        remedy="split it into FULLY_CONNECTED and ADD",
        sources=(zoo("gemm-with-activation-bias-input"),),
        find=operators("FULLY_CONNECTED", when=on.computed_bias),
    ),
    Rule(
        id="broadcast-both-ways",
        title="both inputs are repeated to fit each other",
        severity=Severity.WARNING,
        why="The NPU repeats one input over the other, not each over the other.",
        versions=EVERY,
        remedy="bring one input to the shape of the result first, or use a constant of that shape",
        sources=(ST,),
        find=operators("ADD", "SUB", "MUL", when=on.broadcasts_both_ways),
    ),
    Rule(
        id="minimum-maximum",
        title="an element-wise minimum or maximum",
        severity=Severity.HINT,
        why="Hardware in ST's ONNX table, absent from its TFLite list. Both inputs and the output share one "
        "range, which costs resolution.",
        versions=EVERY,
        remedy="clip by a fused RELU6 or RELU_N1_TO_1 where that is what is meant",
        sources=(ST, FIELD),
        find=operators(*_CLIPS),
    ),
    Rule(
        id="computed-clip-bound",
        title="a bound of a clip is computed while the network runs",
        severity=Severity.WARNING,
        why="The front end wants clip bounds as constants and stops: `None has type NoneType`.",
        versions="seen with 4.0.1 and ONNX; TFLite models are converted to ONNX inside",
        remedy="make the bound a constant, or use a fused RELU6 or RELU_N1_TO_1",
        sources=(zoo("clip-bounds-through-dequantizelinear"),),
        find=operators(*_CLIPS, when=_computed_bound),
    ),
    Rule(
        id="unfused-relu",
        title="a ReLU of its own before a convolution",
        severity=Severity.WARNING,
        why="Chained through the stream switch into a convolution, a ReLU made one epoch never end; a ReLU "
        "fused with the operator before it did not.",
        versions="seen with 4.0.1, convolutions over one dimension",
        remedy="fuse it with the operator before it: no RESHAPE or TRANSPOSE between the two",
        sources=(zoo("activ-to-convacc-stream-link-stalls-npu"),),
        find=operators(*_RELUS, when=_feeds_a_convolution),
    ),
)
