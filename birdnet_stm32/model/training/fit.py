"""Train a network from windows and their targets. On one machine, the same seed gives the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.balance import Balance, balanced_order, steps_per_epoch
from birdnet_stm32.model.training.dataset import (
    Floats,
    Targets,
    Windows,
    classes_of,
    strongest_class,
    training_batches,
)
from birdnet_stm32.model.training.history import EpochReport

VALIDATION_BATCH = 64
VALIDATION_PART = 4_096  # windows whose outputs are in memory at a time
WEIGHT_DECAY = 1e-3


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """The settings of a training.

    Args:
        epochs: passes over the training windows.
        learning_rate: learning rate at the start; it falls to zero along a cosine.
        batch_size: windows in each step.
        seed: seed of weights, order, dropout and augmentation.
        mixup: probability that another window is mixed into a window.
        label_smoothing: moves targets towards 0.5, which bounds the logits. Their int8 steps then stay small,
            and the probabilities of quiet windows stay above what int8 can represent.
        balance: how often the windows of each class are drawn.
        silence: share of the examples that are silence, without any class.
    """

    epochs: int = 40
    learning_rate: float = 5e-3
    batch_size: int = 16
    seed: int = 0
    mixup: float = 0.5
    label_smoothing: float = 0.1
    balance: Balance = field(default_factory=Balance)
    silence: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained network with the weights of its best epoch.

    Args:
        model: the network; its outputs are logits.
        history: all epochs in order.
        best_epoch: the epoch with the lowest validation loss.
        constant_accuracy: share of the validation windows for which the most frequent answer is right.
    """

    model: keras.Model
    history: tuple[EpochReport, ...]
    best_epoch: int
    constant_accuracy: float

    @property
    def best(self) -> EpochReport:
        """The best epoch's numbers."""
        return self.history[self.best_epoch - 1]

    @property
    def sentence(self) -> str:
        """How good the best epoch is, and what a network that does not listen would reach."""
        return (
            f"best epoch {self.best_epoch}: {100 * self.best.validation_accuracy:.0f}% of validation windows "
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
    contract: ModelContract,
    windows: Windows,
    targets: Targets,
    validation_windows: Windows,
    validation_targets: Targets,
    settings: FitSettings,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> Trained:
    """Train a network.

    Args:
        contract: the network to build.
        windows: int16 ``[n, samples]`` at the model's sample rate; each one is read when it is needed.
        targets: float32 ``[n, classes]``; all zero is background, -1 is left out of the loss.
        validation_windows: int16 ``[m, samples]``, from other recordings.
        validation_targets: float32 ``[m, classes]``.
        settings: how to train.
        on_epoch: called after each epoch.

    Returns:
        The network with the weights of its best epoch, and the history of the training.

    Raises:
        InputError: a set is empty, or windows, targets and contract do not fit each other.
        GateError: the loss is no longer a number.
    """
    _check_set("training", windows, targets, contract)
    _check_set("validation", validation_windows, validation_targets, contract)
    training = _Training(contract, windows, targets, settings)
    history: list[EpochReport] = []
    best: EpochReport | None = None
    best_weights = training.model.get_weights()
    for epoch in range(1, settings.epochs + 1):
        losses = training.run_epoch()
        measured = _validate(training.model, validation_windows, validation_targets, contract, settings)
        _check_finite(losses, measured.loss, epoch, settings)
        report = EpochReport(
            epoch=epoch,
            learning_rate=training.learning_rate,
            loss=float(np.mean(losses)),
            validation_loss=measured.loss,
            validation_accuracy=measured.accuracy,
        )
        history.append(report)
        on_epoch(report)
        if best is None or report.validation_loss < best.validation_loss:
            best, best_weights = report, training.model.get_weights()
    training.model.set_weights(best_weights)
    _, counts = np.unique(classes_of(validation_targets), return_counts=True)
    return Trained(
        model=training.model,
        history=tuple(history),
        best_epoch=best.epoch if best else 0,
        constant_accuracy=float(counts.max() / counts.sum()),
    )


def refit(
    contract: ModelContract,
    windows: Windows,
    targets: Targets,
    settings: FitSettings,
    *,
    epochs: int,
    on_epoch: Callable[[int], None] = lambda epoch: None,
) -> Refitted:
    """Train a network anew, from the same seed, for a number of epochs that is known to be good.

    The learning rate falls as in :func:`train`, and stops where it was after that epoch.

    Args:
        contract: the network to build.
        windows: int16 ``[n, samples]``: what was trained on, and what chose the epoch.
        targets: float32 ``[n, classes]``.
        settings: how to train.
        epochs: the number of epochs, at most that of ``settings``.
        on_epoch: called after each epoch with its number.

    Raises:
        InputError: the set is empty, or windows, targets and contract do not fit each other.
        GateError: the loss is no longer a number.
    """
    _check_set("training", windows, targets, contract)
    training = _Training(contract, windows, targets, settings)
    means = []
    for epoch in range(1, epochs + 1):
        losses = training.run_epoch()
        _check_finite(losses, 0.0, epoch, settings)
        means.append(float(np.mean(losses)))
        on_epoch(epoch)
    return Refitted(model=training.model, losses=tuple(means))


class _Training:
    """A network, its optimizer, and the examples that it is shown."""

    def __init__(
        self, contract: ModelContract, windows: Windows, targets: Targets, settings: FitSettings
    ) -> None:
        keras.utils.set_random_seed(settings.seed)
        tf.config.experimental.enable_op_determinism()
        self._rng = np.random.default_rng(settings.seed)
        self._contract, self._settings = contract, settings
        self._windows, self._targets = windows, targets
        self._classes = classes_of(targets)
        self._steps = steps_per_epoch(self._classes, settings.batch_size, settings.balance)
        self.model = dscnn.build_dscnn(contract, seed=settings.seed)
        self._schedule = keras.optimizers.schedules.CosineDecay(
            settings.learning_rate, settings.epochs * self._steps
        )
        self._optimizer = keras.optimizers.AdamW(self._schedule, weight_decay=WEIGHT_DECAY)
        self._optimizer.exclude_from_weight_decay(var_list=_without_decay(self.model))
        self._step = _training_step(self.model, self._optimizer, settings.label_smoothing)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedule(self._optimizer.iterations))

    def run_epoch(self) -> list[float]:
        """Show every example of an epoch once; return the loss of each batch."""
        settings = self._settings
        order = balanced_order(self._classes, self._steps * settings.batch_size, self._rng, settings.balance)
        batches = training_batches(
            self._windows,
            self._targets,
            order,
            batch_size=settings.batch_size,
            mixup=settings.mixup,
            rng=self._rng,
            silence=settings.silence,
        )
        return [self._step(features(pcm, self._contract.frontend), targets) for pcm, targets in batches]


@dataclass(frozen=True, kw_only=True)
class _Validation:
    loss: float
    accuracy: float


def _validate(
    model: keras.Model,
    windows: Windows,
    targets: Targets,
    contract: ModelContract,
    settings: FitSettings,
) -> _Validation:
    """Measure a network, a part of the windows at a time."""
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    losses, judged_counts, right = [], [], 0
    for start in range(0, len(windows), VALIDATION_PART):
        inside = slice(start, min(start + VALIDATION_PART, len(windows)))
        logits, wanted = _outputs(model, windows, inside, contract), targets[inside]
        if not np.isfinite(logits).all():
            return _Validation(loss=float("nan"), accuracy=0.0)
        judged = wanted >= 0
        if judged.all():
            losses.append(float(loss(wanted, logits)))
        else:
            losses.append(float(masked_loss(wanted, logits, settings.label_smoothing)))
        judged_counts.append(int(judged.sum()))
        heard = np.where(judged, probabilities(logits, contract), 0)
        right += int(np.sum(strongest_class(heard) == strongest_class(wanted)))
    if not sum(judged_counts):
        raise InputError("no class of any validation window is judged", where="train")
    return _Validation(
        loss=float(np.average(losses, weights=judged_counts)), accuracy=float(right / len(windows))
    )


def masked_loss(targets: tf.Tensor, logits: tf.Tensor, label_smoothing: float) -> tf.Tensor:
    """Return the mean binary cross-entropy over what is judged; targets of -1 are left out.

    Args:
        targets: float32 ``[n, classes]``: 1, 0 or -1.
        logits: float32 ``[n, classes]``.
        label_smoothing: moves targets towards 0.5.
    """
    judged = tf.cast(targets >= 0, tf.float32)
    smooth = tf.maximum(targets, 0) * (1 - label_smoothing) + label_smoothing / 2
    each = keras.ops.binary_crossentropy(smooth, logits, from_logits=True)
    return tf.math.divide_no_nan(tf.reduce_sum(each * judged), tf.reduce_sum(judged))


def predict(model: keras.Model, windows: Windows, contract: ModelContract) -> Floats:
    """Return the network's outputs for windows.

    Features are computed batch by batch, so memory does not grow with the number of windows.

    Args:
        model: the network.
        windows: int16 ``[n, samples]``.
        contract: what the network is fed.

    Returns:
        float32 ``[n, classes]``.
    """
    return _outputs(model, windows, slice(0, len(windows)), contract)


def _outputs(model: keras.Model, windows: Windows, inside: slice, contract: ModelContract) -> Floats:
    starts = range(inside.start, inside.stop, VALIDATION_BATCH)
    batches = (
        features(windows[start : min(start + VALIDATION_BATCH, inside.stop)], contract.frontend)
        for start in starts
    )
    return np.concatenate([model.predict_on_batch(batch) for batch in batches])


def _without_decay(model: keras.Model) -> list[keras.Variable]:
    """Return the variables without weight decay: normalisation, biases, scaling. Zero is not neutral."""
    return [
        variable
        for variable in model.trainable_variables
        if "kernel" not in variable.name or variable.path.startswith("pwl")
    ]


def _training_step(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, label_smoothing: float
) -> Callable[[Floats, Floats], float]:
    optimizer.build(model.trainable_variables)  # here, since variables made while tracing cost a second trace
    whole_loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)

    @tf.function(reduce_retracing=True, autograph=False)  # type: ignore[untyped-decorator] # TensorFlow ships no types
    def step(inputs: tf.Tensor, targets: tf.Tensor, all_judged: bool) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(inputs, training=True)
            if all_judged:
                value = whole_loss(targets, logits)
            else:
                value = masked_loss(targets, logits, label_smoothing)
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    return lambda inputs, targets: float(
        step(tf.constant(inputs), tf.constant(targets), bool((targets >= 0).all()))
    )


def _check_set(name: str, windows: Windows, targets: Targets, contract: ModelContract) -> None:
    wanted = (len(windows), len(contract.labels))
    if not len(windows) or tuple(targets.shape) != wanted:
        raise InputError(
            f"the {name} set has windows {list(windows.shape)} and targets {list(targets.shape)}",
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
