"""Targets and augmentation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training import dataset
from birdnet_stm32.model.training.balance import Balance, balanced_order
from birdnet_stm32.model.training.dataset import BACKGROUND


def test_targets_and_back() -> None:
    targets = dataset.one_hot([1, BACKGROUND, 0], 3)
    np.testing.assert_array_equal(targets, [[0, 1, 0], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(dataset.strongest_class(targets), [1, BACKGROUND, 0])


@pytest.mark.parametrize("wrong", [-2, 3])
def test_a_class_that_is_none_is_refused(wrong: int) -> None:
    with pytest.raises(InputError, match="0 to 2"):
        dataset.one_hot([0, wrong], 3)


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
        order = balanced_order(dataset.classes_of(targets), 12, rng, Balance())
        return list(dataset.training_batches(windows, targets, order, batch_size=4, mixup=mixup, rng=rng))

    batches = epoch(1, 1.0)
    assert [(pcm.shape, target.shape) for pcm, target in batches] == [((4, 64), (4, 2))] * 3
    assert any(target.sum(axis=1).max() == 2 for _, target in batches)
    assert all(target.sum(axis=1).max() <= 1 for _, target in epoch(1, 0.0))
    assert all(
        np.array_equal(pcm, pcm_again) and np.array_equal(target, target_again)
        for (pcm, target), (pcm_again, target_again) in zip(batches, epoch(1, 1.0), strict=True)
    )


def test_silence_takes_the_place_of_a_share_of_the_examples() -> None:
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (10, 64), dtype=np.int16)
    targets, order = dataset.one_hot([0] * 10, 1), np.arange(400) % 10
    rng = np.random.default_rng(0)
    batches = dataset.training_batches(
        windows, targets, order, batch_size=4, mixup=0.5, rng=rng, silence=0.25
    )
    examples = [
        (np.abs(one).max(), target.sum())
        for pcm, held in batches
        for one, target in zip(pcm, held, strict=True)
    ]
    silent = [peak for peak, heard in examples if not heard]
    assert 60 < len(silent) < 140
    assert set(silent) == {0, 1}
    assert all(peak == dataset.PCM_PEAK for peak, heard in examples if heard)


CODES = st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=20)


@given(st.data())
def test_what_is_heard_in_a_mixture_is_what_is_heard_in_one_of_its_windows(data: st.DataObject) -> None:
    one = np.array([data.draw(CODES)], np.float32)
    other = np.array([data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=one.size, max_size=one.size))])
    united = dataset.unite_targets(one, other.astype(np.float32))
    for first, second, both in zip(one[0], other[0], united[0], strict=True):
        assert both == (1 if 1 in (first, second) else -1 if -1 in (first, second) else 0)
