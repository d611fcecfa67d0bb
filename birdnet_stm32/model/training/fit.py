"""Train a network from windows and their targets. On one machine, the same seed gives the same weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.dataset import Floats, Pcm, strongest_class, training_batches
from birdnet_stm32.model.training.history import EpochReport

VALIDATION_BATCH = 64
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
    """

    epochs: int = 40
    learning_rate: float = 5e-3
    batch_size: int = 16
    seed: int = 0
    mixup: float = 0.5
    label_smoothing: float = 0.1


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


def train(
    contract: ModelContract,
    windows: Pcm,
    targets: Floats,
    validation_windows: Pcm,
    validation_targets: Floats,
    settings: FitSettings,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> Trained:
    """Train a network.

    Args:
        contract: the network to build.
        windows: int16 ``[n, samples]`` at the model's sample rate, possibly memory-mapped.
        targets: float32 ``[n, classes]``; all zero is background.
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
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    rng = np.random.default_rng(settings.seed)

    model = dscnn.build_dscnn(contract, seed=settings.seed)
    steps = settings.epochs * math.ceil(len(windows) / settings.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_list=_without_decay(model))
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    step = _training_step(model, optimizer, loss)

    history: list[EpochReport] = []
    best: EpochReport | None = None
    best_weights = model.get_weights()
    for epoch in range(1, settings.epochs + 1):
        batches = training_batches(
            windows, targets, batch_size=settings.batch_size, mixup=settings.mixup, rng=rng
        )
        losses = [float(step(features(pcm, contract.frontend), target)) for pcm, target in batches]
        logits = predict(model, validation_windows, contract)
        _check_finite(losses, logits, epoch, settings)
        report = EpochReport(
            epoch=epoch,
            learning_rate=float(schedule(optimizer.iterations)),
            loss=float(np.mean(losses)),
            validation_loss=float(loss(validation_targets, logits)),
            validation_accuracy=_accuracy(probabilities(logits, contract), validation_targets),
        )
        history.append(report)
        on_epoch(report)
        if best is None or report.validation_loss < best.validation_loss:
            best, best_weights = report, model.get_weights()
    model.set_weights(best_weights)
    _, counts = np.unique(strongest_class(validation_targets), return_counts=True)
    return Trained(
        model=model,
        history=tuple(history),
        best_epoch=best.epoch if best else 0,
        constant_accuracy=float(counts.max() / counts.sum()),
    )


def predict(model: keras.Model, windows: Pcm, contract: ModelContract) -> Floats:
    """Return the network's outputs for windows.

    Features are computed batch by batch, so memory does not grow with the number of windows.

    Args:
        model: the network.
        windows: int16 ``[n, samples]``.
        contract: what the network is fed.

    Returns:
        float32 ``[n, classes]``.
    """
    starts = range(0, len(windows), VALIDATION_BATCH)
    batches = (features(windows[start : start + VALIDATION_BATCH], contract.frontend) for start in starts)
    return np.concatenate([model.predict_on_batch(batch) for batch in batches])


def _without_decay(model: keras.Model) -> list[keras.Variable]:
    """Return the variables without weight decay: normalisation, biases, scaling. Zero is not neutral."""
    return [
        variable
        for variable in model.trainable_variables
        if "kernel" not in variable.name or variable.path.startswith("pwl")
    ]


def _training_step(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss
) -> Callable[[Floats, Floats], tf.Tensor]:
    optimizer.build(model.trainable_variables)  # here, since variables made while tracing cost a second trace

    @tf.function(reduce_retracing=True, autograph=False)  # type: ignore[untyped-decorator] # TensorFlow ships no types
    def step(inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss(targets, model(inputs, training=True))
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    return lambda inputs, targets: step(tf.constant(inputs), tf.constant(targets))


def _accuracy(scores: Floats, targets: Floats) -> float:
    return float(np.mean(strongest_class(scores) == strongest_class(targets)))


def _check_set(name: str, windows: Pcm, targets: Floats, contract: ModelContract) -> None:
    wanted = (len(windows), len(contract.labels))
    if not len(windows) or targets.shape != wanted:
        raise InputError(
            f"the {name} set has windows {list(windows.shape)} and targets {list(targets.shape)}",
            expected=f"at least one window and targets [windows, {len(contract.labels)}]",
            remedy="more recordings a class, from at least two sources",
        )


def _check_finite(losses: list[float], logits: Floats, epoch: int, settings: FitSettings) -> None:
    if not (np.isfinite(losses).all() and np.isfinite(logits).all()):
        raise GateError(
            f"the training diverged: its last loss is {losses[-1]}",
            where=f"train, epoch {epoch}",
            expected="finite losses and outputs",
            remedy=f"a learning_rate below {settings.learning_rate:g}",
        )
