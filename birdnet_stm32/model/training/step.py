"""One step of a training: the loss of a batch, its gradients, and the change of the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from birdnet_stm32.model.training.feed import Batch
from birdnet_stm32.model.training.loss import masked_loss
from birdnet_stm32.model.training.projector import Projector
from birdnet_stm32.model.training.student import Student

WEIGHT_DECAY = 1e-3


class TrainingStep:
    """A step of a training, with its optimizers: one for each learning rate that layers have.

    Args:
        student: the network. Layers of rate 0 are frozen here.
        learning_rate: learning rate at the start; it falls to zero along a cosine.
        steps: number of steps after which it is zero.
        label_smoothing: moves targets towards 0.5.
        projector: draws the embeddings towards a teacher's; None without a teacher.
    """

    def __init__(
        self,
        student: Student,
        *,
        learning_rate: float,
        steps: int,
        label_smoothing: float,
        projector: Projector | None = None,
    ) -> None:
        self._schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        groups = dict(_variables_by_rate(student))
        if projector is not None:
            groups[1.0] = [*groups.get(1.0, []), *projector.variables]
        self.optimizers = tuple(
            _optimizer(variables, learning_rate * rate, steps) for rate, variables in groups.items()
        )
        self._compute = _compiled(
            student.model, tuple(groups.values()), self.optimizers, label_smoothing, projector
        )

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, in layers whose factor is 1."""
        return float(self._schedule(self.optimizers[0].iterations))

    def __call__(self, batch: Batch) -> float:
        """Change the weights; return the mean loss of the batch."""
        return self._compute(batch)


def _variables_by_rate(student: Student) -> Mapping[float, list[keras.Variable]]:
    """Return the variables that learn, by the factor of their learning rate, the highest first."""
    groups: dict[float, list[keras.Variable]] = {}
    for layer in student.model.layers:
        rate = student.rates.get(layer.name, 1.0)
        if rate == 0:
            layer.trainable = False
        if layer.trainable_variables:
            groups.setdefault(rate, []).extend(layer.trainable_variables)
    return dict(sorted(groups.items(), reverse=True))


def _optimizer(
    variables: list[keras.Variable], learning_rate: float, steps: int
) -> keras.optimizers.Optimizer:
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_list=_without_decay(variables))
    optimizer.build(variables)  # here, since variables made while tracing cost a second trace
    return optimizer


def _without_decay(variables: list[keras.Variable]) -> list[keras.Variable]:
    """Return the variables without weight decay: normalisation, biases, scaling. Zero is not neutral."""
    return [
        variable for variable in variables if "kernel" not in variable.name or variable.path.startswith("pwl")
    ]


def _compiled(
    model: keras.Model,
    groups: tuple[list[keras.Variable], ...],
    optimizers: tuple[keras.optimizers.Optimizer, ...],
    label_smoothing: float,
    projector: Projector | None,
) -> Callable[[Batch], float]:
    whole_loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)

    @tf.function(reduce_retracing=True, autograph=False)  # type: ignore[untyped-decorator] # TensorFlow ships no types
    def step(inputs: tf.Tensor, targets: tf.Tensor, wanted: tf.Tensor, all_judged: bool) -> tf.Tensor:
        with tf.GradientTape() as tape:
            if projector is None:
                logits, embeddings = model(inputs, training=True), None
            else:
                logits, embeddings = projector.with_embedding(inputs, training=True)
            if all_judged:
                value = whole_loss(targets, logits)
            else:
                value = masked_loss(targets, logits, label_smoothing)
            if projector is not None:
                value += projector.loss(embeddings, wanted)
        gradients = tape.gradient(value, groups)
        for optimizer, changes, variables in zip(optimizers, gradients, groups, strict=True):
            optimizer.apply(changes, variables)
        return value

    def run(batch: Batch) -> float:
        wanted = None if projector is None else tf.constant(batch.embeddings)
        all_judged = bool((batch.targets >= 0).all())
        return float(step(tf.constant(batch.inputs), tf.constant(batch.targets), wanted, all_judged))

    return run
