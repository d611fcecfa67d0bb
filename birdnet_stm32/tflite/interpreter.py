"""Runs a .tflite on LiteRT's reference kernels, the truth every C kernel is held to.

``OpResolverType.BUILTIN_REF`` is the plain C++ of TFLite: no XNNPACK, no delegate, the same bits everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.tflite.reader import read_graph

FloatArray = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]
AnyArray = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Int8Run:
    """What a network with float32 in and out computed between its QUANTIZE and its DEQUANTIZE.

    Args:
        inputs: what QUANTIZE made of every window, int8 [n, *input shape].
        outputs: what DEQUANTIZE was given, int8 [n, outputs].
    """

    inputs: Int8Array
    outputs: Int8Array


@dataclass(frozen=True, kw_only=True)
class _Boundary:
    """The int8 tensors next to the float32 input and output, and the input's quantization."""

    input_index: int
    output_index: int
    input_scale: np.float32
    input_zero_point: int


def check_loads(tflite: bytes) -> None:
    """Refuse a model that LiteRT cannot load: a damaged one, or one with an operator it has no kernel for.

    Raises:
        InputError: in LiteRT's words.
    """
    _open(tflite)


def run(
    tflite: bytes,
    inputs: npt.ArrayLike,
    *,
    on_window: Callable[[int], None] | None = None,
    kernels: OpResolverType = OpResolverType.BUILTIN_REF,
) -> FloatArray:
    """Run every window, one after the other: LiteRT keeps the GIL, so threads would not help.

    Args:
        tflite: a model with one float32 input and one float32 output; a dynamic batch is set to 1.
        inputs: float32 [n, *input shape].
        on_window: called with the number of windows done so far.
        kernels: whose; others are many times as fast and may round otherwise.

    Returns:
        float32 [n, outputs].

    Raises:
        InputError: the model is corrupt or of another kind, or the inputs do not fit it.
    """
    (outputs,) = _run(tflite, inputs, on_window=on_window, tensors=None, kernels=kernels)
    return outputs


def run_int8(
    tflite: bytes, inputs: npt.ArrayLike, *, on_window: Callable[[int], None] | None = None
) -> Int8Run:
    """Run every window as :func:`run` does and return the int8 tensors at the boundary.

    Args:
        tflite: a model with float32 in and out that is int8 inside.
        inputs: float32 [n, *input shape].
        on_window: called with the number of windows done so far.

    Raises:
        InputError: as :func:`run`, or the model has no int8 boundary.
    """
    boundary = _boundary(tflite)
    int8_inputs, int8_outputs = _run(
        tflite, inputs, on_window=on_window, tensors=(boundary.input_index, boundary.output_index)
    )
    return Int8Run(inputs=int8_inputs, outputs=int8_outputs)


def run_from_int8(
    tflite: bytes, quantized_inputs: Int8Array, *, on_window: Callable[[int], None] | None = None
) -> Int8Array:
    """Run windows that something else has quantized, such as the firmware's front end.

    Args:
        tflite: a model with float32 in and out that is int8 inside.
        quantized_inputs: int8 [n, *input shape] as behind QUANTIZE.
        on_window: called with the number of windows done so far.

    Returns:
        int8 [n, outputs] as before DEQUANTIZE.

    Raises:
        InputError: as :func:`run_int8`, or an input is not int8.
        GateError: the network was given other values than these.
    """
    if quantized_inputs.dtype != np.int8:
        raise InputError(f"quantized inputs are {quantized_inputs.dtype}", expected="int8")
    boundary = _boundary(tflite)
    steps = quantized_inputs.astype(np.int32) - boundary.input_zero_point
    result = run_int8(tflite, steps.astype(np.float32) * boundary.input_scale, on_window=on_window)
    # Every multiple of the scale lies at the centre of its rounding interval, so QUANTIZE gives it back.
    if not np.array_equal(result.inputs, quantized_inputs):
        raise GateError("QUANTIZE did not give back the int8 values it was meant to")
    return result.outputs


def input_quantization(tflite: bytes) -> tuple[np.float32, int]:
    """Return scale and zero point of what QUANTIZE makes of the input.

    Raises:
        InputError: the model has no int8 boundary.
    """
    boundary = _boundary(tflite)
    return boundary.input_scale, boundary.input_zero_point


def tensors(tflite: bytes, window: npt.ArrayLike) -> dict[int, AnyArray]:
    """Run one window and return every tensor that holds data, constants included.

    Args:
        tflite: a model with one float32 input and one float32 output.
        window: float32 [*input shape].

    Returns:
        Tensor index to value.

    Raises:
        InputError: as :func:`run`.
    """
    interpreter = _load(tflite, preserve_all=True)
    _invoke(interpreter, _checked(interpreter, np.asarray(window)[np.newaxis])[0])
    values: dict[int, AnyArray] = {}
    for detail in interpreter.get_tensor_details():
        try:
            values[detail["index"]] = interpreter.get_tensor(detail["index"])
        except ValueError:  # a tensor of the file that no operator uses has no buffer
            continue
    return values


def trace(
    tflite: bytes,
    inputs: npt.ArrayLike,
    indices: Sequence[int],
    *,
    kernels: OpResolverType = OpResolverType.BUILTIN_REF,
) -> Iterator[tuple[AnyArray, ...]]:
    """Run window by window and yield the tensors asked for, which for many windows would fill the memory.

    Args:
        tflite: a model with one float32 input and one float32 output.
        inputs: float32 [n, *input shape].
        indices: of the tensors.
        kernels: whose; without a delegate, which keeps its tensors to itself.

    Raises:
        InputError: as :func:`run`.
    """
    interpreter = _load(tflite, preserve_all=True, kernels=kernels)
    for window in _checked(interpreter, np.asarray(inputs)):
        _invoke(interpreter, window)
        yield tuple(interpreter.get_tensor(index) for index in indices)


def _run(
    tflite: bytes,
    inputs: npt.ArrayLike,
    *,
    on_window: Callable[[int], None] | None,
    tensors: tuple[int, ...] | None,
    kernels: OpResolverType = OpResolverType.BUILTIN_REF,
) -> tuple[AnyArray, ...]:
    """Run every window; return the output, or else the ``tensors`` asked for, each as [n, ...]."""
    interpreter = _load(tflite, preserve_all=tensors is not None, kernels=kernels)
    windows = _checked(interpreter, np.asarray(inputs))
    wanted = tensors or (interpreter.get_output_details()[0]["index"],)
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    results = tuple(
        np.empty((len(windows), *details[index]["shape"][1:]), details[index]["dtype"]) for index in wanted
    )
    for number, window in enumerate(windows):
        _invoke(interpreter, window)
        for result, index in zip(results, wanted, strict=True):
            result[number] = interpreter.get_tensor(index)[0]
        if on_window is not None:
            on_window(number + 1)
    return results


def _open(
    tflite: bytes,
    *,
    preserve_all: bool = False,
    kernels: OpResolverType = OpResolverType.BUILTIN_REF,
) -> Interpreter:
    """Return an interpreter; LiteRT checks the whole file for it."""
    try:
        return Interpreter(
            model_content=tflite,
            experimental_op_resolver_type=kernels,
            experimental_preserve_all_tensors=preserve_all,
        )
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"LiteRT cannot load the model: {error}", expected="an intact .tflite of its operators"
        ) from error


def _load(
    tflite: bytes,
    *,
    preserve_all: bool = False,
    kernels: OpResolverType = OpResolverType.BUILTIN_REF,
) -> Interpreter:
    """Return an interpreter for one window, tensors allocated."""
    interpreter = _open(tflite, preserve_all=preserve_all, kernels=kernels)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    for name, details in (("input", inputs), ("output", outputs)):
        if len(details) != 1:
            raise InputError(f"the model has {len(details)} {name}s", expected=f"one {name}")
        if details[0]["dtype"] != np.float32:
            found = np.dtype(details[0]["dtype"]).name
            raise InputError(f"the model's {name} is {found}", where=details[0]["name"], expected="float32")
    if list(inputs[0]["shape_signature"][:1]) == [-1]:
        interpreter.resize_tensor_input(inputs[0]["index"], [1, *inputs[0]["shape"][1:]])
    try:
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"LiteRT cannot prepare the model: {error}") from error
    return interpreter


def _checked(interpreter: Interpreter, inputs: AnyArray) -> FloatArray:
    """Return ``inputs`` as float32 [n, *input shape] or refuse them."""
    shape = tuple(int(size) for size in interpreter.get_input_details()[0]["shape"][1:])
    if inputs.shape[1:] != shape or inputs.ndim != len(shape) + 1:
        raise InputError(f"inputs are {list(inputs.shape)}", expected=f"[n, {', '.join(map(str, shape))}]")
    windows = np.ascontiguousarray(inputs, dtype=np.float32)
    if not np.isfinite(windows).all():
        raise InputError("inputs hold NaN or infinity", expected="finite values")
    return windows


def _invoke(interpreter: Interpreter, window: FloatArray) -> None:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], window[np.newaxis])
    try:
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"LiteRT cannot run the model: {error}") from error


def _boundary(tflite: bytes) -> _Boundary:
    """Find the output of the QUANTIZE after the input and the input of the DEQUANTIZE before the output."""
    graph = read_graph(tflite, where="the model", whole=False)
    after = [o.outputs[0] for o in graph.operators if graph.inputs[0] in o.inputs]
    before = [o.inputs[0] for o in graph.operators if graph.outputs[0] in o.outputs]
    edges = [graph.tensors[index] for index in after + before]
    quantization = edges[0].quantization if edges else None
    if len(after) != 1 or len(before) != 1 or quantization is None or any(e.dtype != "int8" for e in edges):
        raise InputError(
            "the model is not int8 between its input and its output",
            where=graph.tensors[graph.inputs[0]].name,
            expected="one QUANTIZE after the input and one DEQUANTIZE before the output",
        )
    return _Boundary(
        input_index=after[0],
        output_index=before[0],
        input_scale=np.float32(quantization.scales[0]),
        input_zero_point=quantization.zero_points[0],
    )
