"""One step of a training: the loss of a batch, its gradients, and the change of the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from birdnet_stm32.config.run_table import Precision
from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training.devices import part_of_all, share_out
from birdnet_stm32.model.training.feed import Batch
from birdnet_stm32.model.training.loss import masked_loss
from birdnet_stm32.model.training.precision import LOSS_SCALE, computing_in
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
        strategy: the devices of the step; the network was made in its scope. None for one device.
        precision: the type that the layers compute in.
        jit: whether XLA compiles the step.

    Raises:
        InputError: XLA is to compile the step for several devices.
    """

    def __init__(
        self,
        student: Student,
        *,
        learning_rate: float,
        steps: int,
        label_smoothing: float,
        projector: Projector | None = None,
        strategy: tf.distribute.Strategy | None = None,
        precision: Precision = "float32",
        jit: bool = False,
    ) -> None:
        strategy = strategy or tf.distribute.get_strategy()
        if jit and strategy.num_replicas_in_sync > 1:
            raise InputError(
                "XLA compiles the step of one device, and there are several",
                where="[run] jit",
                remedy=("jit = false", 'devices = "gpu"'),
            )
        self._schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        groups = dict(_variables_by_rate(student))
        if projector is not None:
            groups[1.0] = [*groups.get(1.0, []), *projector.variables]
        with strategy.scope():
            self.optimizers = tuple(
                _optimizer(variables, learning_rate * rate, steps) for rate, variables in groups.items()
            )
        self._strategy, self._learns_from_embeddings = strategy, projector is not None
        loss = _loss(student.model, label_smoothing, projector, precision, strategy)
        self._compute = _compiled(loss, tuple(groups.values()), self.optimizers, strategy, precision, jit)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, in layers whose factor is 1."""
        return float(self._schedule(self.optimizers[0].iterations))

    def __call__(self, batch: Batch) -> float:
        """Change the weights; return the mean loss of the batch."""
        parts = [batch.inputs, batch.targets]
        if self._learns_from_embeddings and batch.embeddings is not None:
            parts.append(batch.embeddings)
        return float(self._compute(*(share_out(part, self._strategy) for part in parts)))


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


def _loss(
    model: keras.Model,
    label_smoothing: float,
    projector: Projector | None,
    precision: Precision,
    strategy: tf.distribute.Strategy,
) -> Callable[..., tf.Tensor]:
    """Return the function that computes a device's part of a batch's loss; the parts add up to the loss."""
    network = model if projector is None else projector.with_embedding
    several = strategy.num_replicas_in_sync > 1

    def loss(inputs: tf.Tensor, targets: tf.Tensor, *wanted: tf.Tensor) -> tf.Tensor:
        with computing_in(model, precision, together=several):
            outputs = network(inputs, training=True)
        logits = outputs if projector is None else outputs[0]
        value = masked_loss(targets, logits, label_smoothing)
        value *= part_of_all(tf.reduce_sum(tf.cast(targets >= 0, tf.float32)))
        if projector is not None:
            known = tf.reduce_all(tf.math.is_finite(wanted[0]), axis=1)
            drawn = projector.loss(tf.cast(outputs[1], tf.float32), wanted[0])
            value += drawn * part_of_all(tf.reduce_sum(tf.cast(known, tf.float32)))
        return value

    return loss


def _compiled(
    loss: Callable[..., tf.Tensor],
    groups: tuple[list[keras.Variable], ...],
    optimizers: tuple[keras.optimizers.Optimizer, ...],
    strategy: tf.distribute.Strategy,
    precision: Precision,
    jit: bool,
) -> Callable[..., tf.Tensor]:
    """Return the function that changes the weights by the parts of a batch, and returns its loss."""
    scale = LOSS_SCALE[precision]

    def on_a_device(*parts: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss(*parts)
            scaled = value * scale
        gradients = tape.gradient(scaled, groups)
        for optimizer, changes, variables in zip(optimizers, gradients, groups, strict=True):
            # The optimizer adds the gradients of all devices.
            optimizer.apply([change / scale for change in changes], variables)
        return value

    @tf.function(reduce_retracing=True, autograph=False, jit_compile=jit)  # type: ignore[untyped-decorator] # TensorFlow ships no types
    def step(*parts: tf.Tensor) -> tf.Tensor:
        values = strategy.run(on_a_device, args=parts)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    compute: Callable[..., tf.Tensor] = step
    return compute
