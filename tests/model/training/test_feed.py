"""The examples of an epoch, as the network is fed them."""

from __future__ import annotations

from typing import Any

import numpy as np

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.training.augment import PCM_PEAK, Augmentation
from birdnet_stm32.model.training.balance import Balance, balanced_order
from birdnet_stm32.model.training.examples import Examples, labelled
from birdnet_stm32.model.training.feed import EpochFeed, Waveforms, order_generator
from birdnet_stm32.model.training.targets import BACKGROUND, classes_of, one_hot


def made(feed: EpochFeed) -> list[Waveforms]:
    return [feed.waveforms(number) for number in range(len(feed))]


def noise(count: int, samples: int = 64) -> Any:
    return np.random.default_rng(0).integers(-9_000, 9_000, (count, samples), dtype=np.int16)


def test_batches_are_whole_united_and_reproducible() -> None:
    windows, targets = noise(10), one_hot([0, 0, 0, 0, 1, 1, 1, -1, -1, -1], 2)

    def epoch(number: int, mixup: float) -> list[Waveforms]:
        order = balanced_order(classes_of(targets), 12, order_generator(1, number), Balance())
        examples = labelled(windows, targets)
        return made(
            EpochFeed(
                examples=examples,
                order=order,
                seed=1,
                epoch=number,
                batch_size=4,
                augmentation=Augmentation(mixup=mixup),
            )
        )

    batches = epoch(1, 1.0)
    assert [(batch.pcm.shape, batch.targets.shape) for batch in batches] == [((4, 64), (4, 2))] * 3
    assert any(batch.targets.sum(axis=1).max() == 2 for batch in batches)
    assert all(batch.targets.sum(axis=1).max() <= 1 for batch in epoch(1, 0.0))
    for one, again in zip(batches, epoch(1, 1.0), strict=True):
        np.testing.assert_array_equal(one.pcm, again.pcm)
        np.testing.assert_array_equal(one.targets, again.targets)
    assert not np.array_equal(batches[0].pcm, epoch(2, 1.0)[0].pcm)


def test_an_example_is_the_same_whatever_was_made_before() -> None:
    """Batches of another size, made from the last to the first, hold the same examples."""
    examples, order = labelled(noise(12), one_hot([0, 1, BACKGROUND] * 4, 2)), np.arange(12)

    def feed(batch_size: int) -> EpochFeed:
        return EpochFeed(
            examples=examples,
            order=order,
            seed=5,
            epoch=3,
            batch_size=batch_size,
            augmentation=Augmentation(silence=0.2, background=0.5),
        )

    whole = feed(12).waveforms(0)
    parts = [feed(4).waveforms(number) for number in (2, 1, 0)][::-1]
    np.testing.assert_array_equal(whole.pcm, np.concatenate([part.pcm for part in parts]))
    np.testing.assert_array_equal(whole.targets, np.concatenate([part.targets for part in parts]))


def test_silence_takes_the_place_of_a_share_of_the_examples() -> None:
    feed = EpochFeed(
        examples=labelled(noise(10), one_hot([0] * 10, 1)),
        order=np.arange(400) % 10,
        seed=0,
        epoch=1,
        batch_size=4,
        augmentation=Augmentation(silence=0.25),
    )
    examples = [
        (np.abs(one).max(), target.sum())
        for batch in made(feed)
        for one, target in zip(batch.pcm, batch.targets, strict=True)
    ]
    silent = [peak for peak, heard in examples if not heard]
    assert 60 < len(silent) < 140
    assert set(silent) == {0, 1}
    assert all(peak == PCM_PEAK for peak, heard in examples if heard)


def test_a_teachers_embedding_stays_with_a_window_that_nothing_was_mixed_into() -> None:
    embeddings = np.arange(40, dtype=np.float32)[:, np.newaxis] + np.zeros((1, 3), np.float32)
    examples = Examples(
        windows=noise(40),
        targets=one_hot([0] * 40, 1),
        classes=np.zeros(40, np.int64),
        embeddings=embeddings,
    )
    feed = EpochFeed(
        examples=examples, order=np.arange(40), seed=0, epoch=1, batch_size=40, augmentation=Augmentation()
    )
    batch = feed.waveforms(0)
    assert batch.embeddings is not None
    kept = ~np.isnan(batch.embeddings[:, 0])
    assert 5 < kept.sum() < 35
    np.testing.assert_array_equal(batch.embeddings[kept], embeddings[kept])


def test_the_number_of_threads_changes_nothing(contract: ModelContract) -> None:
    examples = labelled(noise(4, contract.frontend.window_samples), one_hot([0, 1, 0, 1], 2))
    feed = EpochFeed(
        examples=examples, order=np.arange(4), seed=0, epoch=1, batch_size=4, augmentation=Augmentation()
    )
    one, several = (feed.batch(0, contract.frontend, threads=threads).inputs for threads in (1, None))
    np.testing.assert_array_equal(one, several)


def test_background_behind_a_window_leaves_what_it_holds() -> None:
    """Of a window and the only window of background, each is one sample; both are in the example."""
    windows = np.zeros((2, 1_000), np.int16)
    windows[0, :2], windows[1, 0] = 9_000, -9_000
    feed = EpochFeed(
        examples=labelled(windows, one_hot([0, BACKGROUND], 1)),
        order=np.zeros(8, np.int64),
        seed=0,
        epoch=1,
        batch_size=8,
        augmentation=Augmentation(mixup=0, background=1),
    )
    [batch] = made(feed)
    assert batch.targets.tolist() == [[1]] * 8
    assert (batch.pcm.min(axis=1) < -500).all()
    assert (batch.pcm.max(axis=1) > 500).all()
