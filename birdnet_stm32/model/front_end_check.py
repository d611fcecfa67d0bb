"""Check whether a checkpoint was trained with the front end that its configuration describes, without labels.

The shapes of a network do not show the compression, or the layout of a square input. Its answers to real
windows do: with the features of its training, it distinguishes them; with other features, its answers are
fainter and more alike. The measure is the information that an answer holds about its window, in nats: how far
the classes' shares in one window are from their mean over all windows. On 150 real windows, the published 0.9
checkpoint gives 0.90 with the features of its training, 0.61 with a square root, 0.34 with a logarithm, and
0.37 with frequency and time exchanged.

This is a strong hint but no proof. It therefore warns and never refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.frontend.contract import Compression, Frontend, FrontendSpec, ModelContract
from birdnet_stm32.model.probabilities import probabilities

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float32]

MOST_WINDOWS = 100
FEWEST_WINDOWS = 32  # with fewer windows, nothing can be said
MARGIN = 1.05  # answers with another front end must hold more information by this factor
LEAST_NATS = 0.05  # a network that distinguishes nothing says nothing about its features
_STANDARD_ERRORS = 3.0
_FLOOR = 1e-9


def alternative_front_ends(spec: FrontendSpec) -> dict[str, FrontendSpec]:
    """Return the front ends that the network's shapes also allow, by the line that configures them."""
    if spec.kind is Frontend.RAW:
        return {}
    others = {
        f'"input_compression": "{compression}"': replace(spec, compression=compression)
        for compression in Compression
        if compression is not spec.compression
    }
    turned = replace(spec, layout=spec.layout.transposed)
    if turned.input_shape == spec.input_shape:
        others[f'"input_layout": "{turned.layout}"'] = turned
    return others


def information_nats(scores: Floats) -> NDArray[np.float64]:
    """Return the information that each answer holds about its window, in nats.

    Args:
        scores: probabilities, float32 ``[windows, classes]`` in [0, 1].

    Returns:
        float64 ``[windows]``: the Kullback-Leibler divergence of the classes' shares from their mean over the
        windows.
    """
    shares = np.maximum(scores.astype(np.float64), _FLOOR)
    shares /= shares.sum(axis=1, keepdims=True)
    divergence: NDArray[np.float64] = (shares * np.log(shares / shares.mean(axis=0))).sum(axis=1)
    return divergence


def front_end_warnings(
    spec: FrontendSpec, windows: NDArray[np.int16], score: Callable[[FrontendSpec, NDArray[np.int16]], Floats]
) -> tuple[str, ...]:
    """Return a warning if the network distinguishes windows better with another front end.

    Args:
        spec: the configured front end.
        windows: int16 ``[n, samples]``, of real recordings; at most ``MOST_WINDOWS`` of them are used, evenly
            spread.
        score: returns the network's probabilities ``[n, classes]`` for a front end and windows.
    """
    others = alternative_front_ends(spec)
    if len(windows) < FEWEST_WINDOWS or not others:
        return ()
    chosen = np.linspace(0, len(windows) - 1, min(len(windows), MOST_WINDOWS)).round().astype(np.int64)
    sample = np.asarray(windows[np.unique(chosen)])
    configured = information_nats(score(spec, sample))
    found = {name: information_nats(score(other, sample)) for name, other in others.items()}
    better = {name: values for name, values in found.items() if _is_better(values, configured)}
    if not better:
        return ()
    name = max(better, key=lambda one: float(better[one].mean()))
    return (_sentence(name, better, configured),)


def checkpoint_warnings(
    model: keras.Model, contract: ModelContract, windows: NDArray[np.int16]
) -> tuple[str, ...]:
    """Return what :func:`front_end_warnings` finds for a checkpoint and its own configuration."""
    from birdnet_stm32.model.training.predict import predict

    def score(spec: FrontendSpec, sample: NDArray[np.int16]) -> Floats:
        fed = replace(contract, frontend=spec)
        return probabilities(predict(model, sample, fed), fed)

    return front_end_warnings(contract.frontend, windows, score)


def _is_better(other: NDArray[np.float64], configured: NDArray[np.float64]) -> bool:
    gained = other - MARGIN * configured
    error = float(gained.std(ddof=1)) / len(gained) ** 0.5
    return float(other.mean()) >= LEAST_NATS and float(gained.mean()) > _STANDARD_ERRORS * error


def _sentence(name: str, better: Mapping[str, NDArray[np.float64]], configured: NDArray[np.float64]) -> str:
    return (
        f"The checkpoint distinguishes {len(configured)} windows better with {name} in its configuration: "
        f"its answers then hold {better[name].mean():.2f} nats, and {configured.mean():.2f} as configured. "
        "Ask who trained it; with a wrong configuration, the results are wrong without an error."
    )
