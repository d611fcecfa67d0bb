"""The front end ``raw``: a learned filter bank on the waveform, in shapes that the NPU computes correctly.

A filter covers four blocks of samples and moves by two blocks for each frame. As one convolution, it would
have a stride of hundreds, and the NPU was seen to compute convolutions of more than 112 taps wrongly. The
waveform is therefore folded: each block becomes the channels of one position. Four partial convolutions, each
over one block of the filters, then step by two positions, and their results are added.

The magnitude of a band is the sum of its rectified phases: the initial filters are the cosine, the sine, and
both with the opposite sign. This needs neither ABS nor NEG, which the NPU lacks or computes wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.config.variant import MAX_RAW_SAMPLES
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.model.architecture.blocks import BATCH_NORM_MOMENTUM

MAX_TAPS = 112
BLOCKS = 4  # of one filter
STRIDE = 2  # blocks from one frame to the next
PHASES = 4


@dataclass(frozen=True, kw_only=True)
class Fold:
    """How a waveform is divided into blocks.

    Args:
        block: samples in a block, at most ``MAX_TAPS``.
        rows: blocks in a window; the last block is padded with zeros.
        frames: positions of the filters. The first position ends with the first block, the last one holds the
            last block.
    """

    block: int
    rows: int
    frames: int


def fold_waveform(spec: FrontendSpec) -> Fold:
    """Choose the blocks so that there are about ``spec.spec_width`` frames; more if blocks would be too long.

    Blocks of a multiple of 8 samples suit the NPU. Other sizes are used if those would exceed its 16 bits.

    Args:
        spec: the model's front end.

    Raises:
        InputError: the window is too long.
    """
    samples = spec.window_samples
    if samples > MAX_RAW_SAMPLES:
        raise InputError(
            f"a window has {samples} samples",
            where="front end raw",
            expected=f"at most {MAX_RAW_SAMPLES}: the NPU counts a dimension in 16 bits",
            remedy=("a shorter window", "a lower sample rate", "the front end hybrid"),
        )
    wanted = -(-samples // (STRIDE * spec.spec_width))
    longest = min(MAX_TAPS, -(-wanted // 8) * 8)
    block = next(size for size in range(longest, 0, -1) if -(-samples // size) * size <= MAX_RAW_SAMPLES)
    rows = -(-samples // block)
    return Fold(block=block, rows=rows, frames=-(-(rows + BLOCKS - 1) // STRIDE))


def filterbank_bands(x: Any, spec: FrontendSpec) -> Any:
    """Filter a waveform and return the level of each band.

    Args:
        x: ``[batch, samples, 1]`` in [-1, 1].
        spec: sample rate, length of the window and number of bands.

    Returns:
        ``[batch, frames, 1, bands]`` in [0, 6].
    """
    shape = fold_waveform(spec)
    x = keras.layers.Reshape((spec.window_samples, 1, 1), name="samples_as_rows")(x)
    missing = shape.rows * shape.block - spec.window_samples
    if missing:
        x = keras.layers.ZeroPadding2D(((0, missing), (0, 0)), name="last_block_pad")(x)
    x = keras.layers.Reshape((shape.rows, 1, shape.block), name="blocks")(x)
    kernels = initial_filters(spec).reshape(BLOCKS, 1, 1, shape.block, PHASES * spec.num_mels)
    total = None
    for number, kernel in enumerate(kernels):
        partial = _partial(x, kernel, shape, blocks_before=BLOCKS - 1 - number, name=f"filters{number}")
        total = partial if total is None else keras.layers.Add(name=f"filters_add{number}")([total, partial])
    phases = keras.layers.ReLU(name="phases_relu")(total)
    mixer = keras.layers.Conv2D(spec.num_mels, 1, use_bias=False, name="bands")
    levels = mixer(phases)
    mixer.set_weights([np.tile(np.eye(spec.num_mels, dtype=np.float32), (PHASES, 1))[np.newaxis, np.newaxis]])
    # Brings loud and quiet bands to one level, with the mean at 1, so that ReLU6 also keeps values below it.
    levels = keras.layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM, beta_initializer="ones", name="bands_bn"
    )(levels)
    return keras.layers.ReLU(max_value=6.0, name="bands_relu")(levels)


def _partial(x: Any, kernel: NDArray[np.float32], shape: Fold, *, blocks_before: int, name: str) -> Any:
    """Apply one block of every filter, ``blocks_before`` the last one, to ``[batch, rows, 1, block]``.

    A shift by blocks is a padding, so that the graph needs no slices. The reshape does not change any bytes.
    Without it, a 1x1 convolution with a stride over rows directly after a padding makes TensorFlow 2.21
    overrun its memory.
    """
    after = STRIDE * shape.frames - shape.rows - blocks_before
    x = keras.layers.ZeroPadding2D(((blocks_before, after), (0, 0)), name=f"{name}_pad")(x)
    x = keras.layers.Reshape((shape.frames, STRIDE, shape.block), name=f"{name}_steps")(x)
    layer = keras.layers.Conv2D(kernel.shape[-1], 1, strides=(1, STRIDE), use_bias=False, name=name)
    filtered = layer(x)
    layer.set_weights([kernel])
    return filtered


def initial_filters(spec: FrontendSpec) -> NDArray[np.float32]:
    """Return the filters that a training starts from.

    Their centre frequencies are spaced on the mel scale. Each has a Hann window of one to two hops; wider
    bands have shorter windows. The gain rises with frequency, because the level of outdoor recordings falls
    with it: all bands share one int8 scale, and loud low bands would leave only few codes to the others.

    Args:
        spec: the model's front end.

    Returns:
        float32 ``[taps, phases * bands]``.
    """
    from librosa import mel_frequencies  # takes a second, and only this front end needs it

    shape = fold_waveform(spec)
    taps = BLOCKS * shape.block
    edges_hz = mel_frequencies(spec.num_mels + 2, fmin=spec.fmin_hz, fmax=spec.fmax_hz)
    centres_hz = edges_hz[1:-1]
    widths = np.clip(2 * spec.sample_rate_hz / (edges_hz[2:] - edges_hz[:-2]), taps / 2, taps)
    offsets = (np.arange(taps) - (taps - 1) / 2)[:, np.newaxis]
    window = np.where(np.abs(offsets) < widths / 2, 0.5 + 0.5 * np.cos(2 * np.pi * offsets / widths), 0.0)
    gain = centres_hz / centres_hz.max()
    angle = 2 * np.pi * offsets * centres_hz / spec.sample_rate_hz
    phases = [np.cos(angle), np.sin(angle), -np.cos(angle), -np.sin(angle)]
    filters = np.concatenate([gain * window / window.sum(axis=0) * phase for phase in phases], axis=1)
    return np.asarray(filters, np.float32)
