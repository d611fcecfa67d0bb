"""Quantize a network that has learned nothing: its sizes and its cost are those of a trained one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.architecture.dscnn import build_dscnn
from birdnet_stm32.quant.convert import convert

_LOUDNESS = 20_000  # of the noise, of 32,768


@dataclass(frozen=True, kw_only=True, eq=False)
class UntrainedModel:
    """An int8 network with random weights.

    Args:
        tflite: the network.
        parameters: number of values that a training could store: weights, and statistics of normalisations.
        noise: the windows that set its ranges, int16 ``[windows, samples]``.
    """

    tflite: bytes
    parameters: int
    noise: NDArray[np.int16]


def untrained_model(contract: ModelContract, *, windows: int = 2, seed: int = 0) -> UntrainedModel:
    """Build a network with random weights and quantize it over windows of noise.

    Args:
        contract: the network.
        windows: number of windows of noise.
        seed: seed of the weights and of the noise.
    """
    model = build_dscnn(contract, seed=seed)
    shape = (windows, contract.frontend.window_samples)
    noise = np.random.default_rng(seed).integers(-_LOUDNESS, _LOUDNESS, shape).astype(np.int16)
    tflite = convert(model, features(noise, contract.frontend))
    return UntrainedModel(tflite=tflite, parameters=model.count_params(), noise=noise)
