"""Measure how much a single tensor costs: round it alone and leave the rest in float, or the reverse."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import OpResolverType

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant.arithmetic.scheme import ACTIVATION_MAX, ACTIVATION_MIN, activation_parameters
from birdnet_stm32.quant.convert import float_graph
from birdnet_stm32.quant.rewriting.network import Floats
from birdnet_stm32.quant.sensitivity.hybrid_model import build_hybrid_model, int8_tensors
from birdnet_stm32.quant.sensitivity.layer_names import tensor_names
from birdnet_stm32.quant.verify import compare
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import parse_model

if TYPE_CHECKING:
    import keras

STEPS = ACTIVATION_MAX - ACTIVATION_MIN  # between the ends of a grid
MOST_VALUES = 0.98  # share of the values that "most of the values" means
USUAL_PEAK = 95  # percentile of the windows' peaks at which the range of an input without outliers ends
FRONT_CONVOLUTIONS = 2
SIGMOID_STEP = 1 / 256  # TFLite fixes the scale of an int8 sigmoid
BATCH = 16


@dataclass(frozen=True, kw_only=True)
class InputFacts:
    """Facts about the network's input in int8.

    Args:
        codes: number of the 256 codes that represent 98% of the values.
        zeroed: share of the nonzero values that round to zero.
        full_windows: share of the windows whose largest value reaches half of the range.
        cosine: mean cosine of the float network if only its input is rounded.
        clipped_cosine: the same for a range that ends at the 95th percentile of the windows' largest values.
    """

    codes: int
    zeroed: float
    full_windows: float
    cosine: float
    clipped_cosine: float


@dataclass(frozen=True, kw_only=True)
class OutputFacts:
    """Facts about the outputs of an int8 sigmoid.

    Args:
        vanishing: share of the float probabilities that round to zero.
        cosine: mean cosine of the float network if only its outputs are rounded.
    """

    vanishing: float
    cosine: float


@dataclass(frozen=True, kw_only=True)
class DecibelFacts:
    """Facts about a layer that computes decibels from int8 amplitudes.

    Args:
        first_step_db: distance in dB from the floor to the first int8 step above zero.
        silenced: share of the values above the floor that round to zero.
        cosine: mean cosine of the float network if only these amplitudes are rounded.
    """

    first_step_db: float
    silenced: float
    cosine: float


@dataclass(frozen=True, kw_only=True)
class FrontFacts:
    """Facts about the first layers of the int8 network, measured with LiteRT's fast kernels.

    Args:
        tensors: names of the tensors after the input, up to the second convolution.
        channels: number of channels of the first convolution.
        peaks: smallest and largest peak of these channels.
        cosine: mean cosine of the int8 network.
        floating_cosine: mean cosine with ``tensors`` in float.
        float_kernels_cosine: mean cosine with all kernels in float, and all tensors in int8.
    """

    tensors: tuple[str, ...]
    channels: int
    peaks: tuple[float, float]
    cosine: float
    floating_cosine: float
    float_kernels_cosine: float


def input_facts(
    model: keras.Model, contract: ModelContract, inputs: Floats, grid: tuple[float, int]
) -> InputFacts:
    """Measure what rounding the input costs.

    Args:
        model: float32.
        contract: what the model means.
        inputs: float32 [n, *input shape].
        grid: scale and zero point of the int8 input.
    """
    codes = _codes(inputs, grid)
    counts = np.sort(np.bincount(codes.ravel() - ACTIVATION_MIN, minlength=STEPS + 1))[::-1]
    peaks = np.abs(inputs).reshape(len(inputs), -1).max(axis=1)
    usual = float(np.percentile(peaks, USUAL_PEAK))
    narrow = activation_parameters(max(float(inputs.min()), -usual), min(float(inputs.max()), usual))
    expected = _outputs(model, contract, inputs)

    def cosine(rounded: Floats) -> float:
        return _cosine(expected, _outputs(model, contract, rounded))

    some = inputs != 0
    return InputFacts(
        codes=int(np.searchsorted(np.cumsum(counts), MOST_VALUES * codes.size) + 1),
        zeroed=float((codes[some] == grid[1]).mean()) if some.any() else 0.0,
        full_windows=float((peaks >= 0.5 * _end(grid)).mean()),
        cosine=cosine(_rounded(inputs, grid)),
        clipped_cosine=cosine(_rounded(inputs, (float(narrow[0]), narrow[1]))),
    )


def output_facts(float_probabilities: Floats) -> OutputFacts:
    """Measure what an int8 sigmoid costs.

    Args:
        float_probabilities: outputs of the float model, [n, classes] in [0, 1].
    """
    steps = np.minimum(np.round(float_probabilities / np.float32(SIGMOID_STEP)), np.float32(STEPS))
    rounded = steps * np.float32(SIGMOID_STEP)
    return OutputFacts(vanishing=float((rounded == 0).mean()), cosine=_cosine(float_probabilities, rounded))


def decibel_facts(model: keras.Model, contract: ModelContract, inputs: Floats) -> DecibelFacts | None:
    """Measure what rounding the amplitudes costs that a layer converts to decibels.

    Args:
        model: float32.
        contract: what the model means.
        inputs: float32 [n, *input shape].

    Returns:
        The facts, or None for a model without such a layer.
    """
    import keras

    from birdnet_stm32.model.architecture.keras_layers import AMPLITUDE_FLOOR, Decibel

    layer = next((layer for layer in model.layers if isinstance(layer, Decibel)), None)
    if layer is None:
        return None
    before = keras.Model(model.inputs[0], layer.input)
    after = keras.Model(layer.input, model.outputs[0])
    amplitudes = before.predict(inputs, batch_size=BATCH, verbose=0)
    scale, zero_point = activation_parameters(float(amplitudes.min()), float(amplitudes.max()))
    rounded = _rounded(amplitudes, (float(scale), zero_point))
    audible = amplitudes > AMPLITUDE_FLOOR
    return DecibelFacts(
        first_step_db=float(20 * np.log10((float(scale) + AMPLITUDE_FLOOR) / AMPLITUDE_FLOOR)),
        silenced=float((rounded[audible] == 0).mean()) if audible.any() else 0.0,
        cosine=_cosine(_outputs(after, contract, amplitudes), _outputs(after, contract, rounded)),
    )


def front_facts(model: keras.Model, contract: ModelContract, inputs: Floats, tflite: bytes) -> FrontFacts:
    """Measure what int8 costs in the first layers, by hybrid float/int8 models.

    Args:
        model: float32, with logits as outputs.
        contract: what the model means.
        inputs: float32 [n, *input shape].
        tflite: the int8 model that was converted from ``model``.

    Raises:
        InputError: the network has no convolution over neighbouring values.
    """
    exact = float_graph(model)
    int8, float_model = parse_model(tflite), parse_model(exact)
    tensors = int8_tensors(int8, float_model)
    spatial = [at for at, tensor in enumerate(tensors) if tensor.kernel != (1, 1)]
    if not spatial:
        raise InputError("the network has no convolution over neighbouring values", where=model.name)
    front = range(1, spatial[:FRONT_CONVOLUTIONS][-1] + 1)  # without the input
    names = tensor_names(tensors, model)
    expected = _outputs(model, contract, inputs)

    def cosine(**parts: Collection[int]) -> float:
        part = build_hybrid_model(int8, float_model, **parts)
        outputs = interpreter.run(part, inputs, kernels=OpResolverType.AUTO)
        return _cosine(expected, probabilities(outputs, contract))

    peaks = _peaks(exact, inputs, tensors[spatial[0]].float_index)
    return FrontFacts(
        tensors=tuple(names[at] for at in front),
        channels=len(peaks),
        peaks=(float(peaks.min()), float(peaks.max())),
        cosine=cosine(),
        floating_cosine=cosine(floating=[tensors[at].index for at in front]),
        float_kernels_cosine=cosine(float_constants=[tensor.operator for tensor in tensors]),
    )


def _peaks(graph: bytes, inputs: Floats, tensor: int) -> Floats:
    """Return the largest value of each channel of a tensor of a float .tflite, float32 [channels]."""
    values = interpreter.trace(
        graph, inputs, [tensor], kernels=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    peaks: Floats = np.max([value.reshape(-1, value.shape[-1]).max(axis=0) for (value,) in values], axis=0)
    return peaks


def input_grid(tflite: bytes) -> tuple[float, int]:
    """Return scale and zero point of the int8 input.

    Raises:
        InputError: the model's input is not quantized.
    """
    graph = parse_model(tflite).subgraphs[0]
    for operator in graph.operators:
        if graph.inputs[0] in operator.inputs:
            quantization = graph.tensors[operator.outputs[0]].quantization
            if quantization is not None and quantization.scale is not None:
                return float(quantization.scale[0]), int(quantization.zeroPoint[0])
    raise InputError("the model's input is not quantized", expected="a QUANTIZE that makes int8 of the input")


def _codes(values: Floats, grid: tuple[float, int]) -> npt.NDArray[np.int32]:
    scale, zero_point = grid
    steps = np.round(values / scale) + zero_point
    codes: npt.NDArray[np.int32] = np.clip(steps, ACTIVATION_MIN, ACTIVATION_MAX).astype(np.int32)
    return codes


def _rounded(values: Floats, grid: tuple[float, int]) -> Floats:
    rounded: Floats = ((_codes(values, grid) - grid[1]) * grid[0]).astype(np.float32)
    return rounded


def _end(grid: tuple[float, int]) -> float:
    """Return the largest magnitude that a grid represents."""
    scale, zero_point = grid
    return scale * max(ACTIVATION_MAX - zero_point, zero_point - ACTIVATION_MIN)


def _outputs(model: keras.Model, contract: ModelContract, inputs: Floats) -> Floats:
    return probabilities(model.predict(inputs, batch_size=BATCH, verbose=0), contract)


def _cosine(expected: Floats, measured: Floats) -> float:
    return compare(expected, measured).all.cosine_mean
