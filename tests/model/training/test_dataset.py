"""Targets, balance and augmentation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training import dataset
from birdnet_stm32.model.training.dataset import BACKGROUND


def test_targets_and_back() -> None:
    targets = dataset.one_hot([1, BACKGROUND, 0], 3)
    np.testing.assert_array_equal(targets, [[0, 1, 0], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(dataset.strongest_class(targets), [1, BACKGROUND, 0])


@pytest.mark.parametrize("wrong", [-2, 3])
def test_a_class_that_is_none_is_refused(wrong: int) -> None:
    with pytest.raises(InputError, match="0 to 2"):
        dataset.one_hot([0, wrong], 3)


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=60), st.integers(1, 200), st.integers(0, 9))
def test_every_class_comes_up_equally_often(classes: list[int], count: int, seed: int) -> None:
    order = dataset.balanced_order(dataset.one_hot(classes, 5), count, np.random.default_rng(seed))
    assert len(order) == count
    _, drawn = np.unique(np.array(classes)[order], return_counts=True)
    share = count / len(set(classes))
    assert all(abs(number - share) < 1 for number in drawn)


def test_a_class_is_gone_through_before_it_repeats() -> None:
    order = dataset.balanced_order(dataset.one_hot([0] * 4 + [1], 2), 8, np.random.default_rng(0))
    assert sorted(order) == [0, 1, 2, 3, 4, 4, 4, 4]


def test_augmentation_shifts_and_fills_the_range() -> None:
    pcm = np.zeros(1_000, np.int16)
    pcm[10] = 50
    moved = dataset.augment_window(pcm, None, np.random.default_rng(3))
    assert moved.dtype == np.int16
    assert moved.max() == dataset.PCM_PEAK
    assert np.count_nonzero(moved) == 1


@given(st.integers(0, 1_000))
def test_a_mixture_holds_both_at_a_level_in_range(seed: int) -> None:
    one, other = np.zeros(64, np.int16), np.zeros(64, np.int16)
    one[0], other[1:3] = 20, -9_000  # levels do not matter, only their ratio once each has level 1
    mixed = dataset.augment_window(one, other, np.random.default_rng(seed)).astype(float)
    positive, negative = mixed.clip(min=0).sum(), -mixed.clip(max=0).sum()
    if np.count_nonzero(mixed) == 3:  # no sample fell on another
        level_db = 20 * np.log10(negative / positive / np.sqrt(2))
        assert -12.1 < level_db < 0.1


def test_silence_stays_silence() -> None:
    silence = np.zeros(100, np.int16)
    assert not dataset.augment_window(silence, silence, np.random.default_rng(0)).any()


def test_batches_are_whole_united_and_reproducible() -> None:
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (10, 64), dtype=np.int16)
    targets = dataset.one_hot([0, 0, 0, 0, 1, 1, 1, -1, -1, -1], 2)

    def epoch(seed: int, mixup: float) -> list[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(seed)
        return list(dataset.training_batches(windows, targets, batch_size=4, mixup=mixup, rng=rng))

    batches = epoch(1, 1.0)
    assert [(pcm.shape, target.shape) for pcm, target in batches] == [((4, 64), (4, 2))] * 3
    assert any(target.sum(axis=1).max() == 2 for _, target in batches)
    assert all(target.sum(axis=1).max() <= 1 for _, target in epoch(1, 0.0))
    assert all(
        np.array_equal(pcm, pcm_again) and np.array_equal(target, target_again)
        for (pcm, target), (pcm_again, target_again) in zip(batches, epoch(1, 1.0), strict=True)
    )
