"""Measure a network on windows that it does not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.inputs import Inputs
from birdnet_stm32.model.training.judge import Judge
from birdnet_stm32.model.training.loss import masked_loss
from birdnet_stm32.model.training.predict import predict_part
from birdnet_stm32.model.training.targets import strongest_class

PART = 4_096  # windows whose outputs are in memory at a time


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How a network does on validation windows.

    Args:
        loss: mean binary cross-entropy; NaN if an output is not a number.
        accuracy: share of the windows whose strongest class is the right one.
        score: that of the judge; None without one.
    """

    loss: float
    accuracy: float
    score: float | None = None


def validate(
    model: keras.Model,
    examples: Examples,
    inputs: Inputs,
    contract: ModelContract,
    label_smoothing: float,
    judge: Judge | None = None,
) -> Measured:
    """Measure a network, a part of the windows at a time.

    Args:
        model: the network; its outputs are logits.
        examples: windows that it does not learn from.
        inputs: their features.
        contract: what it is fed.
        label_smoothing: that of the training.
        judge: judges the windows by their recordings.

    Raises:
        InputError: nothing is judged in any window.
    """
    targets = examples.targets
    losses, judged_counts, right = [], [], 0
    pooled = judge.empty(len(contract.labels)) if judge else None
    for start in range(0, len(inputs), PART):
        inside = slice(start, min(start + PART, len(inputs)))
        logits, wanted = predict_part(model, inputs, inside), targets[inside]
        if not np.isfinite(logits).all():
            return Measured(loss=float("nan"), accuracy=0.0)
        judged = wanted >= 0
        losses.append(float(masked_loss(wanted, logits, label_smoothing)))
        judged_counts.append(int(judged.sum()))
        found = probabilities(logits, contract)
        if judge is not None and pooled is not None:
            judge.hear(pooled, inside, found)
        heard = np.where(judged, found, 0)
        right += int(np.sum(strongest_class(heard) == strongest_class(wanted)))
    if not sum(judged_counts):
        raise InputError("no class of any validation window is judged", where="train")
    return Measured(
        loss=float(np.average(losses, weights=judged_counts)),
        accuracy=float(right / len(inputs)),
        score=judge.measure(pooled) if judge is not None and pooled is not None else None,
    )
