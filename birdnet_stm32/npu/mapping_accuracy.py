"""Measure how often the mapping table is right, by comparison with what ST's compiler did.

The compiler rewrites a network before it schedules it. Therefore its steps cannot be assigned to single
operators of the .tflite. But they can be counted: how many steps of a family of operators run on the
Cortex-M55, and how many the table predicts.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from birdnet_stm32.npu.conditions.floats import at_the_boundary
from birdnet_stm32.npu.conditions.movement import pads_channels
from birdnet_stm32.npu.operator_mapping import MappingKind, mapping_of
from birdnet_stm32.npu.stedgeai.compilation import Epoch
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.node import Node, nodes
from birdnet_stm32.tflite.operator_sets import CONVERSIONS, PADS

# TFLite names, and the kinds of ONNX nodes that the compiler makes from them.
FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "convolution, matrix product": (
        ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL"),
        ("Conv", "ConvInteger", "ConvTranspose", "Gemm", "MatMul", "QLinearConv", "QLinearMatMul"),
    ),
    "pool, reduction": (
        ("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM", "REDUCE_PROD"),
        (
            "AveragePool",
            "MaxPool",
            "GlobalAveragePool",
            "GlobalMaxPool",
            "ReduceMean",
            "ReduceMax",
            "ReduceSum",
        ),
    ),
    "softmax": (("SOFTMAX",), ("Softmax",)),
    "conversion": (CONVERSIONS, ("QuantizeLinear", "DequantizeLinear")),
    "cast": (("CAST",), ("Cast",)),
    "transpose": (("TRANSPOSE",), ("Transpose",)),
    "addition": (("ADD",), ("Add",)),
    "difference": (("SUB", "SQUARED_DIFFERENCE"), ("Sub",)),
    "product": (("MUL",), ("Mul",)),
    "quotient": (("DIV", "RSQRT", "SQRT"), ("Div", "Reciprocal", "Sqrt")),
    "activation": (
        ("RELU", "RELU6", "LEAKY_RELU", "PRELU", "HARD_SWISH", "LOGISTIC", "TANH", "GELU"),
        ("Relu", "Clip", "LeakyRelu", "PRelu", "HardSwish", "Sigmoid", "Tanh", "Gelu"),
    ),
    "movement": (
        ("PAD", "PADV2", "SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "PACK", "UNPACK"),
        ("Pad", "Split", "Slice", "Gather"),
    ),
    "concatenation": (("CONCATENATION",), ("Concat",)),
    "enlarging": (
        ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR", "TRANSPOSE_CONV", "DEPTH_TO_SPACE"),
        ("DepthToSpace", "Resize", "Upsample"),
    ),
    "space to depth": (("SPACE_TO_DEPTH",), ("SpaceToDepth",)),
}
_OF_OPERATOR = {name: family for family, (names, _) in FAMILIES.items() for name in names}
_OF_NODE = {kind: family for family, (_, kinds) in FAMILIES.items() for kind in kinds}
OTHER = "other"
_PROCESSOR = re.compile(r"/\* Unit= *\d+ \[PROCESSOR \d+\] \*/\n/\* kind=(\w+) node=\w+ \*/")


@dataclass(frozen=True, kw_only=True)
class FamilyRow:
    """Prediction and result of one family in one network.

    Args:
        family: a key of :data:`FAMILIES`, or :data:`OTHER`.
        steps: number of steps of the network. A batched matrix product has one step for each matrix.
        predicted: number of these steps that the table assigns to the Cortex-M55.
        software: number of these steps that the compiler assigns to the Cortex-M55.
        hybrid: number of these steps that use the NPU and the Cortex-M55.
        inserted: number of steps outside the NPU that the compiler added itself.
    """

    family: str
    steps: int
    predicted: int
    software: int
    hybrid: int
    inserted: int

    @property
    def off(self) -> int:
        """Steps of the network that do not run on the NPU alone."""
        return self.software + self.hybrid

    @property
    def found(self) -> int:
        """Predicted steps that do not run on the NPU alone."""
        return min(self.predicted, self.off)

    @property
    def agrees(self) -> bool:
        """Whether prediction and result are the same number."""
        return self.predicted == self.off


def steps_of(node: Node) -> tuple[str, int]:
    """Return the family and the number of the steps that the compiler makes from an operator.

    A batched matrix product becomes one product for each pair of matrices. Padding of channels gets two
    transpositions.
    """
    if node.name == "BATCH_MATMUL":
        matrices = node.output.shape[:-2]
        return _OF_OPERATOR[node.name], math.prod(abs(size) for size in matrices)
    if node.name in PADS and pads_channels(node):
        return "transpose", 2
    return _OF_OPERATOR.get(node.name, OTHER), 1


def off_the_npu(epochs: Iterable[Epoch]) -> Counter[tuple[str, str]]:
    """Count the nodes in software and hybrid epochs, by kind of epoch and kind of node."""
    return Counter(
        (epoch.kind, kind) for epoch in epochs if epoch.kind != "hardware" for kind in epoch.operators
    )


def off_in_network_c(text: str) -> Counter[tuple[str, str]]:
    """Count the nodes that a generated network.c gives to the processor. It marks no hybrid nodes."""
    return Counter(("software", kind) for kind in _PROCESSOR.findall(text))


def compare_with_compiler(
    graph: Graph, off_npu: Counter[tuple[str, str]], *, float_boundary: bool = True
) -> tuple[FamilyRow, ...]:
    """Return a row for each family that the network has, or that has nodes outside the NPU.

    Args:
        graph: the network.
        off_npu: the nodes outside the NPU.
        float_boundary: False if the compiler had to leave out the conversions at both ends.
    """
    steps: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    for operator in nodes(graph):
        if not float_boundary and at_the_boundary(operator):
            continue
        family, count = steps_of(operator)
        steps[family] += count
        if mapping_of(operator).kind is MappingKind.SOFTWARE:
            predicted[family] += count
    actual: Counter[tuple[str, str]] = Counter()
    for (kind, node), count in off_npu.items():
        actual[kind, _OF_NODE.get(node, OTHER)] += count
    families = [*FAMILIES, OTHER]
    rows = (_row(one, steps[one], predicted[one], actual) for one in families)
    return tuple(row for row in rows if row.steps or row.inserted)


def _row(family: str, steps: int, predicted: int, actual: Counter[tuple[str, str]]) -> FamilyRow:
    software, hybrid = actual["software", family], actual["hybrid", family]
    own = min(steps, software)
    own_hybrid = min(steps - own, hybrid)
    return FamilyRow(
        family=family,
        steps=steps,
        predicted=predicted,
        software=own,
        hybrid=own_hybrid,
        inserted=software + hybrid - own - own_hybrid,
    )


def total_rows(rows: Iterable[FamilyRow]) -> tuple[FamilyRow, ...]:
    """Return the sums over several networks for each family."""
    sums: dict[str, list[int]] = {}
    for row in rows:
        one = sums.setdefault(row.family, [0] * 5)
        for position, value in enumerate((row.steps, row.predicted, row.software, row.hybrid, row.inserted)):
            one[position] += value
    return tuple(
        FamilyRow(family=family, steps=a, predicted=b, software=c, hybrid=d, inserted=e)
        for family, (a, b, c, d, e) in sums.items()
    )
