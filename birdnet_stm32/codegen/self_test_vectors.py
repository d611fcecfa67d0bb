"""Windows with the expected results of each step, for the self-test of the firmware."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.templating import render_template
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.head import find_head
from birdnet_stm32.tflite.reader import read_graph

# The share of a window's inputs that may differ by one step, since the last steps may round differently.
MAX_DIFFERING = 0.02
_TEMPLATES = ("birdnet_test_vectors.h", "birdnet_test_vectors.c")


@dataclass(frozen=True, kw_only=True, eq=False)
class TestVectors:
    """Windows and their expected results.

    Args:
        pcm: int16 [n, samples].
        quantized_input: the result of the NumPy front end and QUANTIZE, int8 [n, *input shape].
        output: the result of the reference kernels, int8 [n, outputs].
        backbone_output: what the layer before the head gives, int8 [n, channels]; None for a network whose
            head is not a part of its own.
    """

    __test__ = False  # not a test, whatever pytest thinks of its name

    pcm: npt.NDArray[np.int16]
    quantized_input: npt.NDArray[np.int8]
    output: npt.NDArray[np.int8]
    backbone_output: npt.NDArray[np.int8] | None = None


def make_test_vectors(
    pcm: npt.NDArray[np.int16], spec: FrontendSpec, tflite: bytes, *, split_head: bool = False
) -> TestVectors:
    """Compute the expected results of windows with the NumPy front end and LiteRT's reference kernels.

    Args:
        pcm: int16 [n, samples]. Two windows are enough.
        spec: the front end of the model.
        tflite: the model, with float32 input and output.
        split_head: whether the network has a head of its own, whose input is then expected too.

    Raises:
        InputError: there is no window, or the windows, the front end and the model do not fit each other.
    """
    if len(pcm) == 0:
        raise InputError("there is no window to make test vectors from", expected="at least one")
    inputs = features(pcm, spec)
    run = interpreter.run_int8(tflite, inputs)
    pooled = None
    if split_head:
        index = find_head(read_graph(tflite, where="the model")).input
        pooled = np.stack([values.reshape(-1) for (values,) in interpreter.trace(tflite, inputs, [index])])
    return TestVectors(pcm=pcm, quantized_input=run.inputs, output=run.outputs, backbone_output=pooled)


def vector_files(vectors: TestVectors) -> dict[str, bytes]:
    """Return ``birdnet_test_vectors.h`` and ``.c``."""
    count = len(vectors.pcm)
    inputs = vectors.quantized_input.reshape(count, -1)
    context = {
        "vectors": list(zip(vectors.pcm, inputs, vectors.output.reshape(count, -1), strict=True)),
        "backbone_outputs": vectors.backbone_output,
        "classes": vectors.output[0].size,
        "pcm_samples": vectors.pcm.shape[1],
        "max_differing": math.ceil(MAX_DIFFERING * inputs.shape[1]),
    }
    return {name: render_template(f"network/{name}.j2", context).encode() for name in _TEMPLATES}
