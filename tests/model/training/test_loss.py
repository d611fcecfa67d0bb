"""The loss leaves out what is unjudged."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from birdnet_stm32.model.training.loss import masked_loss


def test_a_loss_without_anything_unjudged_is_the_usual_one() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (5, 3)).astype(np.float32)
    logits = rng.normal(size=(5, 3)).astype(np.float32)
    usual = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)
    assert float(masked_loss(targets, logits, 0.1)) == pytest.approx(float(usual(targets, logits)), rel=1e-6)


def test_what_is_unjudged_does_not_change_the_loss() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(-1, 2, (6, 4)).astype(np.float32)
    logits = rng.normal(size=(6, 4)).astype(np.float32)
    others = np.where(targets < 0, 30 * rng.normal(size=(6, 4)), logits).astype(np.float32)
    assert float(masked_loss(targets, logits, 0.1)) == float(masked_loss(targets, others, 0.1))
    judged = targets >= 0
    smooth = targets[judged] * 0.9 + 0.05
    expected = np.mean(np.logaddexp(0, logits[judged]) - smooth * logits[judged])
    assert float(masked_loss(targets, logits, 0.1)) == pytest.approx(expected, rel=1e-5)
