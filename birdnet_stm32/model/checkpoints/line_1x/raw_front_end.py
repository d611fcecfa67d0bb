"""The front end ``raw`` of line 1.x as stock layers: filters on a waveform, levels of bands, smoothing.

Each band has two filters, which are a quarter of a period apart. The level of a band follows from the
absolute values of the two results (:class:`Magnitude`). It is smoothed over five frames, brought to a learnt
level, and scaled. From version 1.7, there is a second bank of filters with a gain. Every partial sum of both
banks is limited to [-1, 1], so the second bank shows quiet sounds and is full for loud ones.

Tensors are ``[batch, frames, phases, bands]``, so a depthwise kernel of two columns adds the phases, and no
tensor has to be cut into channels.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.checkpoints.front_end_layer import FrontEndLayer
from birdnet_stm32.model.checkpoints.line_1x.filter_blocks import REACH, SMOOTHING_TAPS, STEP, Folding
from birdnet_stm32.model.checkpoints.line_1x.layer_settings import LayerSettings, Magnitude
from birdnet_stm32.model.checkpoints.line_1x.spectrogram_front_end import levels

PHASES = 2
SMALLER_PHASE = 0.4  # alpha_max adds this part of the smaller absolute value to the greater one

Kernel = NDArray[np.float32]


def build_raw(
    contract: ModelContract, layer: FrontEndLayer, settings: LayerSettings, folding: Folding
) -> keras.Model:
    """Return the front end, from ``[samples, 1]`` to ``[bands, frames, channels]``."""
    spec, name = contract.frontend, layer.name
    bands = spec.num_mels * settings.exposures
    inputs = keras.Input(spec.input_shape, name=layer.input_name)
    x = _folded(inputs, spec.window_samples, folding, name=name)
    x = _filtered(x, PHASES * bands, folding, limited=settings.exposures == 2, name=name)
    x = keras.layers.Reshape((folding.frames, PHASES, bands), name=f"{name}_phases")(x)
    x = _magnitudes(x, settings.magnitude, name=name)
    missing = spec.spec_width + REACH - folding.frames  # frames behind the end of the window count as silence
    x = keras.layers.ZeroPadding2D(((REACH, missing), (0, 0)), name=f"{name}_ends")(x)
    x = _weighted(x, (SMOOTHING_TAPS, x.shape[2]), f"{name}_band_smooth")
    if settings.compresses:
        x = keras.layers.Conv2D(spec.num_mels, 1, use_bias=False, name=f"{name}_exposure_mix")(x)
    x = levels(x, contract, name=name)
    shape = (spec.spec_width, settings.output_channels, spec.num_mels)
    x = keras.layers.Reshape(shape, name=f"{name}_channels")(x)
    return keras.Model(inputs, keras.layers.Permute((3, 1, 2), name=name)(x))


def raw_weights(
    blocks: list[Kernel], smoothing: Kernel, magnitude: Magnitude, *, name: str
) -> dict[str, tuple[Kernel, ...]]:
    """Return the weights of the layers that differ from those of the checkpoint.

    Args:
        blocks: kernel of each block of taps.
        smoothing: kernel of the smoothing as it is stored, ``[1, taps, bands, 1]``.
        magnitude: how phases become levels.
        name: name of the front-end layer.
    """
    over_time = np.moveaxis(smoothing, 1, 0)  # [taps, 1, bands, 1]
    weights = {f"{name}_fb_{number}": (kernel,) for number, kernel in enumerate(blocks)}
    if magnitude is not Magnitude.ALPHA_MAX:
        return {**weights, f"{name}_band_smooth": (np.repeat(over_time, PHASES, axis=1),)}
    bands = over_time.shape[2]
    return {
        **weights,
        f"{name}_excess": (_columns((1.0, -1.0), bands),),
        f"{name}_blend": (_columns((SMALLER_PHASE, 1.0), bands),),
        f"{name}_excess_part": (_columns((1.0 - SMALLER_PHASE,), bands),),
        f"{name}_band_smooth": (over_time,),
    }


def _folded(inputs: Any, samples: int, folding: Folding, *, name: str) -> Any:
    """Return the waveform as ``[batch, steps, 2, block]``, without the samples that no frame reads."""
    x = keras.layers.Reshape((samples, 1, 1), name=f"{name}_samples")(inputs)
    if samples > folding.samples:
        cut = ((0, samples - folding.samples), (0, 0))
        x = keras.layers.Cropping2D(cut, name=f"{name}_whole_steps")(x)
    return keras.layers.Reshape((folding.steps, STEP, folding.block), name=f"{name}_steps")(x)


def _filtered(x: Any, filters: int, folding: Folding, *, limited: bool, name: str) -> Any:
    """Apply the filters block by block and add the results, ``[batch, frames, 1, filters]``."""
    total = None
    for number in range(folding.blocks):
        first, column = divmod(number, STEP)
        cut = ((first, folding.steps - folding.frames - first), (column, STEP - 1 - column))
        part = keras.layers.Cropping2D(cut, name=f"{name}_block_{number}")(x)
        part = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_fb_{number}")(part)
        part = _limited(part, f"{name}_part_{number}") if limited else part
        if total is None:
            total = part
            continue
        total = keras.layers.Add(name=f"{name}_sum_{number}")([total, part])
        total = _limited(total, f"{name}_sum_{number}") if limited else total
    return total


def _limited(x: Any, name: str) -> Any:
    """Limit to [-1, 1]. The converter fuses it into the layer before."""
    return keras.layers.Activation("hard_tanh", name=f"{name}_limit")(x)


def _magnitudes(x: Any, magnitude: Magnitude, *, name: str) -> Any:
    """Return what remains to be added over the phases (columns) and smoothed.

    ``alpha_max`` is computed as ``0.4 a + b + 0.6 relu(a - b)``, with the absolute values ``a`` and ``b``,
    because int8 MAXIMUM and MINIMUM would force one scale on all their tensors. An absolute value is computed
    as ``relu(x) + (relu(x) - x)``, because the NPU computes ABS wrongly.
    """
    rectified = keras.layers.ReLU(name=f"{name}_rectified")(x)
    if magnitude is Magnitude.HALFWAVE:
        return rectified
    negative = keras.layers.Subtract(name=f"{name}_negative")([rectified, x])
    absolute = keras.layers.Add(name=f"{name}_absolute")([rectified, negative])
    if magnitude is Magnitude.L1:
        return absolute
    excess = _weighted(absolute, (1, PHASES), f"{name}_excess")
    excess = keras.layers.ReLU(name=f"{name}_excess_relu")(excess)
    excess = _weighted(excess, (1, 1), f"{name}_excess_part")
    return keras.layers.Add(name=f"{name}_magnitude")(
        [_weighted(absolute, (1, PHASES), f"{name}_blend"), excess]
    )


def _weighted(x: Any, kernel: tuple[int, int], name: str) -> Any:
    return keras.layers.DepthwiseConv2D(kernel, use_bias=False, name=name)(x)


def _columns(factors: tuple[float, ...], bands: int) -> Kernel:
    """Return a depthwise kernel of one row with these factors, the same for all bands."""
    row = np.array(factors, np.float32)[np.newaxis, :, np.newaxis, np.newaxis]
    return np.repeat(row, bands, axis=2)
