"""Build a hybrid float/int8 model: a converted model, in which some tensors and constants are float again.

Nothing is simulated. An operator computes in float if its tensors are float. If its output is int8, a
QUANTIZE with the scale and the zero point of the file rounds it.
"""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.arithmetic import scheme
from birdnet_stm32.tflite.flatbuffer import operator_name, pack_model
from birdnet_stm32.tflite.operator_sets import CONVERSIONS, MOVES

# Operators that a converter adds for a batch of unknown size.
_OF_AN_OPEN_BATCH = frozenset({"SHAPE", "PACK", "FILL", "GATHER", "REDUCE_PROD"})


@dataclass(frozen=True, kw_only=True)
class Int8Tensor:
    """An int8 tensor that an operator computes, or the input of the network.

    Args:
        index: index in the int8 model.
        float_index: index of the same tensor in the float graph.
        operator: position, in both graphs, of the operator that computes it; -1 for the input.
        kind: name of that operator; QUANTIZE for the input.
        path: names of the layers that it was made from, as the converter writes them.
        shape: sizes, with the batch.
        kernel: rows and columns of the operator's kernel; (1, 1) for an operator without a kernel.
        scale: float value of one int8 step.
        zero_point: code that represents 0.
    """

    index: int
    float_index: int
    operator: int
    kind: str
    path: str
    shape: tuple[int, ...]
    kernel: tuple[int, int]
    scale: float
    zero_point: int

    @property
    def ends(self) -> tuple[float, float]:
        """The float values that the codes -128 and 127 represent."""
        return (
            self.scale * (scheme.ACTIVATION_MIN - self.zero_point),
            self.scale * (scheme.ACTIVATION_MAX - self.zero_point),
        )


def int8_tensors(model: Any, float_model: Any) -> tuple[Int8Tensor, ...]:
    """Return the int8 tensors of a model in the order of computation, the input first.

    Args:
        model: the int8 model, parsed.
        float_model: the float graph that it was quantized from, parsed.

    Raises:
        InputError: the model is not int8 inside, or the two models have different operators.
    """
    graph, float_operators = model.subgraphs[0], float_model.subgraphs[0].operators
    if operator_name(model, graph.operators[0]) != "QUANTIZE":
        raise InputError(
            f"the model begins with {operator_name(model, graph.operators[0])}",
            expected="QUANTIZE, as one that is int8 inside and float32 outside",
        )
    inner = _inner(model)
    kinds = [operator_name(model, operator) for operator in inner]
    float_kinds = [operator_name(float_model, operator) for operator in float_operators]
    if kinds != float_kinds:
        raise _differ(kinds, float_kinds)
    entry = int(graph.operators[0].outputs[0])
    found = [
        _activation(
            model, entry, float_index=int(float_model.subgraphs[0].inputs[0]), operator=-1, kind="QUANTIZE"
        )
    ]
    for position, (operator, other) in enumerate(zip(inner, float_operators, strict=True)):
        if kinds[position] not in MOVES:
            found.append(
                _activation(
                    model,
                    int(operator.outputs[0]),
                    float_index=int(other.outputs[0]),
                    operator=position,
                    kind=kinds[position],
                    kernel=_kernel(graph, operator) if kinds[position].endswith("CONV_2D") else (1, 1),
                )
            )
    return tuple(found)


def build_hybrid_model(
    model: Any,
    float_model: Any,
    *,
    floating: Collection[int] = (),
    float_constants: Collection[int] = (),
) -> bytes:
    """Return an int8 model in which some tensors and some constants are float.

    Args:
        model: the int8 model, parsed; it is not changed.
        float_model: the float graph that it was quantized from, parsed.
        floating: indices in the int8 model of the tensors that become float. Tensors that they are only moved
            to become float too.
        float_constants: positions of the operators that compute with kernel and bias of the float graph.
    """
    splice = _Splice(model)
    position = 0
    for operator in model.subgraphs[0].operators:
        kind = operator_name(model, operator)
        if kind in CONVERSIONS:
            splice.boundary(operator, kind, floating)
            continue
        inputs, output = [int(index) for index in operator.inputs], int(operator.outputs[0])
        reads_float = any(index in splice.floats for index in inputs)
        if reads_float or output in floating or position in float_constants:
            source = float_model if position in float_constants else None
            stays = output in floating or (kind in MOVES and reads_float)
            splice.compute_in_float(operator, source, position, stays=stays)
        else:
            splice.operators.append(operator)
        position += 1
    return splice.pack()


class _Splice:
    """A model under construction: the operators so far, and the tensors that exist in float."""

    def __init__(self, model: Any) -> None:
        # Parsing takes most of the time, so only the lists are copied; their elements are shared.
        self.model, self.graph = copy.copy(model), copy.copy(model.subgraphs[0])
        self.model.subgraphs = [self.graph]
        self.model.operatorCodes, self.model.buffers = list(model.operatorCodes), list(model.buffers)
        self.graph.tensors = list(self.graph.tensors)
        self.operators: list[Any] = []
        self.floats: dict[
            int, int
        ] = {}  # index of an int8 tensor that stays float: index of the float tensor
        self._dequantized: dict[int, int] = {}
        self._codes: dict[int, int] = {}

    def boundary(self, operator: Any, kind: str, floating: Collection[int]) -> None:
        """Keep a QUANTIZE or a DEQUANTIZE, or leave it out if there is nothing to convert."""
        source, target = int(operator.inputs[0]), int(operator.outputs[0])
        if kind == "QUANTIZE" and target in floating:
            self.floats[target] = source
        elif kind == "DEQUANTIZE" and source in self.floats:
            self.graph.outputs = np.array([self.floats[source]], np.int32)
        else:
            self._add(operator.opcodeIndex, [self.floats.get(source, source)], target, like=operator)

    def compute_in_float(self, operator: Any, source: Any, position: int, *, stays: bool) -> None:
        """Add ``operator`` with float inputs; its output stays float or is rounded to int8.

        Args:
            operator: an operator of the int8 model.
            source: the float graph, whose constants are used; None to use the values of the int8 constants.
            position: position of the operator.
            stays: whether its output stays float.
        """
        float_inputs = [] if source is None else list(source.subgraphs[0].operators[position].inputs)
        inputs = [
            self._input(int(index), source, int(float_index))
            for index, float_index in itertools.zip_longest(operator.inputs, float_inputs, fillvalue=-1)
        ]
        output = int(operator.outputs[0])
        made = self._float_tensor(output)
        self._add(operator.opcodeIndex, inputs, made, like=operator)
        if stays:
            self.floats[output] = made
        else:
            self._add(self._code(schema.BuiltinOperator.QUANTIZE), [made], output)

    def pack(self) -> bytes:
        """Return the model as the bytes of a .tflite."""
        self.graph.operators = self.operators
        self.model.signatureDefs = None  # the old ones would name the old output
        return pack_model(self.model)

    def _input(self, index: int, source: Any, float_index: int) -> int:
        """Return the index of the float tensor for an input of an operator.

        Args:
            index: index of the input in the int8 model, or -1.
            source: the float graph, whose constants are used; None to use the values of the int8 constants.
            float_index: index of the input in the float graph, or -1.
        """
        if index < 0:
            return index
        tensor = self.graph.tensors[index]
        values = _constant(self.model, tensor)
        if values is None:
            return self._float_activation(index)
        values = _dequantized(tensor, values)
        if values.dtype != np.float32:  # axes or sizes
            return index
        if source is not None:
            # A float graph leaves out a bias of zeros.
            exact = None if float_index < 0 else _constant(source, source.subgraphs[0].tensors[float_index])
            values = np.zeros_like(values) if exact is None else exact
        return self._float_constant(index, values)

    def _float_activation(self, index: int) -> int:
        if index in self.floats:
            return self.floats[index]
        if index not in self._dequantized:
            self._dequantized[index] = self._float_tensor(index)
            self._add(self._code(schema.BuiltinOperator.DEQUANTIZE), [index], self._dequantized[index])
        return self._dequantized[index]

    def _float_constant(self, index: int, values: npt.NDArray[Any]) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        made = self._float_tensor(index)
        self.graph.tensors[made].buffer = len(self.model.buffers) - 1
        return made

    def _float_tensor(self, index: int) -> int:
        tensor = copy.copy(self.graph.tensors[index])
        tensor.type, tensor.quantization, tensor.buffer = schema.TensorType.FLOAT32, None, 0
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def _add(self, code: int, inputs: list[int], output: int, *, like: Any = None) -> None:
        operator = schema.OperatorT() if like is None else copy.copy(like)
        operator.opcodeIndex = code
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        self.operators.append(operator)

    def _code(self, builtin: int) -> int:
        """Return the index of an operator code; it is added if the model has none."""
        if builtin not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, builtin, 1
            self.model.operatorCodes.append(code)
            self._codes[builtin] = len(self.model.operatorCodes) - 1
        return self._codes[builtin]


def _differ(kinds: list[str], float_kinds: list[str]) -> InputError:
    """Return the error that says in which operators two graphs differ, and what the reason may be."""
    more, fewer = Counter(kinds) - Counter(float_kinds), Counter(float_kinds) - Counter(kinds)
    parts = [f"{_listed(more)} more"] if more else []
    parts += [f"{_listed(fewer)} fewer"] if fewer else []
    found = " and ".join(parts) or "the same operators in another order"
    if set(more) & _OF_AN_OPEN_BATCH and not fewer:
        return InputError(
            f"was converted by another converter, with an open batch: it has {found} than what this project "
            "makes of the checkpoint, so no tensor has a fixed counterpart in the float model",
            expected="a .tflite that this project converted from the checkpoint",
            remedy=(
                "make one: birdnet-stm32 convert --min_cosine_sim 0 --min_cosine_p05 0",
                "birdnet-stm32 evaluate compares the two as they are, output by output",
            ),
        )
    return InputError(
        f"the operators differ: the int8 model has {len(kinds)}, the float model {len(float_kinds)}; {found}",
        expected="the float model that the int8 model was made from",
        remedy="of the pipeline's candidate: convert/candidate.tflite with convert/model.keras",
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _inner(model: Any) -> list[Any]:
    return [one for one in model.subgraphs[0].operators if operator_name(model, one) not in CONVERSIONS]


def _kernel(graph: Any, operator: Any) -> tuple[int, int]:
    _, rows, columns, _ = (int(size) for size in graph.tensors[operator.inputs[1]].shape)
    return rows, columns


def _activation(
    model: Any, index: int, *, float_index: int, operator: int, kind: str, kernel: tuple[int, int] = (1, 1)
) -> Int8Tensor:
    tensor = model.subgraphs[0].tensors[index]
    return Int8Tensor(
        index=index,
        float_index=float_index,
        operator=operator,
        kind=kind,
        path=tensor.name.decode(),
        shape=tuple(int(size) for size in tensor.shape),
        kernel=kernel,
        scale=float(tensor.quantization.scale[0]),
        zero_point=int(tensor.quantization.zeroPoint[0]),
    )


def _constant(model: Any, tensor: Any) -> npt.NDArray[Any] | None:
    """Return the stored values of a constant, or None for an activation."""
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0:
        return None
    types = {
        schema.TensorType.INT8: np.int8,
        schema.TensorType.INT32: np.int32,
        schema.TensorType.FLOAT32: np.float32,
    }
    return np.asarray(data, np.uint8).view(types[tensor.type]).reshape(tensor.shape)


def _dequantized(tensor: Any, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the float values of a constant; a constant without a scale is returned unchanged."""
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None or len(quantization.scale) == 0:
        return values
    scales = np.asarray(quantization.scale, np.float32)
    if len(scales) == 1:
        return scheme.dequantize(values, scales[0], int(quantization.zeroPoint[0]))
    return scheme.dequantize_kernel(values, scales, int(quantization.quantizedDimension))
