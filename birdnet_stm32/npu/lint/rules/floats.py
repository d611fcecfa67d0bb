"""Float tensors in a quantized network: where they cost memory and epochs, and where they go wrong."""

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
    """Hold where the NPU would do it, were it not float; float weights are a finding of their own."""
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
        evidence = f"{costs.tensor_bytes(largest):,} bytes against {max(quantized):,} of the largest in int8"
        yield Hit(operator=operator, tensor=largest.index, evidence=evidence)


RULES = (
    Rule(
        id="float-operator",
        title="an operator on float activations",
        severity=LintSeverity.WARNING,
        why="The NPU computes no floats: the operator becomes an epoch on the Cortex-M55, with the NPU "
        "stopped and the caches flushed around it.",
        remedy="quantize what it reads and writes",
        find=operators(when=_computes_in_float),
    ),
    Rule(
        id="float-activation-peak",
        title="the largest tensor is float",
        severity=LintSeverity.WARNING,
        why="Four bytes an element: a tail left in float sets the peak of the working memory and can push "
        "the network out of the internal RAM.",
        remedy="quantize the operators around it, or shorten the window",
        find=_float_peak,
    ),
    Rule(
        id="float-island",
        title="a large float tensor between int8 ones",
        severity=LintSeverity.ERROR,
        why="Outputs of software epochs beyond a few kB were seen corrupt, and networks with such an island "
        "gave the same output for every input. Nothing reports it.",
        remedy="quantize the operators between DEQUANTIZE and QUANTIZE, or move them out of the network",
        find=operators("QUANTIZE", when=floats.ends_an_island, says=_input_bytes),
    ),
    Rule(
        id="large-software-output",
        title="the Cortex-M55 writes a large output of the network",
        severity=LintSeverity.WARNING,
        why="Outputs of software epochs beyond a few kB were seen corrupt, without a message.",
        remedy="end in int8 (`--output-data-type int8`, or an int8 model) and convert in the firmware",
        find=operators(when=_large_software_output, says=_output_bytes),
    ),
    Rule(
        id="large-dequantize",
        title="a DEQUANTIZE of more than 64 KiB inside the network",
        severity=LintSeverity.WARNING,
        why="With its buffer in HyperRAM, the epoch was seen to hang.",
        remedy="quantize what follows, shorten the window, or keep HyperRAM out of the memory pool",
        find=operators("DEQUANTIZE", when=floats.converts_much_inside, says=_output_bytes),
    ),
    Rule(
        id="conversion-inside",
        title="a conversion between int8 and float inside the network",
        severity=LintSeverity.WARNING,
        why="An epoch on the Cortex-M55 at each end of a float part, with the NPU stopped around it.",
        remedy="quantize the operators between, or move the float part to the network's boundary",
        find=operators(*CONVERSIONS, when=floats.converts_inside, says=_output_bytes),
    ),
    Rule(
        id="float-boundary",
        title="float at the network's boundary",
        severity=LintSeverity.HINT,
        why="The conversion is an epoch on the Cortex-M55, one at each end.",
        remedy="pass --input-data-type int8 and --output-data-type int8 to the compiler; quantize in the "
        "firmware",
        find=operators(*CONVERSIONS, when=floats.at_the_boundary),
    ),
)
