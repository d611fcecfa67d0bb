"""Begin a training with a trained network: its linear probe, and the students that learn on from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.windows.window_positions import spread_positions
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.start.depth import Learn
from birdnet_stm32.model.start.embeddings import embed
from birdnet_stm32.model.start.head import Head, known_classes
from birdnet_stm32.model.start.linear_probe import SMOOTHING, Probe, fit_head, linear_probe
from birdnet_stm32.model.start.start_from import Start, start_from
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.history import StartReport
from birdnet_stm32.model.training.judge import Judge
from birdnet_stm32.model.training.student import Student

Floats = NDArray[np.float32]
MOST_PROBED = 100_000  # windows of training whose embeddings are in memory at a time


@dataclass(frozen=True, kw_only=True)
class StartSettings:
    """How a training goes on from a trained network.

    Args:
        learn: which layers learn.
        backbone_rate: factor of the learning rate from one stage to the stage before it.
        probe: whether the head is that of a linear probe.
        label_smoothing: moves the targets of the probe towards 0.5.
        seed: seed of random weights and of dropout.
    """

    learn: Learn = "all"
    backbone_rate: float = 1.0
    probe: bool = True
    label_smoothing: float = SMOOTHING
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Beginning:
    """A training that begins with a trained network.

    Args:
        start: the trained network.
        labels: the classes of the student.
        settings: how the training goes on.
        head: the head of the student; None for that of ``start``, with random weights for new classes.
        refit_head: the same, fitted to validation windows too.
        report: what the history of the training says of it.
    """

    start: Start
    labels: tuple[str, ...]
    settings: StartSettings
    head: Head | None
    refit_head: Head | None
    report: StartReport

    def student(self) -> Student:
        """Return the network as it is before the first step. Every call gives an equal one."""
        return self._student(self.head)

    def refit_student(self) -> Student:
        """Return the network of a training on the validation windows too."""
        return self._student(self.refit_head)

    @property
    def sentence(self) -> str:
        """How good the linear probe is; empty without one."""
        if not self.report.probe_scores:
            return ""
        best = max(self.report.probe_scores)
        if self.report.probe_chosen_by == "cmap":
            return f"linear probe: cMAP {best:.3f} over validation recordings"
        return f"linear probe: loss {-best:.3f} over validation windows"

    def _student(self, head: Head | None) -> Student:
        how = self.settings
        return start_from(
            self.start,
            self.labels,
            learn=how.learn,
            backbone_rate=how.backbone_rate,
            head=head,
            seed=how.seed,
        )


def begin(
    start: Start,
    labels: tuple[str, ...],
    settings: StartSettings,
    training: Examples,
    validation: Examples,
    *,
    judge: Judge | None,
    digest: str,
    refit: NDArray[np.bool_] | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Beginning:
    """Fit the linear probe, if there is to be one, and say how the training begins.

    Args:
        start: the trained network.
        labels: the classes of the student.
        settings: how the training goes on.
        training: the windows that are learned from.
        validation: windows of other recordings; they choose the strength of the probe's regularisation.
        judge: judges the validation recordings; without one, the loss of their windows does.
        digest: SHA-256 of the file of the trained network.
        refit: the validation windows that are learned from in the end, bool ``[validation windows]``; None if
            none are.
        report: called with the number of windows that are embedded, and of all.

    Raises:
        InputError: there is nothing to tell a class from.
    """
    known = known_classes(labels, start.contract.labels)
    described = StartReport(model=digest, learn=settings.learn, known_classes=tuple(sorted(known)))
    if not settings.probe:
        return Beginning(
            start=start, labels=labels, settings=settings, head=None, refit_head=None, report=described
        )
    total = min(len(training), MOST_PROBED) + len(validation)
    learned = _embedded(start, training, MOST_PROBED, lambda done: report(done, total))
    count = len(validation)
    chosen_by = _embedded(start, validation, count, lambda done: report(total - count + done, total))
    judged = _judge_of(start, chosen_by, judge)
    probe = linear_probe(
        learned.embeddings, learned.targets, labels, judge=judged, label_smoothing=settings.label_smoothing
    )
    return Beginning(
        start=start,
        labels=labels,
        settings=settings,
        head=probe.head,
        refit_head=None
        if refit is None
        else _fit_to_both(learned, chosen_by, refit, probe, settings.label_smoothing),
        report=StartReport(
            model=digest,
            learn=settings.learn,
            known_classes=tuple(sorted(known)),
            probe_strength=probe.strength,
            probe_chosen_by="loss" if judge is None else "cmap",
            probe_strengths=tuple(strength for strength, _ in probe.scores),
            probe_scores=tuple(score for _, score in probe.scores),
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Embedded:
    """Embeddings of windows, float32 ``[n, dimensions]``, and targets, float32 ``[n, classes]``."""

    embeddings: Floats
    targets: Floats


def _embedded(start: Start, examples: Examples, most: int, report: Callable[[int], None]) -> _Embedded:
    """Compute embeddings of all windows, or of ``most`` that are evenly spread."""
    positions = spread_positions(len(examples), most)
    found = embed(
        start.model,
        examples.windows,
        start.contract.frontend,
        positions=positions,
        report=lambda done, _: report(done),
    )
    return _Embedded(embeddings=found, targets=np.asarray(examples.targets[positions], np.float32))


def _judge_of(start: Start, validation: _Embedded, judge: Judge | None) -> Callable[[Head], float]:
    """Return the function that judges a head: by recordings or, where there is no judge, by the loss."""

    def judged(head: Head) -> float:
        logits = head.logits(validation.embeddings)
        if judge is None:
            heard = validation.targets >= 0
            return -float(np.mean((np.logaddexp(0, logits) - validation.targets * logits)[heard]))
        pooled = judge.empty(len(head.labels))
        found = probabilities(logits, start.contract_for(head.labels))
        judge.hear(pooled, slice(0, len(found)), found)
        return judge.measure(pooled)

    return judged


def _fit_to_both(
    training: _Embedded,
    validation: _Embedded,
    learnable: NDArray[np.bool_],
    probe: Probe,
    label_smoothing: float,
) -> Head:
    return fit_head(
        np.concatenate([training.embeddings, validation.embeddings[learnable]]),
        np.concatenate([training.targets, validation.targets[learnable]]),
        probe.head.labels,
        strength=probe.strength,
        label_smoothing=label_smoothing,
    )
