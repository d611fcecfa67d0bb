"""The examples of an epoch, as the network is fed them."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.model.training.augment import PCM_PEAK
from birdnet_stm32.model.training.balance import Balance, balanced_order
from birdnet_stm32.model.training.examples import Examples, labelled
from birdnet_stm32.model.training.feed import waveforms
from birdnet_stm32.model.training.targets import classes_of, one_hot


def test_batches_are_whole_united_and_reproducible() -> None:
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (10, 64), dtype=np.int16)
    targets = one_hot([0, 0, 0, 0, 1, 1, 1, -1, -1, -1], 2)

    def epoch(seed: int, mixup: float) -> list[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(seed)
        order = balanced_order(classes_of(targets), 12, rng, Balance())
        batches = waveforms(labelled(windows, targets), order, batch_size=4, mixup=mixup, rng=rng)
        return [(batch.pcm, batch.targets) for batch in batches]

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
    targets, order = one_hot([0] * 10, 1), np.arange(400) % 10
    rng = np.random.default_rng(0)
    batches = waveforms(
        labelled(windows, targets), order, batch_size=4, mixup=0.5, rng=rng, silent_share=0.25
    )
    examples = [
        (np.abs(one).max(), target.sum())
        for batch in batches
        for one, target in zip(batch.pcm, batch.targets, strict=True)
    ]
    silent = [peak for peak, heard in examples if not heard]
    assert 60 < len(silent) < 140
    assert set(silent) == {0, 1}
    assert all(peak == PCM_PEAK for peak, heard in examples if heard)


def test_a_teachers_embedding_stays_with_a_window_that_nothing_was_mixed_into() -> None:
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (40, 64), dtype=np.int16)
    embeddings = np.arange(40, dtype=np.float32)[:, np.newaxis] + np.zeros((1, 3), np.float32)
    examples = Examples(
        windows=windows,
        targets=one_hot([0] * 40, 1),
        classes=np.zeros(40, np.int64),
        embeddings=embeddings,
    )
    found = waveforms(examples, np.arange(40), batch_size=40, mixup=0.5, rng=np.random.default_rng(0))
    [batch] = list(found)
    assert batch.embeddings is not None
    kept = ~np.isnan(batch.embeddings[:, 0])
    assert 5 < kept.sum() < 35
    np.testing.assert_array_equal(batch.embeddings[kept], embeddings[kept])
