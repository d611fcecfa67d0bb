"""Augmentation of waveforms."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.model.training.augment import PCM_PEAK, Augmentation, augment_window


def test_augmentation_shifts_and_fills_the_range() -> None:
    pcm = np.zeros(1_000, np.int16)
    pcm[10] = 50
    moved = augment_window(pcm, None, None, Augmentation(), np.random.default_rng(3))
    assert moved.dtype == np.int16
    assert moved.max() == PCM_PEAK
    assert np.count_nonzero(moved) == 1


@given(st.integers(0, 1_000))
def test_a_mixture_holds_both_at_a_level_in_range(seed: int) -> None:
    one, other = np.zeros(64, np.int16), np.zeros(64, np.int16)
    one[0], other[1:3] = 20, -9_000  # levels do not matter, only their ratio once each has level 1
    mixed = augment_window(one, other, None, Augmentation(), np.random.default_rng(seed)).astype(float)
    positive, negative = mixed.clip(min=0).sum(), -mixed.clip(max=0).sum()
    if np.count_nonzero(mixed) == 3:  # no sample fell on another
        level_db = 20 * np.log10(negative / positive / np.sqrt(2))
        assert -12.1 < level_db < 0.1


@given(st.integers(0, 1_000))
def test_background_is_as_faint_as_it_is_asked_to_be(seed: int) -> None:
    one, behind = np.zeros(64, np.int16), np.zeros(64, np.int16)
    one[0], behind[1:3] = 20, -9_000
    how = Augmentation(background_snr_db=(5, 10))
    mixed = augment_window(one, None, behind, how, np.random.default_rng(seed)).astype(float)
    positive, negative = mixed.clip(min=0).sum(), -mixed.clip(max=0).sum()
    if np.count_nonzero(mixed) == 3:
        assert 4.9 < 20 * np.log10(positive / negative * np.sqrt(2)) < 10.1


def test_silence_stays_silence() -> None:
    silence = np.zeros(100, np.int16)
    assert not augment_window(silence, silence, silence, Augmentation(), np.random.default_rng(0)).any()
