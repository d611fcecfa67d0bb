"""Lower a graph to a list of kernel calls with all their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from birdnet_stm32.codegen import elementwise, linear, lookup_tables, movement, shapes
from birdnet_stm32.codegen.constant_folding import fold_batch
from birdnet_stm32.codegen.kernel_calls import KernelCall
from birdnet_stm32.codegen.kernel_scales import tensor_scale
from birdnet_stm32.codegen.program import Boundary, KernelProgram
from birdnet_stm32.codegen.refusal import combine_refusals, describe_node, refuse
from birdnet_stm32.codegen.rewrite.edit import needed_operators
from birdnet_stm32.codegen.rewrite.passes import GRAPH_PASSES, PROGRAM_PASSES
from birdnet_stm32.codegen.rewrite.value_tables import TABLE
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.node import Node, nodes
from birdnet_stm32.tflite.operator_sets import CONVERSIONS, PADS, RESHAPES
from birdnet_stm32.tflite.reader import OTHERS, listed

Rule = Callable[[Node], tuple[KernelCall, ...]]

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
    **dict.fromkeys(RESHAPES, movement.reshape),
    "TRANSPOSE": movement.transpose,
    "STRIDED_SLICE": movement.strided_slice,
    "SLICE": movement.slice_,
    "CONCATENATION": movement.concatenation,
    **dict.fromkeys(PADS, movement.pad),
}
SUPPORTED = tuple(sorted({*_RULES, "DEQUANTIZE"}))
_RULES[TABLE] = lookup_tables.tabulated
_QUANTIZE = "convert the model with full integer quantization and calibration data"
_INT8_ENDS = (
    "convert it with converter.inference_input_type = converter.inference_output_type = tf.int8 "
    "(or tf.float32): the values are the same minus 128"
)
_STATE = ": it keeps state from one inference to the next"
# What an operator does, if its name does not tell the user what to change.
_ABOUT = {
    **dict.fromkeys(("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"), _STATE),
    **dict.fromkeys(("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", "SVDF"), _STATE),
    "CALL_ONCE": ": it runs another subgraph, which initialises state",
    **dict.fromkeys(("IF", "WHILE"), ": it runs other subgraphs"),
    **dict.fromkeys(
        ("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"),
        ": the converter writes it for a convolution with dilation (dilation_rate above 1) and an open batch",
    ),
    "SOFTMAX": ": end the model in its logits, or in a sigmoid for each class",
}
# Operators between a LOGISTIC and the output that keep its probabilities.
_PASSES = frozenset((*RESHAPES, *CONVERSIONS))


GraphPass = Callable[[Graph], Graph]
ProgramPass = Callable[[KernelProgram], KernelProgram]


def lower(
    graph: Graph,
    *,
    graph_passes: Sequence[GraphPass] = GRAPH_PASSES,
    program_passes: Sequence[ProgramPass] = PROGRAM_PASSES,
) -> KernelProgram:
    """Lower ``graph`` to kernel calls whose results equal those of LiteRT's reference kernels, bit by bit.

    Args:
        graph: an int8 model with one input and one output of float32 or int8. Its batch may be open.
        graph_passes: the rewrites of the graph, in order.
        program_passes: the rewrites of the kernel calls, in order.

    Raises:
        InputError: the model is of another kind, or an operator, a shape or an option is not supported. The
            error lists as many of these as can be found at once.
    """
    check_supported(graph)
    graph = fold_batch(graph)
    _refuse_empty(graph)
    # The graph of the file is lowered first: a refusal names an operator of the file, not of a rewrite.
    program = _lowered(graph)
    if graph_passes:
        for graph_pass in graph_passes:
            graph = graph_pass(graph)
        program = replace(_lowered(graph), output_is_logit=program.output_is_logit)
    for program_pass in program_passes:
        program = program_pass(program)
    return program


def _lowered(graph: Graph) -> KernelProgram:
    """Return the kernel calls of all operators."""
    same: dict[int, int] = {}
    entry = _entry(graph, same)
    leave = _exit(graph)
    if graph.tensors[leave].data is not None:
        raise InputError("the model's output is a constant", where=graph.tensors[leave].short_name)
    steps: list[KernelCall] = []
    refused: list[InputError] = []
    for node in nodes(graph):
        if _is_boundary(node):
            continue
        try:
            lowered = _kernel_calls(node)
        except InputError as error:
            refused.append(error)
            continue
        steps.extend(lowered)
        if not lowered:
            same[node.output.index] = node.input.index
    if refused:
        raise combine_refusals(refused)
    if not steps:
        raise InputError("the model computes nothing", expected="at least one operator that changes values")
    return KernelProgram(
        graph=graph,
        steps=tuple(steps),
        same=same,
        input=_boundary(graph, entry),
        output=_boundary(graph, leave),
        output_is_logit=not _is_probability(graph),
    )


def _kernel_calls(node: Node) -> tuple[KernelCall, ...]:
    if node.name != TABLE:
        _check_types(node)
    return _RULES[node.name](node)


def check_supported(graph: Graph) -> None:
    """Refuse everything that is unsupported whatever the shapes are.

    Args:
        graph: the graph as it was read, ``beyond`` included.

    Raises:
        InputError: lists everything that is unsupported.
    """
    refused = [*_unsupported_parts(graph)]
    if refused:
        raise combine_refusals([*refused, *_other_types(graph)])


def _unsupported_parts(graph: Graph) -> Iterator[InputError]:
    yield from (InputError(what, remedy=OTHERS) for what in graph.beyond)
    for name, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if len(indices) != 1:
            yield InputError(f"the model has {len(indices)} {name}s", expected=f"one {name}")
        yield from (
            _odd_end(name, graph.tensors[index]) for index in indices if _is_odd_end(graph.tensors[index])
        )
    yield from _unknown(graph)
    for node in nodes(replace(graph, operators=needed_operators(graph.operators, graph.outputs))):
        if node.name in ("CONV_2D", "DEPTHWISE_CONV_2D") and node.dilations != (1, 1):
            yield _dilated(node)


def _is_odd_end(tensor: Tensor) -> bool:
    return tensor.dtype not in ("int8", "float32")


def _odd_end(name: str, tensor: Tensor) -> InputError:
    return InputError(
        f"the model's {name} is {tensor.dtype}",
        where=f"tensor {tensor.index} ({tensor.short_name})",
        expected="an input and an output of int8 or float32",
        remedy=_INT8_ENDS if tensor.dtype == "uint8" else _QUANTIZE,
    )


def _other_types(graph: Graph) -> Iterator[InputError]:
    """Yield the operators of a refused file that do not compute in int8.

    Integers of 32 and 64 bits are left out, because constant folding might remove their operators.
    """
    seen = frozenset("float16 float32 uint8 int16".split())
    ends = {*graph.inputs, *graph.outputs}
    for node in nodes(graph):
        if node.name not in _RULES or _is_boundary(node):
            continue
        wrong = [tensor for tensor in node.tensors if tensor.dtype in seen and tensor.data is None]
        if wrong and not ends.issuperset(tensor.index for tensor in wrong):
            yield _not_int8(node, wrong[0])


def _unknown(graph: Graph) -> Iterator[InputError]:
    """Yield one refusal for each kind of operator that is not supported, with all its places."""
    foldable = frozenset("SHAPE PACK FILL GATHER REDUCE_PROD CAST".split())
    kinds: dict[str, list[Node]] = {}
    for node in nodes(graph):
        if node.name not in SUPPORTED and node.name not in foldable:
            kinds.setdefault(node.name, []).append(node)
    for of_kind in kinds.values():
        yield _unsupported(*of_kind)


def _unsupported(first: Node, *more: Node) -> InputError:
    where = describe_node(first)
    if more:
        others = ", ".join(listed([str(node.index) for node in more]))
        where += f" and operators {others}"
    return InputError(
        f"the operator {first.name} is not supported{_ABOUT.get(first.name, '')}",
        where=where,
        expected="one of " + ", ".join(SUPPORTED),
        remedy=OTHERS,
    )


def _dilated(node: Node) -> InputError:
    return refuse(
        node,
        f"its dilation is {list(node.dilations)}",
        expected="a convolution without dilation",
        remedy=("build the model with dilation_rate=1", OTHERS[1]),
    )


def _refuse_empty(graph: Graph) -> None:
    for node in nodes(graph):
        if len(node.outputs) != 1:
            raise refuse(node, f"it has {counted(len(node.outputs), 'output')}", expected="one")
        for tensor in node.tensors:
            if min(tensor.shape, default=1) < 1:
                raise refuse(node, f"tensor {tensor.index} has the shape {list(tensor.shape)}")


def _entry(graph: Graph, same: dict[int, int]) -> int:
    """Return the int8 tensor at the input: the input itself, or the output of its QUANTIZE."""
    tensor = graph.tensors[graph.inputs[0]]
    readers = [node for node in nodes(graph) if tensor in node.inputs]
    if tensor.dtype == "int8":
        return tensor.index
    for reader in readers:
        if tensor.dtype != "float32" or reader.name != "QUANTIZE":
            raise _not_int8(reader, tensor)
    if not readers:
        raise InputError("no operator reads the model's input", where=tensor.short_name)
    first, *others = readers
    entry = first.output.index
    for reader in others:
        if tensor_scale(reader, reader.output) != tensor_scale(first, first.output):
            raise refuse(reader, "the input is quantized twice with different scales", expected="one scale")
        same[reader.output.index] = entry
    return entry


def _exit(graph: Graph) -> int:
    """Return the int8 tensor at the output: the output itself, or the input of its DEQUANTIZE."""
    tensor = graph.tensors[graph.outputs[0]]
    if tensor.dtype == "int8":
        return tensor.index
    writers = [node for node in nodes(graph) if tensor in node.outputs]
    if not writers:
        raise InputError("no operator computes the model's output", where=tensor.short_name)
    if tensor.dtype != "float32" or writers[0].name != "DEQUANTIZE":
        raise _not_int8(writers[0], tensor)
    return writers[0].input.index


def _is_boundary(node: Node) -> bool:
    """Return whether it is the QUANTIZE after a float32 input or the DEQUANTIZE before an output."""
    if node.name == "QUANTIZE":
        source = node.input_at(0)
        return source is not None and source.index in node.graph.inputs and source.dtype == "float32"
    return node.name == "DEQUANTIZE" and any(one.index in node.graph.outputs for one in node.outputs[:1])


def _check_types(node: Node) -> None:
    """Refuse an operator that does not compute in int8."""
    if node.name not in _RULES:
        raise _not_int8(node, node.output) if node.name == "DEQUANTIZE" else _unsupported(node)
    first = shapes.operand(node, 0)
    pair = (shapes.operand(node, 1),) if node.name in shapes.BINARY else ()
    several = node.inputs if node.name == "CONCATENATION" else ()
    for tensor in (first, *pair, *several, node.output):
        if tensor.dtype != "int8":
            raise _not_int8(node, tensor)
    if first.data is not None and node.name not in shapes.BINARY and node.name != "CONCATENATION":
        raise refuse(node, "its input is a constant", expected="a computed value")


def _not_int8(node: Node, tensor: Tensor) -> InputError:
    hybrid = tensor.dtype == "float32" and any(constant.dtype == "int8" for constant in node.constants)
    kind = (
        "int8 weights on float32 values (dynamic-range quantization)" if hybrid else f"{tensor.dtype} values"
    )
    return refuse(
        node,
        f"it computes with {kind}: tensor {tensor.index} ({tensor.short_name})",
        expected="int8 from the QUANTIZE after the input to the DEQUANTIZE before the output",
        remedy=_QUANTIZE,
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
