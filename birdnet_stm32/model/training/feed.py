"""Feed a training: the examples of an epoch in their order, augmented, as the network is fed them.

One generator makes all random choices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.training.augment import Pcm, augment_window, silence
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.targets import Floats, Indices, unite_targets


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


def feed(
    examples: Examples,
    order: Indices,
    spec: FrontendSpec,
    *,
    batch_size: int,
    mixup: float,
    rng: np.random.Generator,
    silent_share: float = 0.0,
) -> Iterator[Batch]:
    """Yield augmented examples as the network is fed them, in batches of equal size.

    Args:
        examples: the windows and what they hold.
        order: the examples of an epoch, int64 ``[k]``, k divisible by ``batch_size``.
        spec: the front end.
        batch_size: number of examples in a batch.
        mixup: probability that another window is mixed in. Both can be heard, so the targets are united.
        rng: source of all random choices.
        silent_share: share of the examples that silence takes the place of.
    """
    for batch in waveforms(
        examples, order, batch_size=batch_size, mixup=mixup, rng=rng, silent_share=silent_share
    ):
        yield Batch(inputs=features(batch.pcm, spec), targets=batch.targets, embeddings=batch.embeddings)


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


def waveforms(
    examples: Examples,
    order: Indices,
    *,
    batch_size: int,
    mixup: float,
    rng: np.random.Generator,
    silent_share: float = 0.0,
) -> Iterator[Waveforms]:
    """Yield augmented examples before the front end; the arguments are those of :func:`feed`."""
    windows, targets = examples.windows, examples.targets
    partners = np.where(rng.random(len(order)) < mixup, rng.permutation(order), order)
    silent = rng.random(len(order)) < silent_share if silent_share else np.zeros(len(order), bool)
    for start in range(0, len(order), batch_size):
        inside = slice(start, start + batch_size)
        pairs = zip(order[inside].tolist(), partners[inside].tolist(), silent[inside].tolist(), strict=True)
        pcm = [
            silence(windows.shape[1], rng)
            if is_silent
            else augment_window(windows[one], windows[other] if other != one else None, rng)
            for one, other, is_silent in pairs
        ]
        united = unite_targets(targets[order[inside]], targets[partners[inside]])
        united[silent[inside]] = 0
        embeddings = None
        if examples.embeddings is not None:
            embeddings = np.array(examples.embeddings[order[inside]], np.float32)
            embeddings[silent[inside] | (partners[inside] != order[inside])] = np.nan
        yield Waveforms(pcm=np.stack(pcm), targets=united, embeddings=embeddings)
