"""Run a .tflite on LiteRT's reference kernels. Every C kernel has to give the same numbers.

``OpResolverType.BUILTIN_REF`` is the plain C++ of TFLite, without XNNPACK and without a delegate. It gives
the same bits on every machine.
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
    """The int8 values of a network with float32 input and output, between its QUANTIZE and its DEQUANTIZE.

    Args:
        inputs: the output of QUANTIZE for every window, int8 [n, *input shape].
        outputs: the input of DEQUANTIZE for every window, int8 [n, outputs].
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
    """Refuse a model that LiteRT cannot load: it is damaged, or has an operator without a kernel in LiteRT.

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
    """Run every window, one after the other. Threads would not help, because LiteRT keeps the GIL.

    Args:
        tflite: a model with one float32 input and one float32 output; a dynamic batch is set to 1.
        inputs: float32 [n, *input shape].
        on_window: called with the number of windows done so far.
        kernels: which kernels to run. Others are many times as fast, and may round differently.

    Returns:
        float32 [n, outputs].

    Raises:
        InputError: the model is damaged or of another kind, or the inputs do not fit it.
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
    """Run windows that are quantized already, for example by the front end of the firmware.

    Args:
        tflite: a model with float32 in and out that is int8 inside.
        quantized_inputs: int8 [n, *input shape], as QUANTIZE would give them.
        on_window: called with the number of windows done so far.

    Returns:
        int8 [n, outputs], as DEQUANTIZE takes them.

    Raises:
        InputError: as :func:`run_int8`, or an input is not int8.
        GateError: the network received other values than these.
    """
    if quantized_inputs.dtype != np.int8:
        raise InputError(f"quantized inputs are {quantized_inputs.dtype}", expected="int8")
    boundary = _boundary(tflite)
    steps = quantized_inputs.astype(np.int32) - boundary.input_zero_point
    result = run_int8(tflite, steps.astype(np.float32) * boundary.input_scale, on_window=on_window)
    # Every multiple of the scale lies at the centre of its rounding interval, so QUANTIZE returns the same
    # code.
    if not np.array_equal(result.inputs, quantized_inputs):
        raise GateError("QUANTIZE did not return the int8 values that were given")
    return result.outputs


def input_quantization(tflite: bytes) -> tuple[np.float32, int]:
    """Return the scale and the zero point of the quantized input.

    Raises:
        InputError: the model has no int8 boundary.
    """
    boundary = _boundary(tflite)
    return boundary.input_scale, boundary.input_zero_point


def tensors(tflite: bytes, window: npt.ArrayLike) -> dict[int, AnyArray]:
    """Run one window and return every tensor that has data, constants included.

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
        except ValueError:  # a tensor that no operator uses has no buffer
            continue
    return values


def trace(
    tflite: bytes,
    inputs: npt.ArrayLike,
    indices: Sequence[int],
    *,
    kernels: OpResolverType = OpResolverType.BUILTIN_REF,
) -> Iterator[tuple[AnyArray, ...]]:
    """Run window by window and yield the chosen tensors. All windows at once might not fit into memory.

    Args:
        tflite: a model with one float32 input and one float32 output.
        inputs: float32 [n, *input shape].
        indices: indices of the tensors.
        kernels: which kernels to run, without a delegate, since a delegate hides its tensors.

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
    """Run every window. Return the output, or the given ``tensors``, each as [n, ...]."""
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
    """Return an interpreter. LiteRT checks the whole file first."""
    try:
        return Interpreter(
            model_content=tflite,
            experimental_op_resolver_type=kernels,
            experimental_preserve_all_tensors=preserve_all,
        )
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"LiteRT cannot load the model: {error}", expected="an intact .tflite whose operators LiteRT has"
        ) from error


def _load(
    tflite: bytes,
    *,
    preserve_all: bool = False,
    kernels: OpResolverType = OpResolverType.BUILTIN_REF,
) -> Interpreter:
    """Return an interpreter for one window, with its tensors allocated."""
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
    """Return ``inputs`` as float32 [n, *input shape], or refuse them."""
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
