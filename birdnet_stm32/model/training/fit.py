"""Train a network from windows and their targets. On one machine, the same seed gives the same weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.training.best_epoch import SelectedBy, best_of, is_better
from birdnet_stm32.model.training.course import Course, OnStep
from birdnet_stm32.model.training.course import Make as Make
from birdnet_stm32.model.training.devices import plain_copy
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.fit_settings import FitSettings as FitSettings
from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.inputs import Inputs
from birdnet_stm32.model.training.judge import Judge
from birdnet_stm32.model.training.kept_state import Keeping
from birdnet_stm32.model.training.speed import Speed
from birdnet_stm32.model.training.targets import classes_of
from birdnet_stm32.model.training.validate import validate

KEPT_BYTES = 2**28  # of the features of validation windows, a thousand of the usual size


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained network with the weights of its best epoch.

    Args:
        model: the network; its outputs are logits.
        history: all epochs in order.
        best_epoch: number of the best epoch.
        selected_by: what it was chosen by.
        constant_accuracy: share of the validation windows for which the most frequent answer is right.
        speeds: how long each epoch took.
    """

    model: keras.Model
    history: tuple[EpochReport, ...]
    best_epoch: int
    selected_by: SelectedBy
    constant_accuracy: float
    speeds: tuple[Speed, ...]

    @property
    def best(self) -> EpochReport:
        """The best epoch's numbers."""
        return self.history[self.best_epoch - 1]

    @property
    def sentence(self) -> str:
        """How good the best epoch is, and what a network that does not listen would reach."""
        cmap = self.best.validation_cmap
        ranked = "" if cmap is None else f"cMAP {cmap:.3f} over validation recordings, "
        return (
            f"best epoch {self.best_epoch}: {ranked}"
            f"{100 * self.best.validation_accuracy:.0f}% of validation windows "
            f"right (always the same answer: {100 * self.constant_accuracy:.0f}%)"
        )


@dataclass(frozen=True, kw_only=True)
class Refitted:
    """A network that was trained on all recordings but those of the test split.

    Args:
        model: the network; its outputs are logits.
        losses: mean loss of each epoch.
    """

    model: keras.Model
    losses: tuple[float, ...]


def train(
    make: Make,
    contract: ModelContract,
    training: Examples,
    validation: Examples,
    settings: FitSettings,
    on_epoch: Callable[[EpochReport, Speed], None] = lambda report, speed: None,
    *,
    judge: Judge | None = None,
    on_step: OnStep = lambda done, total: None,
    keeping: Keeping | None = None,
) -> Trained:
    """Train a network.

    Args:
        make: makes the network.
        contract: what it is fed, and its classes.
        training: what it learns from.
        validation: windows of other recordings.
        settings: how to train.
        on_epoch: called after each epoch with its measures, and with how long it took.
        judge: judges the validation recordings; None if they cannot be judged.
        on_step: called after each step.
        keeping: where the state of the training is kept. A training that was stopped goes on from there, and
            ends with the same weights. None to keep nothing.

    Returns:
        The network with the weights of its best epoch, and the history of the training.

    Raises:
        InputError: a set is empty, or does not fit the contract; or a device is not there.
        GateError: the loss is no longer a number.
        StoppedError: a user has stopped the training by Ctrl-C.
    """
    _check_set("training", training, contract)
    _check_set("validation", validation, contract)
    by = settings.select_epoch if judge else SelectedBy.LOSS
    course = Course(make, contract, training, settings, keeping, f"training by {by}")
    inputs = Inputs(validation.windows, contract.frontend, kept_bytes=KEPT_BYTES)
    best = best_of(course.history, by) if course.history else None
    with course.stoppable(on_step):
        while course.finished < settings.epochs and not _out_of_patience(course.history, best, settings):
            losses = course.run_epoch()
            with course.averaged():
                measured = validate(
                    course.model, validation, inputs, contract, settings.label_smoothing, judge
                )
            _check_finite(losses, measured.loss, course.finished + 1, settings)
            report = EpochReport(
                epoch=course.finished + 1,
                learning_rate=course.learning_rate,
                loss=float(np.mean(losses)),
                validation_loss=measured.loss,
                validation_accuracy=measured.accuracy,
                validation_cmap=measured.score,
            )
            if best is None or is_better(report, best, by):
                best, course.best = report, course.weights
            course.finish_epoch(report)
            on_epoch(report, course.speeds[-1])
    course.model.set_weights(course.best)
    _, counts = np.unique(classes_of(validation.targets), return_counts=True)
    return Trained(
        model=plain_copy(course.model),
        history=tuple(course.history),
        best_epoch=best.epoch if best else 0,
        selected_by=by,
        constant_accuracy=float(counts.max() / counts.sum()),
        speeds=tuple(course.speeds),
    )


def refit(
    make: Make,
    contract: ModelContract,
    examples: Examples,
    settings: FitSettings,
    *,
    epochs: int,
    on_epoch: Callable[[int], None] = lambda epoch: None,
    on_step: OnStep = lambda done, total: None,
    keeping: Keeping | None = None,
) -> Refitted:
    """Train a network anew, from the same seed, for a number of epochs that is known to be good.

    The learning rate falls to zero over these epochs: a network that has not had its low rates is worse.

    Args:
        make: makes the network.
        contract: what it is fed, and its classes.
        examples: what was trained on, and what chose the epoch.
        settings: how to train.
        epochs: the number of epochs, at most that of ``settings``.
        on_epoch: called after each epoch with its number.
        on_step: called after each step.
        keeping: where its state is kept, as in :func:`train`.

    Raises:
        InputError: the set is empty, or does not fit the contract.
        GateError: the loss is no longer a number.
        StoppedError: a user has stopped the training by Ctrl-C.
    """
    _check_set("training", examples, contract)
    course = Course(make, contract, examples, replace(settings, epochs=epochs), keeping, "refit")
    with course.stoppable(on_step, epochs):
        while course.finished < epochs:
            losses = course.run_epoch()
            _check_finite(losses, 0.0, course.finished + 1, settings)
            course.finish_epoch()
            on_epoch(course.finished)
    course.model.set_weights(course.weights)
    return Refitted(model=plain_copy(course.model), losses=tuple(course.means))


def _out_of_patience(history: Sequence[EpochReport], best: EpochReport | None, settings: FitSettings) -> bool:
    waited = len(history) - best.epoch if best else 0
    return settings.patience is not None and waited >= settings.patience


def _check_set(name: str, examples: Examples, contract: ModelContract) -> None:
    wanted = (len(examples.windows), len(contract.labels))
    if not len(examples) or tuple(examples.targets.shape) != wanted:
        raise InputError(
            f"the {name} set has windows {list(examples.windows.shape)} and targets "
            f"{list(examples.targets.shape)}",
            expected=f"at least one window and targets [windows, {len(contract.labels)}]",
            remedy="more recordings a class, from at least two sources",
        )


def _check_finite(losses: list[float], validation_loss: float, epoch: int, settings: FitSettings) -> None:
    if not np.isfinite([*losses, validation_loss]).all():
        raise GateError(
            f"the training diverged: its last loss is {losses[-1]}",
            where=f"train, epoch {epoch}",
            expected="finite losses and outputs",
            remedy=f"a learning_rate below {settings.learning_rate:g}",
        )
