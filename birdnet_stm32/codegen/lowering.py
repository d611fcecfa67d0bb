"""From a graph to the list of kernel calls, every number finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from birdnet_stm32.codegen import elementwise, linear, movement, shapes, tables
from birdnet_stm32.codegen.fixed_point import tensor_scale
from birdnet_stm32.codegen.fold import fold_batch
from birdnet_stm32.codegen.layers import Step
from birdnet_stm32.codegen.program import Boundary, Program
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.codegen.rewrite.passes import GRAPH_PASSES, PROGRAM_PASSES
from birdnet_stm32.codegen.rewrite.value_tables import TABLE
from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor

Rule = Callable[[Operator, Graph], tuple[Step, ...]]

_RULES: dict[str, Rule] = {
    **dict.fromkeys(shapes.UNARY - {"DEQUANTIZE"}, elementwise.lookup),
    "CONV_2D": linear.conv_2d,
    "DEPTHWISE_CONV_2D": linear.depthwise_conv_2d,
    "FULLY_CONNECTED": linear.fully_connected,
    "MEAN": linear.mean,
    "AVERAGE_POOL_2D": linear.pool_2d,
    "MAX_POOL_2D": linear.pool_2d,
    "ADD": elementwise.add,
    "SUB": elementwise.add,
    "MUL": elementwise.multiply,
    "MAXIMUM": elementwise.extremum,
    "MINIMUM": elementwise.extremum,
    "RESHAPE": movement.reshape,
    "SQUEEZE": movement.reshape,
    "EXPAND_DIMS": movement.reshape,
    "TRANSPOSE": movement.transpose,
    "STRIDED_SLICE": movement.strided_slice,
    "SLICE": movement.slice_,
    "CONCATENATION": movement.concatenation,
    "PAD": movement.pad,
    "PADV2": movement.pad,
}
SUPPORTED = tuple(sorted({*_RULES, "DEQUANTIZE"}))
_RULES[TABLE] = tables.tabulated
# What a probability may pass between its LOGISTIC and the output.
_PASSES = frozenset("RESHAPE SQUEEZE EXPAND_DIMS QUANTIZE DEQUANTIZE".split())


GraphPass = Callable[[Graph], Graph]
ProgramPass = Callable[[Program], Program]


def lower(
    graph: Graph,
    *,
    graph_passes: Sequence[GraphPass] = GRAPH_PASSES,
    program_passes: Sequence[ProgramPass] = PROGRAM_PASSES,
) -> Program:
    """Return ``graph`` as kernel calls that give what LiteRT's reference kernels give, bit by bit.

    Args:
        graph: an int8 model with one input and one output, float32 or int8 outside; its batch may be open.
        graph_passes: the rewrites of the graph, in order.
        program_passes: the rewrites of the kernel calls, in order.

    Raises:
        InputError: anything else, an operator that is not supported, or a shape or an option of one.
    """
    for name, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if len(indices) != 1:
            raise InputError(f"the model has {len(indices)} {name}s", expected=f"one {name}")
    _refuse_unknown(graph)
    graph = fold_batch(graph)
    _refuse_empty(graph)
    # What is refused is what the file holds, whatever the rewrites would have made of it.
    program = _lowered(graph)
    if graph_passes:
        for graph_pass in graph_passes:
            graph = graph_pass(graph)
        program = replace(_lowered(graph), output_is_logit=program.output_is_logit)
    for program_pass in program_passes:
        program = program_pass(program)
    return program


def _lowered(graph: Graph) -> Program:
    """Return every operator's kernel calls."""
    same: dict[int, int] = {}
    entry = _entry(graph, same)
    leave = _exit(graph)
    if graph.tensors[leave].data is not None:
        raise InputError("the model's output is a constant", where=graph.tensors[leave].short_name)
    steps: list[Step] = []
    for operator in graph.operators:
        if _is_boundary(operator, graph):
            continue
        if operator.name != TABLE:
            _check_types(operator, graph)
        lowered = _RULES[operator.name](operator, graph)
        steps.extend(lowered)
        if not lowered:
            same[operator.outputs[0]] = operator.inputs[0]
    if not steps:
        raise InputError("the model computes nothing", expected="at least one operator that changes values")
    return Program(
        graph=graph,
        steps=tuple(steps),
        same=same,
        input=_boundary(graph, entry),
        output=_boundary(graph, leave),
        output_is_logit=not _is_probability(graph),
    )


def _refuse_unknown(graph: Graph) -> None:
    """Refuse what no folding can remove before shapes are looked at, so that the error names the operator."""
    foldable = frozenset("SHAPE PACK FILL GATHER REDUCE_PROD CAST".split())
    for operator in graph.operators:
        if operator.name not in SUPPORTED and operator.name not in foldable:
            raise _unsupported(operator, graph)


def _unsupported(operator: Operator, graph: Graph) -> InputError:
    return refuse(
        operator,
        graph,
        f"the operator {operator.name} is not supported",
        expected="one of " + ", ".join(SUPPORTED),
        remedy="build the model without it, or use ST Edge AI as the back end",
    )


def _refuse_empty(graph: Graph) -> None:
    for operator in graph.operators:
        if len(operator.outputs) != 1:
            raise refuse(operator, graph, f"it has {len(operator.outputs)} outputs", expected="one")
        for index in (*operator.inputs, *operator.outputs):
            if index >= 0 and min(graph.tensors[index].shape, default=1) < 1:
                raise refuse(
                    operator, graph, f"tensor {index} has the shape {list(graph.tensors[index].shape)}"
                )


def _entry(graph: Graph, same: dict[int, int]) -> int:
    """Return the int8 tensor that the input is, or that QUANTIZE makes of it."""
    tensor = graph.tensors[graph.inputs[0]]
    readers = [operator for operator in graph.operators if tensor.index in operator.inputs]
    if tensor.dtype == "int8":
        return tensor.index
    for reader in readers:
        if tensor.dtype != "float32" or reader.name != "QUANTIZE":
            raise _not_int8(reader, graph, tensor)
    if not readers:
        raise InputError("nothing reads the model's input", where=tensor.short_name)
    entry, *others = (reader.outputs[0] for reader in readers)
    for other, reader in zip(others, readers[1:], strict=True):
        if tensor_scale(reader, graph, graph.tensors[other]) != tensor_scale(
            readers[0], graph, graph.tensors[entry]
        ):
            raise refuse(reader, graph, "the input is quantized twice, differently", expected="one scale")
        same[other] = entry
    return entry


def _exit(graph: Graph) -> int:
    """Return the int8 tensor that the output is, or that DEQUANTIZE makes it from."""
    tensor = graph.tensors[graph.outputs[0]]
    if tensor.dtype == "int8":
        return tensor.index
    writers = [operator for operator in graph.operators if tensor.index in operator.outputs]
    if not writers:
        raise InputError("nothing computes the model's output", where=tensor.short_name)
    if tensor.dtype != "float32" or writers[0].name != "DEQUANTIZE":
        raise _not_int8(writers[0], graph, tensor)
    return writers[0].inputs[0]


def _is_boundary(operator: Operator, graph: Graph) -> bool:
    if operator.name == "QUANTIZE":
        return operator.inputs[0] == graph.inputs[0] and graph.tensors[operator.inputs[0]].dtype == "float32"
    return operator.name == "DEQUANTIZE" and operator.outputs[0] == graph.outputs[0]


def _check_types(operator: Operator, graph: Graph) -> None:
    """Refuse an operator that computes with anything but int8."""
    if operator.name not in _RULES:
        computed = graph.tensors[operator.outputs[0]]
        raise (
            _not_int8(operator, graph, computed)
            if operator.name == "DEQUANTIZE"
            else _unsupported(operator, graph)
        )
    first = shapes.operand(operator, graph, 0)
    pair = (shapes.operand(operator, graph, 1),) if operator.name in shapes.BINARY else ()
    several = operator.inputs if operator.name == "CONCATENATION" else ()
    values = (first, *pair, *(graph.tensors[i] for i in several), graph.tensors[operator.outputs[0]])
    for tensor in values:
        if tensor.dtype != "int8":
            raise _not_int8(operator, graph, tensor)
    if first.data is not None and operator.name not in shapes.BINARY and operator.name != "CONCATENATION":
        raise refuse(operator, graph, "its input is a constant", expected="a computed value")


def _not_int8(operator: Operator, graph: Graph, tensor: Tensor) -> InputError:
    hybrid = tensor.dtype == "float32" and any(
        index >= 0 and graph.tensors[index].dtype == "int8" and graph.tensors[index].data is not None
        for index in operator.inputs
    )
    kind = (
        "int8 weights on float32 values (dynamic-range quantization)" if hybrid else f"{tensor.dtype} values"
    )
    return refuse(
        operator,
        graph,
        f"it computes with {kind}: tensor {tensor.index} ({tensor.short_name})",
        expected="int8 from the QUANTIZE behind the input to the DEQUANTIZE before the output",
        remedy="convert the model with full integer quantization and calibration data",
    )


def _boundary(graph: Graph, index: int) -> Boundary:
    tensor = graph.tensors[index]
    quantization = tensor.quantization
    if tensor.dtype != "int8" or quantization is None or len(quantization.scales) != 1:
        raise InputError(
            f"the network's input or output is {tensor.dtype} or has no scale",
            where=tensor.short_name,
            expected="int8 with one scale",
        )
    return Boundary(
        tensor=index,
        name=tensor.short_name,
        shape=tensor.shape,
        scale=quantization.scales[0],
        zero_point=quantization.zero_points[0],
    )


def _is_probability(graph: Graph) -> bool:
    writers = {operator.outputs[0]: operator for operator in graph.operators}
    tensor = graph.outputs[0]
    while tensor in writers and writers[tensor].name in _PASSES:
        tensor = writers[tensor].inputs[0]
    return tensor in writers and writers[tensor].name == "LOGISTIC"
