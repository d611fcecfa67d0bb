"""Feed a training: the examples of an epoch in their order, augmented, as the network is fed them.

Every example makes its random choices with a generator of its own, which follows from the seed, the epoch and
the example's place in it. So it does not matter who makes a batch, when, and what was made before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.training.augment import Augmentation, Pcm, augment_window, silence
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.targets import BACKGROUND, Floats, Indices, unite_targets


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """The examples of one training step.

    Args:
        inputs: what the network is fed, float32 ``[n, *input_shape]``.
        targets: float32 ``[n, classes]``.
        embeddings: of a teacher, float32 ``[n, dimensions]``; NaN where there is none, as in a mixture.
            None without a teacher.
    """

    inputs: Floats
    targets: Floats
    embeddings: Floats | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Waveforms:
    """The augmented waveforms of one training step; see :class:`Batch`.

    Args:
        pcm: int16 ``[n, samples]``.
        targets: float32 ``[n, classes]``.
        embeddings: float32 ``[n, dimensions]``, or None.
    """

    pcm: Pcm
    targets: Floats
    embeddings: Floats | None


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochFeed:
    """The batches of one epoch; each can be made alone, and by any thread.

    Args:
        examples: the windows and what they hold.
        order: the examples of the epoch, int64 ``[k]``, k divisible by ``batch_size``.
        seed: seed of the training.
        epoch: number of the epoch, from 1.
        batch_size: number of examples in a batch.
        augmentation: how the windows are changed.
    """

    examples: Examples
    order: Indices
    seed: int
    epoch: int
    batch_size: int
    augmentation: Augmentation

    def __len__(self) -> int:
        return len(self.order) // self.batch_size

    @cached_property
    def background(self) -> Indices:
        """The windows that hold background, int64 ``[k]``."""
        return np.flatnonzero(self.examples.classes == BACKGROUND)

    def batch(self, number: int, spec: FrontendSpec, *, threads: int | None = None) -> Batch:
        """Return a batch as the network is fed it.

        Args:
            number: number of the batch, from 0.
            spec: the front end.
            threads: number of threads that compute its features; None for one for each core.
        """
        made = self.waveforms(number)
        inputs = features(made.pcm, spec, threads=threads)
        return Batch(inputs=inputs, targets=made.targets, embeddings=made.embeddings)

    def waveforms(self, number: int) -> Waveforms:
        """Return a batch before the front end."""
        places = range(number * self.batch_size, (number + 1) * self.batch_size)
        made = [self._example(place) for place in places]
        embeddings = None
        if self.examples.embeddings is not None:
            embeddings = np.array(
                self.examples.embeddings[self.order[places.start : places.stop]], np.float32
            )
            embeddings[[not pure for _, _, pure in made]] = np.nan
        return Waveforms(
            pcm=np.stack([pcm for pcm, _, _ in made]),
            targets=np.stack([targets for _, targets, _ in made]),
            embeddings=embeddings,
        )

    def _example(self, place: int) -> tuple[Pcm, Floats, bool]:
        """Return a waveform, its targets, and whether it holds its own window and nothing else."""
        windows, targets, how = self.examples.windows, self.examples.targets, self.augmentation
        rng = generator_of(self.seed, self.epoch, place)
        one = int(self.order[place])
        if rng.random() < how.silence:
            return silence(windows.shape[1], rng), np.zeros(targets.shape[1], np.float32), False
        other = int(self.order[rng.integers(len(self.order))]) if rng.random() < how.mixup else one
        behind = None
        if rng.random() < how.background and len(self.background):
            behind = windows[int(rng.choice(self.background))]
        partner = None if other == one else windows[other]
        held = targets[[one]] if other == one else unite_targets(targets[[one]], targets[[other]])
        pure = partner is None and behind is None
        return augment_window(windows[one], partner, behind, how, rng), held[0], pure


def generator_of(seed: int, epoch: int, place: int) -> np.random.Generator:
    """Return the generator of all random choices for one example of an epoch, independent of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch, place)))


def order_generator(seed: int, epoch: int) -> np.random.Generator:
    """Return the generator of the order of an epoch."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
