"""Augmented windows are new, loud and the same for the same seed."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.quant.training.augment import PEAK, augment


def test_windows_are_new_and_repeatable() -> None:
    pcm = (np.random.default_rng(0).normal(size=(3, 2_000)) * 500).astype(np.int16)
    one, other = (augment(pcm, 8, np.random.default_rng(7)) for _ in range(2))
    assert one.dtype == np.int16
    assert one.shape == (8, 2_000)
    assert np.array_equal(one, other)
    assert len(np.unique(one, axis=0)) == 8
    assert (np.abs(one.astype(int)).max(axis=1) == PEAK).all()


def test_silence_stays_silent() -> None:
    assert not augment(np.zeros((2, 100), np.int16), 4, np.random.default_rng(0)).any()
