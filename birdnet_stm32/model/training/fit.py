"""Train a network from windows and their targets. On one machine, the same seed gives the same weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from birdnet_stm32.config.run_table import Devices, Precision
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import prepare
from birdnet_stm32.model.training.ahead import Ahead
from birdnet_stm32.model.training.augment import Augmentation
from birdnet_stm32.model.training.average import MovingAverage
from birdnet_stm32.model.training.balance import Balance, balanced_order, steps_per_epoch
from birdnet_stm32.model.training.best_epoch import SelectedBy, is_better
from birdnet_stm32.model.training.devices import check_batch_size, plain_copy, strategy_of
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.feed import EpochFeed, order_generator
from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.inputs import Inputs
from birdnet_stm32.model.training.judge import Judge
from birdnet_stm32.model.training.projector import Projector
from birdnet_stm32.model.training.speed import Speed
from birdnet_stm32.model.training.step import TrainingStep
from birdnet_stm32.model.training.student import Student
from birdnet_stm32.model.training.targets import Floats, classes_of
from birdnet_stm32.model.training.validate import validate

KEPT_BYTES = 2**28  # of the features of validation windows, a thousand of the usual size

Make = Callable[[], Student]
"""Makes the network of a training as it is before the first step. Every call gives an equal one."""


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """The settings of a training.

    Args:
        epochs: passes over the training windows.
        learning_rate: learning rate at the start; it falls to zero along a cosine.
        batch_size: windows in each step.
        seed: seed of weights, order, dropout and augmentation.
        label_smoothing: moves targets towards 0.5, which bounds the logits. Their int8 steps then stay small,
            and the probabilities of quiet windows stay above what int8 can represent.
        balance: how often the windows of each class are drawn.
        augmentation: how the windows are changed.
        select_epoch: what chooses the best epoch. Without a judge, the loss does.
        patience: epochs without a better one after which the training stops; None to never stop early.
        average: share of the moving average of the weights that stays at each step; None for the weights of
            the last step. The average is what is validated and kept.
        workers: threads that make batches while the network learns; 0 for none. The same weights come out.
        embedding_weight: weight of the loss that draws embeddings towards those of the examples' teacher.
        devices: what the network learns on.
        precision: the type that its layers compute in. The weights, and the trained network, are float32.
        jit: whether XLA compiles the training step.
    """

    epochs: int = 40
    learning_rate: float = 5e-3
    batch_size: int = 16
    seed: int = 0
    label_smoothing: float = 0.1
    balance: Balance = field(default_factory=Balance)
    augmentation: Augmentation = field(default_factory=Augmentation)
    select_epoch: SelectedBy = SelectedBy.CMAP
    patience: int | None = None
    average: float | None = None
    workers: int = 1
    embedding_weight: float = 0.0
    devices: Devices = "cpu"
    precision: Precision = "float32"
    jit: bool = False


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

    Returns:
        The network with the weights of its best epoch, and the history of the training.

    Raises:
        InputError: a set is empty, or does not fit the contract; or a device is not there.
        GateError: the loss is no longer a number.
    """
    _check_set("training", training, contract)
    _check_set("validation", validation, contract)
    course = _Training(make, contract, training, settings)
    by = settings.select_epoch if judge else SelectedBy.LOSS
    inputs = Inputs(validation.windows, contract.frontend, kept_bytes=KEPT_BYTES)
    history: list[EpochReport] = []
    best: EpochReport | None = None
    best_weights = course.weights
    for epoch in range(1, settings.epochs + 1):
        losses = course.run_epoch()
        with course.averaged():
            measured = validate(course.model, validation, inputs, contract, settings.label_smoothing, judge)
        _check_finite(losses, measured.loss, epoch, settings)
        report = EpochReport(
            epoch=epoch,
            learning_rate=course.learning_rate,
            loss=float(np.mean(losses)),
            validation_loss=measured.loss,
            validation_accuracy=measured.accuracy,
            validation_cmap=measured.score,
        )
        history.append(report)
        on_epoch(report, course.speeds[-1])
        if best is None or is_better(report, best, by):
            best, best_weights = report, course.weights
        if settings.patience is not None and epoch - best.epoch >= settings.patience:
            break
    course.model.set_weights(best_weights)
    _, counts = np.unique(classes_of(validation.targets), return_counts=True)
    return Trained(
        model=plain_copy(course.model),
        history=tuple(history),
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
) -> Refitted:
    """Train a network anew, from the same seed, for a number of epochs that is known to be good.

    The learning rate falls as in :func:`train`, and stops where it was after that epoch.

    Args:
        make: makes the network.
        contract: what it is fed, and its classes.
        examples: what was trained on, and what chose the epoch.
        settings: how to train.
        epochs: the number of epochs, at most that of ``settings``.
        on_epoch: called after each epoch with its number.

    Raises:
        InputError: the set is empty, or does not fit the contract.
        GateError: the loss is no longer a number.
    """
    _check_set("training", examples, contract)
    course = _Training(make, contract, examples, settings)
    means = []
    for epoch in range(1, epochs + 1):
        losses = course.run_epoch()
        _check_finite(losses, 0.0, epoch, settings)
        means.append(float(np.mean(losses)))
        on_epoch(epoch)
    course.model.set_weights(course.weights)
    return Refitted(model=plain_copy(course.model), losses=tuple(means))


class _Training:
    """A network, its optimizers, and the examples that it is shown."""

    def __init__(
        self, make: Make, contract: ModelContract, examples: Examples, settings: FitSettings
    ) -> None:
        strategy = strategy_of(settings.devices)  # first of all: several machines have to find each other
        check_batch_size(settings.batch_size, strategy)
        keras.utils.set_random_seed(settings.seed)
        tf.config.experimental.enable_op_determinism()
        self._epoch = 0
        self.speeds: list[Speed] = []
        prepare(contract.frontend)
        self._contract, self._settings, self._examples = contract, settings, examples
        self._steps = steps_per_epoch(examples.classes, settings.batch_size, settings.balance)
        with strategy.scope():
            student = make()
            projector = _projector(student.model, examples, settings)
        self.model = student.model
        self._step = TrainingStep(
            student,
            learning_rate=settings.learning_rate,
            steps=settings.epochs * self._steps,
            label_smoothing=settings.label_smoothing,
            projector=projector,
            strategy=strategy,
            precision=settings.precision,
            jit=settings.jit,
        )
        self._average = None if settings.average is None else MovingAverage(student.model, settings.average)

    @property
    def weights(self) -> list[Floats]:
        """The weights to keep: the averages if there are any, else those of the last step."""
        own: list[Floats] = self.model.get_weights()
        return own if self._average is None else self._average.weights

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the network have the weights to keep while the block runs."""
        if self._average is None:
            yield
            return
        with self._average.in_place():
            yield

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self._step.learning_rate

    def run_epoch(self) -> list[float]:
        """Show every example of an epoch once; return the loss of each batch."""
        settings, spec = self._settings, self._contract.frontend
        started = time.perf_counter()
        self._epoch += 1
        feed = EpochFeed(
            examples=self._examples,
            order=balanced_order(
                self._examples.classes,
                self._steps * settings.batch_size,
                order_generator(settings.seed, self._epoch),
                settings.balance,
            ),
            seed=settings.seed,
            epoch=self._epoch,
            batch_size=settings.batch_size,
            augmentation=settings.augmentation,
        )
        # A worker computes the features of its batch alone: the others have batches of their own.
        threads = 1 if settings.workers else None
        batches = Ahead(
            lambda number: feed.batch(number, spec, threads=threads), len(feed), workers=settings.workers
        )
        losses = []
        for batch in batches:
            losses.append(self._step(batch))
            if self._average is not None:
                self._average.update()
        self.speeds.append(Speed(seconds=time.perf_counter() - started, waited_s=batches.waited_s))
        return losses


def _projector(model: keras.Model, examples: Examples, settings: FitSettings) -> Projector | None:
    """Return what draws the embeddings towards the teacher's; None without a teacher."""
    if examples.embeddings is None or not settings.embedding_weight:
        return None
    return Projector(
        model,
        dimensions=examples.embeddings.shape[1],
        weight=settings.embedding_weight,
        seed=settings.seed,
    )


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
