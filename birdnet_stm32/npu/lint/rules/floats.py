"""Float tensors in a quantized network that cost memory and epochs, or give wrong results."""

from __future__ import annotations

from collections.abc import Iterator

from birdnet_stm32.npu import costs
from birdnet_stm32.npu.conditions import floats, shapes
from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.evidence import zoo
from birdnet_stm32.npu.lint.rule import Hit, LintSeverity, Rule, operator_at, operators, search
from birdnet_stm32.npu.operator_mapping import FLOAT, MappingKind, mapping_of
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import CONVERSIONS, WEIGHTED


def _output_bytes(node: Node) -> str:
    return f"{costs.tensor_bytes(node.output):,} bytes"


def _input_bytes(node: Node) -> str:
    return f"{costs.tensor_bytes(node.input):,} bytes"


@known(*shapes.has_float.evidence)
def _computes_in_float(node: Node) -> bool:
    """Hold when the NPU would run it if it were not float. Float weights have a rule of their own."""
    own_rule = (*CONVERSIONS, *WEIGHTED)
    return node.name not in own_rule and mapping_of(node) == FLOAT.mapping


@known(*floats.writes_much_output.evidence)
def _large_software_output(node: Node) -> bool:
    """Hold when the Cortex-M55 writes a large output of the network."""
    return floats.writes_much_output(node) and mapping_of(node).kind is MappingKind.SOFTWARE


@search(zoo("fp32-elementwise-tail-sets-activation-peak"))
def _float_peak(graph: Graph) -> Iterator[Hit]:
    computed = [tensor for tensor in graph.tensors if tensor.data is None and tensor.dtype in costs.BYTES]
    inside = [tensor for tensor in computed if tensor.index not in (*graph.inputs, *graph.outputs)]
    floats = [tensor for tensor in inside if tensor.dtype == "float32"]
    quantized = [costs.tensor_bytes(tensor) for tensor in computed if tensor.dtype == "int8"]
    if not floats or not quantized:
        return
    largest = max(floats, key=costs.tensor_bytes)
    operator = operator_at(largest.index, graph)
    if operator is not None and costs.tensor_bytes(largest) > max(quantized):
        evidence = (
            f"{costs.tensor_bytes(largest):,} bytes, where the largest int8 tensor has {max(quantized):,}"
        )
        yield Hit(operator=operator, tensor=largest.index, evidence=evidence)


RULES = (
    Rule(
        id="float-operator",
        title="an operator computes float activations",
        severity=LintSeverity.WARNING,
        why="The NPU does not compute floats. The operator becomes an epoch on the Cortex-M55, and the NPU "
        "stops and the caches are flushed around it.",
        remedy="quantize its inputs and outputs",
        find=operators(when=_computes_in_float),
    ),
    Rule(
        id="float-activation-peak",
        title="the largest tensor is float",
        severity=LintSeverity.WARNING,
        why="A float takes four bytes. If the last operators stay in float, they determine the peak of the "
        "working memory, and the network may no longer fit into the internal RAM.",
        remedy="quantize the operators around it, or shorten the window",
        find=_float_peak,
    ),
    Rule(
        id="float-island",
        title="a large float tensor between int8 ones",
        severity=LintSeverity.ERROR,
        why="Outputs of software epochs of more than a few kB were corrupt, and networks with such a part "
        "gave the same output for every input, without a message.",
        remedy="quantize the operators between DEQUANTIZE and QUANTIZE, or move them out of the network",
        find=operators("QUANTIZE", when=floats.ends_an_island, says=_input_bytes),
    ),
    Rule(
        id="large-software-output",
        title="the Cortex-M55 writes a large output of the network",
        severity=LintSeverity.WARNING,
        why="Outputs of software epochs of more than a few kB were corrupt, without a message.",
        remedy="use an int8 output (`--output-data-type int8`, or an int8 model), and convert it in the "
        "firmware",
        find=operators(when=_large_software_output, says=_output_bytes),
    ),
    Rule(
        id="large-dequantize",
        title="a DEQUANTIZE of more than 64 KiB inside the network",
        severity=LintSeverity.WARNING,
        why="The epoch hung when its buffer was in HyperRAM.",
        remedy="quantize the next operators, shorten the window, or remove HyperRAM from the memory pool",
        find=operators("DEQUANTIZE", when=floats.converts_much_inside, says=_output_bytes),
    ),
    Rule(
        id="conversion-inside",
        title="a conversion between int8 and float inside the network",
        severity=LintSeverity.WARNING,
        why="Each end of a float part is an epoch on the Cortex-M55, and the NPU stops around it.",
        remedy="quantize the operators between, or move the float part to the network's boundary",
        find=operators(*CONVERSIONS, when=floats.converts_inside, says=_output_bytes),
    ),
    Rule(
        id="float-boundary",
        title="the input or output of the network is float",
        severity=LintSeverity.HINT,
        why="The conversion at each end is an epoch on the Cortex-M55.",
        remedy="pass --input-data-type int8 and --output-data-type int8 to the compiler; quantize in the "
        "firmware",
        find=operators(*CONVERSIONS, when=floats.at_the_boundary),
    ),
)
