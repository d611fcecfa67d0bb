"""The public interface for notebooks and scripts: from a checkpoint and recordings to int8 and C.

The names in ``__all__`` and their arguments stay the same within a major version. Everything else in the
package may change. The functions that need TensorFlow import it themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.codegen import emit
from birdnet_stm32.codegen.lowering import check_supported
from birdnet_stm32.errors import BirdnetError, GateError, InputError, ToolError
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
    read_contract,
)
from birdnet_stm32.frontend.spectrogram import FrontendStages, features, frontend_stages
from birdnet_stm32.quant.recipes import RECIPES, Candidate, RecipeSettings, make_candidate
from birdnet_stm32.quant.verify import Agreement, Comparison, compare
from birdnet_stm32.tflite.reader import read_graph

if TYPE_CHECKING:
    import keras

__all__ = [
    "Agreement",
    "BirdnetError",
    "Candidate",
    "Comparison",
    "Compression",
    "Frontend",
    "FrontendSpec",
    "FrontendStages",
    "GateError",
    "InputError",
    "InputLayout",
    "MagnitudeScale",
    "ModelContract",
    "OutputActivation",
    "RecipeSettings",
    "ToolError",
    "compare",
    "convert",
    "cut_windows",
    "features",
    "frontend_stages",
    "generate_c",
    "load_model",
    "predict",
    "read_contract",
    "read_recording",
    "write_files",
]

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


def read_recording(path: Path, contract: ModelContract, *, channel: int = 0) -> Pcm:
    """Decode a recording to mono PCM at the model's sample rate.

    Args:
        path: a wav, flac, ogg or mp3 file of any sample rate and any number of channels.
        contract: the model.
        channel: the channel to take, counted from 1; 0 takes the average of all channels.

    Returns:
        int16 ``[samples]``.

    Raises:
        InputError: the file is missing, damaged, silent or too short.
    """
    found = decode(path, sample_rate_hz=contract.frontend.sample_rate_hz, channel=channel)
    if isinstance(found, Unusable):
        raise InputError(found.reason, where=path, expected="a recording with sound")
    return found


def cut_windows(recording: Pcm, contract: ModelContract) -> Pcm:
    """Cut a recording into the windows that the device would hear.

    Windows overlap by half. The last window ends where the recording ends. A recording that is shorter than a
    window gives one window, padded with zeros.

    Args:
        recording: int16 ``[samples]`` at the model's sample rate.
        contract: the model.

    Returns:
        int16 ``[n, window_samples]``.
    """
    shape = contract.frontend.window_shape
    starts = shape.starts(len(recording))
    return np.stack([cut_window(recording, start, shape.window_samples) for start in starts])


def load_model(path: Path, contract: ModelContract) -> keras.Model:
    """Load a checkpoint as data, without running anything that it contains.

    Args:
        path: a ``.keras`` file of Keras 2 or 3.
        contract: the model.

    Returns:
        A functional Keras model from ``[batch, *contract.frontend.input_shape]`` to ``[batch, classes]``.

    Raises:
        InputError: the file is damaged, contains code, or contradicts the contract.
    """
    from birdnet_stm32.model.checkpoints import checkpoint

    return checkpoint.load(path, contract)


def convert(
    model: keras.Model,
    contract: ModelContract,
    windows: Pcm,
    *,
    recipe: str = "ptq",
    held_out: Pcm | None = None,
    settings: RecipeSettings | None = None,
) -> Candidate:
    """Quantize a float model to int8.

    Args:
        model: the float model; it is not changed.
        contract: what the model is fed and what its outputs mean.
        windows: int16 ``[n, window_samples]``; the activation ranges are calibrated with them.
        recipe: the way to quantize, see docs/explanation/quantization.md.
        held_out: int16 ``[k, window_samples]`` from other recordings, by which the recipe ``qat`` chooses the
            epoch. Other recipes do not use them.
        settings: options of the recipe.

    Returns:
        The ``.tflite`` and the contract that belongs to it, which differs from ``contract`` if the recipe
        moved layers out of the network.

    Raises:
        InputError: there is no such recipe, the recipe does not fit the model, or the windows cannot
            calibrate it.
        GateError: the model cannot be converted to int8.
    """
    if recipe not in RECIPES:
        raise InputError(f"there is no recipe {recipe!r}", expected=f"one of {', '.join(RECIPES)}")
    if recipe == "qat" and held_out is None:
        raise InputError("the recipe qat needs held_out", expected="windows of other recordings")
    chosen_by = windows[:0] if held_out is None else held_out
    return make_candidate(recipe, model, contract, windows, chosen_by, settings or RecipeSettings())


def predict(model: keras.Model | bytes, contract: ModelContract, windows: Pcm) -> Floats:
    """Compute the probability of each class in each window.

    Args:
        model: a Keras model, or a ``.tflite`` as bytes. A ``.tflite`` runs on LiteRT's reference kernels.
        contract: the contract that belongs to ``model``.
        windows: int16 ``[n, window_samples]``.

    Returns:
        float32 ``[n, classes]`` in [0, 1].

    Raises:
        InputError: windows and contract do not fit the model.
    """
    from birdnet_stm32.model.probabilities import probabilities
    from birdnet_stm32.tflite import interpreter

    if isinstance(model, bytes):
        outputs = interpreter.run(model, features(windows, contract.frontend))
    else:
        from birdnet_stm32.model.training.predict import predict as predict_float

        outputs = predict_float(model, windows, contract)
    return probabilities(outputs, contract)


def generate_c(tflite: bytes, contract: ModelContract) -> dict[str, bytes]:
    """Generate the C library of an int8 model: network, front end and runtime.

    Args:
        tflite: the int8 model.
        contract: the contract that belongs to it.

    Returns:
        The content of each file, by path. Equal arguments give equal bytes.

    Raises:
        InputError: the model has an operator that the runtime does not compute exactly, or contradicts the
            contract.
    """
    graph = read_graph(tflite, where="the model", whole=False)
    check_supported(graph)
    return emit.generate_c(graph, labels=contract.labels, contract=contract)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files below a folder, which is created if it does not exist.

    Args:
        folder: where to write.
        files: content by path, as :func:`generate_c` returns it.

    Raises:
        OSError: a file cannot be written.
    """
    write_tree(folder, files)
