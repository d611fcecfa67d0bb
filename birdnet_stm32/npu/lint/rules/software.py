"""Operators that the NPU does not support, or supports in one form only."""

from __future__ import annotations

from birdnet_stm32.npu.conditions import elementwise, shapes, weights
from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.evidence import KERNEL, REPORTS, TABLE, field, st, zoo
from birdnet_stm32.npu.lint.rule import LintSeverity, Rule, known_always, operators
from birdnet_stm32.npu.operator_mapping import OPERATORS, MappingKind, kind_of_every, mapping_of
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import WEIGHTED

_OWN_RULE = ("SOFTMAX", "DEQUANTIZE", "RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE_CONV")
_CLIPS = ("MINIMUM", "MAXIMUM")
_RELUS = ("RELU", "RELU6", "RELU_N1_TO_1")


# These conditions read the mapping table. Therefore they are here and not in npu/conditions, from which the
# table is made.


@known(st(), zoo("einsum-block-diagonal-projection"))
def _rejected(node: Node) -> bool:
    """Hold for an operator that the table refuses in every form."""
    return kind_of_every(node.name) is MappingKind.REFUSED


@known(zoo("op-outside-supported-vocabulary"), zoo("export-lint-under-approximates"))
def _unlisted(node: Node) -> bool:
    """Hold for an operator that is not in the table."""
    listed = node.name in OPERATORS or node.name.startswith("CUSTOM:")
    return not listed and not shapes.computes_shapes(node)


@known(st(), zoo("op-outside-supported-vocabulary"))
def _custom(node: Node) -> bool:
    """Hold for a custom operator that is not in the table."""
    return node.name.startswith("CUSTOM:") and node.name not in OPERATORS


@known(TABLE, KERNEL, zoo("software-epoch-op-tier"))
def _in_software(node: Node) -> bool:
    """Hold for an operator that is software in every form."""
    own_rule = node.name in _OWN_RULE or shapes.computes_shapes(node)
    return kind_of_every(node.name) is MappingKind.SOFTWARE and not own_rule


def _reason(node: Node) -> str:
    return mapping_of(node).reason


RULES = (
    Rule(
        id="rejected-operator",
        title="the compiler's front end rejects this operator",
        severity=LintSeverity.ERROR,
        why="The front end cannot import the model, or cannot compute its shapes.",
        remedy="rewrite it, for example an einsum over blocks as slices, FULLY_CONNECTED and CONCATENATION "
        "of rank 2",
        find=operators(when=_rejected),
    ),
    Rule(
        id="unlisted-operator",
        title="an operator is not in ST's tables",
        severity=LintSeverity.WARNING,
        why="The tables and the compiler differ in both directions. The compiler decides.",
        remedy="run `stedgeai analyze` on it, or rewrite it from operators that are listed",
        find=operators(when=_unlisted),
    ),
    Rule(
        id="custom-operator",
        title="a custom operator",
        severity=LintSeverity.WARNING,
        why="ST's front end supports TFLite's built-in operators only. A Flex operator needs all of "
        "TensorFlow.",
        remedy="convert with TFLite's built-in operators only",
        find=operators(when=_custom),
    ),
    Rule(
        id="shape-arithmetic",
        title="a shape is computed while the network runs",
        severity=LintSeverity.WARNING,
        why="The NPU has no operators for it. In a network with fixed shapes the value is a constant.",
        remedy="export with batch 1 and fixed shapes, so that the converter folds it",
        find=operators(when=shapes.computes_shapes),
    ),
    Rule(
        id="software-operator",
        title="an operator runs on the Cortex-M55",
        severity=LintSeverity.WARNING,
        why="Each occurrence stops the NPU, flushes the caches and computes in float.",
        remedy="replace SUM by MEAN and a product, and DIV by the reciprocal and a product; compute LOG and "
        "POW before the network; for GELU pass --GELU-recognition",
        find=operators(when=_in_software, says=_reason),
    ),
    Rule(
        id="softmax-in-software",
        title="a SOFTMAX runs on the Cortex-M55",
        severity=LintSeverity.HINT,
        why="It is computed in integers, and is cheap as the last operator of a classifier.",
        remedy="pass --expand-softmax, or end with logits and compute it in the firmware",
        find=operators("SOFTMAX", when=known_always(REPORTS)),
    ),
    Rule(
        id="computed-weights",
        title="the weights are computed while the network runs",
        severity=LintSeverity.WARNING,
        why="The NPU multiplies by constants only. This becomes an epoch on the Cortex-M55.",
        remedy="make the operand a constant of the model, or compute it outside of the network",
        find=operators(*WEIGHTED, "BATCH_MATMUL", when=weights.computed_integer_weights),
    ),
    Rule(
        id="computed-bias",
        title="the bias is computed while the network runs",
        severity=LintSeverity.ERROR,
        why="The compiler stops: `TOOL ERROR: list index out of range`.",
        remedy="split it into FULLY_CONNECTED and ADD",
        find=operators("FULLY_CONNECTED", when=weights.computed_bias),
    ),
    Rule(
        id="broadcast-both-ways",
        title="both inputs are broadcast to the shape of the output",
        severity=LintSeverity.WARNING,
        why="The NPU broadcasts only one of the two inputs.",
        remedy="broadcast one input to the shape of the result first, or use a constant of that shape",
        find=operators("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE", when=elementwise.broadcasts_both_ways),
    ),
    Rule(
        id="repeated-minuend",
        title="the first operand of a difference is broadcast",
        severity=LintSeverity.WARNING,
        why="The NPU broadcasts only the operand that is subtracted. This becomes an epoch on the "
        "Cortex-M55.",
        remedy="add the negated tensor to the operand: a sum may broadcast either operand",
        find=operators("SUB", "SQUARED_DIFFERENCE", when=elementwise.first_operand_repeated),
    ),
    Rule(
        id="minimum-maximum",
        title="an element-wise minimum or maximum",
        severity=LintSeverity.HINT,
        why="It is hardware in ST's ONNX table, but not on its TFLite list. Both inputs and the output share "
        "one range, which costs resolution.",
        remedy="use a fused RELU6 or RELU_N1_TO_1 if that computes the same",
        find=operators(*_CLIPS, when=known_always(TABLE, field("one report"))),
    ),
    Rule(
        id="computed-clip-bound",
        title="a bound of a clip is computed while the network runs",
        severity=LintSeverity.WARNING,
        why="The front end requires constant clip bounds and stops: `None has type NoneType`.",
        remedy="make the bound a constant, or use a fused RELU6 or RELU_N1_TO_1",
        find=operators(*_CLIPS, when=elementwise.computed_bound),
    ),
    Rule(
        id="unfused-relu",
        title="a separate ReLU before a convolution",
        severity=LintSeverity.WARNING,
        why="A ReLU that streamed into a convolution made an epoch hang. A ReLU that is fused with the "
        "operator before it did not.",
        remedy="fuse it with the operator before it, without a RESHAPE or TRANSPOSE between the two",
        find=operators(*_RELUS, when=elementwise.feeds_a_convolution),
    ),
)
