"""The DS-CNN: plain depthwise-separable blocks with ReLU6, which keep their accuracy in int8.

In every feature map, rows are time and columns are frequency. A 1x1 convolution turns a time-major
spectrogram ``[1, frames, bins]`` into ``[1, frames, bands]``. Its bytes are already those of ``[frames,
bands, 1]``, so the network needs no TRANSPOSE.
"""

from __future__ import annotations

from typing import Any

import keras

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, InputLayout, MagnitudeScale, ModelContract
from birdnet_stm32.frontend.spectrogram import mel_bank
from birdnet_stm32.model.architecture import blocks, filterbank
from birdnet_stm32.model.architecture.keras_layers import Decibel

STEM_CHANNELS = 16
DROPOUT = 0.3


def build_dscnn(contract: ModelContract, *, seed: int = 0) -> keras.Model:
    """Build an untrained network.

    Args:
        contract: input, scaling, stages, widths, depths and classes.
        seed: seed of the initial weights and of dropout. Equal seeds give equal networks.

    Returns:
        A model from ``[batch, *contract.frontend.input_shape]`` to logits ``[batch, classes]``.

    Raises:
        InputError: a window of the front end ``raw`` is too long, or the front end has a float part.
    """
    spec = contract.frontend
    if spec.mixer is not None:
        raise InputError("a network is built with its mel mixer, which this float front end holds")
    raw = spec.kind is Frontend.RAW
    inputs = keras.Input(spec.input_shape, name="waveform" if raw else "spectrogram")
    x = filterbank.filterbank_bands(inputs, spec) if raw else _bands(inputs, spec)
    if contract.magnitude_scale is MagnitudeScale.PWL:
        x = blocks.piecewise_linear(x, name="pwl")
    elif contract.magnitude_scale is MagnitudeScale.DB:
        x = Decibel(name="decibel")(x)
    frames = filterbank.fold_waveform(spec).frames if raw else spec.spec_width
    x = keras.layers.Reshape((frames, spec.num_mels, 1), name="time_by_mel")(x)
    x = _backbone(x, contract, seed)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(DROPOUT, seed=blocks.layer_seed(seed, "dropout"), name="dropout")(x)
    logits = keras.layers.Dense(
        len(contract.labels),
        kernel_initializer=keras.initializers.GlorotUniform(seed=blocks.layer_seed(seed, "logits")),
        name="logits",
    )(x)
    return keras.Model(inputs, logits, name="dscnn")


def _bands(inputs: Any, spec: FrontendSpec) -> Any:
    """Return the magnitude of each mel band, ``[batch, 1, frames, bands]``, for any layout of the input."""
    x = inputs
    if spec.layout is InputLayout.FREQUENCY_MAJOR:
        x = keras.layers.Permute((3, 2, 1), name="to_time_major")(x)
    elif spec.kind is Frontend.MEL:
        x = keras.layers.Reshape((1, spec.spec_width, spec.num_mels), name="mel_as_channels")(x)
    if spec.kind is Frontend.HYBRID:
        x = blocks.mel_mixer(x, mel_bank(spec), name="mel_mixer")
    return x


def _backbone(x: Any, contract: ModelContract, seed: int) -> Any:
    stem = blocks.make_divisible(STEM_CHANNELS * contract.alpha)
    x = blocks.convolution(x, stem, kernel=3, strides=(2, 1), name="stem", seed=seed)
    stages = contract.architecture
    shapes = zip(stages.stage_widths, stages.stage_depths, stages.depthwise_kernels, strict=True)
    for stage, (channels, repeats, kernel) in enumerate(shapes, start=1):
        width = blocks.make_divisible(channels * contract.alpha)
        for block in range(repeats * contract.depth_multiplier):
            x = blocks.separable(
                x,
                width,
                kernel=kernel,
                stride=2 if block == 0 else 1,
                name=f"stage{stage}_block{block + 1}",
                seed=seed,
            )
    embedding = blocks.make_divisible(contract.embedding_size)
    if embedding != width:
        x = blocks.convolution(x, embedding, kernel=1, name="embedding", seed=seed)
    return x
