"""Windows with what every stage must make of them, for the firmware's self-test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.quant import interpreter
from birdnet_stm32.templating import render

FEATURE_SAMPLES = 1024
FEATURE_TOLERANCE = 1e-4  # of a window's largest feature: other rounding of the last steps, with room
_TEMPLATES = ("birdnet_test_vectors.h", "birdnet_test_vectors.c")


@dataclass(frozen=True, kw_only=True, eq=False)
class TestVectors:
    """Windows and their expectations.

    Args:
        pcm: int16 [n, samples].
        features: what the NumPy front end makes of them, float32 [n, *input shape].
        quantized_input: what QUANTIZE makes of the features, int8 [n, *input shape].
        output: what the reference kernels make of that, int8 [n, outputs].
    """

    __test__ = False  # not a test, whatever pytest thinks of its name

    pcm: npt.NDArray[np.int16]
    features: npt.NDArray[np.float32]
    quantized_input: npt.NDArray[np.int8]
    output: npt.NDArray[np.int8]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Vector:
    """One window as it is written, every array flat."""

    pcm: npt.NDArray[np.int16]
    features: npt.NDArray[np.float32]
    quantized_input: npt.NDArray[np.int8]
    output: npt.NDArray[np.int8]


def make(pcm: npt.NDArray[np.int16], spec: FrontendSpec, tflite: bytes) -> TestVectors:
    """Compute the expectations of windows with the NumPy front end and LiteRT's reference kernels.

    Args:
        pcm: int16 [n, samples]; two windows suffice.
        spec: the model's front end.
        tflite: the model, float32 in and out.

    Raises:
        InputError: there is no window, or window, front end and model do not fit each other.
    """
    if len(pcm) == 0:
        raise InputError("there is no window to make test vectors from", expected="at least one")
    values = features(pcm, spec)
    run = interpreter.run_int8(tflite, values)
    return TestVectors(pcm=pcm, features=values, quantized_input=run.inputs, output=run.outputs)


def vector_files(vectors: TestVectors) -> dict[str, bytes]:
    """Return ``birdnet_test_vectors.h`` and ``.c``; of the features only every so many-th is kept.

    The stride shares no factor with the innermost axis: every place on it, so every gear, has its turn.
    """
    count = len(vectors.pcm)
    flat = vectors.features.reshape(count, -1)
    stride = -(-flat.shape[1] // FEATURE_SAMPLES)
    while math.gcd(stride, vectors.features.shape[-1]) > 1:
        stride += 1
    kept = flat[:, ::stride]
    context = {
        "vectors": _rows(vectors, kept),
        "pcm_samples": vectors.pcm.shape[1],
        "feature_samples": kept.shape[1],
        "feature_stride": stride,
        "feature_tolerance": FEATURE_TOLERANCE,
    }
    return {name: render(f"network/{name}.j2", context).encode() for name in _TEMPLATES}


def _rows(vectors: TestVectors, kept: npt.NDArray[np.float32]) -> Sequence[_Vector]:
    return [
        _Vector(pcm=pcm, features=features, quantized_input=quantized.reshape(-1), output=output.reshape(-1))
        for pcm, features, quantized, output in zip(
            vectors.pcm, kept, vectors.quantized_input, vectors.output, strict=True
        )
    ]
