"""Quantization-aware training with activations: the network in training computes as the int8 network will.

The teacher is the float network itself, frozen, so that audio without labels can be used. BatchNorm was
folded into the kernels before. The operand ranges are observed again before every epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from birdnet_stm32.errors import GateError
from birdnet_stm32.quant.rewriting.network import Floats, Network, weights, with_weights
from birdnet_stm32.quant.simulation.grids import Ranges, grids, quantized_tensors
from birdnet_stm32.quant.training.distillation import cosines, divergence
from birdnet_stm32.quant.training.reached import Reached
from birdnet_stm32.quant.training.settings import QatSettings

# Weights of the three terms of the loss. The worst window of a batch counts in addition to the mean.
KL_WEIGHT, COSINE_WEIGHT, WORST_WEIGHT = 1.0, 1.0, 0.5
# Rounding makes the loss jump from step to step. The average of the weights changes smoothly.
AVERAGE_DECAY = 0.98


@dataclass(frozen=True, kw_only=True)
class TunedEpoch:
    """The result of one epoch; epoch 0 is the network before training.

    Args:
        number: from 0.
        loss: mean over the epoch's steps; None for epoch 0.
        score: closeness of the int8 network to the float network on the held-out windows; more is better.
        best: whether this is better than every earlier epoch.
        cmap: that of the int8 network over the recordings of these windows; None where their classes are not
            known. It decides what is better, and if it hardly differs, the score does.
    """

    number: int
    loss: float | None
    score: float
    best: bool
    cmap: float | None = None


def tune_network(
    network: Network,
    windows: Callable[[int], Floats],
    teach: Callable[[Floats], Floats],
    ranges: Callable[[Network], Ranges],
    score: Callable[[Network], Reached],
    settings: QatSettings,
    *,
    on_epoch: Callable[[TunedEpoch], None] | None = None,
) -> Network:
    """Fine-tune a network and return the network of the best epoch, which may be the network before training.

    Args:
        network: the network before training; it is not changed.
        windows: returns the windows of an epoch, float32 [n, *input shape], for its number, counted from 1; n
            must be the same for all epochs.
        teach: returns the teacher's probabilities, float32 [n, classes], for windows.
        ranges: returns the operand ranges of a network in training, by name of the tensor.
        score: returns how good the int8 network is on windows that do not train it.
        settings: how long and how fast.
        on_epoch: called before training and after every epoch.

    Raises:
        GateError: the training diverged.
    """
    rng = np.random.default_rng(settings.seed)
    best_score, best = score(network), network
    if on_epoch is not None:
        first = TunedEpoch(number=0, loss=None, score=best_score.closeness, best=True, cmap=best_score.cmap)
        on_epoch(first)
    trainer: Trainer | None = None
    for number in range(1, settings.epochs + 1):
        inputs = windows(number)
        references = teach(inputs)
        if trainer is None:
            size = min(settings.batch_size, len(inputs))
            trainer = Trainer(network, settings.epochs * (len(inputs) // size), settings.learning_rate)
        trainer.set_ranges(ranges(trainer.network()))
        losses = [
            trainer.step(inputs[batch], references[batch])
            for batch in _batches(rng.permutation(len(inputs)), size)
        ]
        if not np.isfinite(losses).all():
            raise GateError(
                f"quantization-aware training diverged in epoch {number}: the loss is not finite",
                remedy=f"lower the learning rate, which is {settings.learning_rate:g}",
            )
        tuned = trainer.network()
        reached = score(tuned)
        improved = reached.better_than(best_score)
        if improved:
            best_score, best = reached, tuned
        if on_epoch is not None:
            epoch = TunedEpoch(
                number=number,
                loss=float(np.mean(losses)),
                score=reached.closeness,
                best=improved,
                cmap=reached.cmap,
            )
            on_epoch(epoch)
    return best


class Trainer:
    """The variables of a network in training, and the compiled training step that changes them."""

    def __init__(self, network: Network, steps: int, learning_rate: float) -> None:
        """Copy the weights of ``network`` and compile a training step for it.

        Args:
            network: the network before training.
            steps: number of training steps in which the learning rate falls to zero.
            learning_rate: of the first step.
        """
        import keras
        import tensorflow as tf

        from birdnet_stm32.quant.simulation import int8_graph

        self._source = network
        self._variables = {
            name: (tf.Variable(kernel), tf.Variable(bias))
            for name, (kernel, bias) in weights(network).items()
        }
        self._grids = {name: (tf.Variable(1.0), tf.Variable(0.0)) for name in quantized_tensors(network)}
        trained = [variable for pair in self._variables.values() for variable in pair]
        optimizer = keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(learning_rate, max(steps, 1))
        )
        optimizer.build(trained)
        self._averages = [tf.Variable(variable) for variable in trained]
        output = network.units[-1].name

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def step(inputs: Any, references: Any) -> Any:
            with tf.GradientTape() as tape:
                values = int8_graph.forward(network, self._variables, inputs, self._grids, fused=True)
                loss = distillation_loss(values[output] * self._grids[output][0], references)
            optimizer.apply(tape.gradient(loss, trained), trained)
            for average, variable in zip(self._averages, trained, strict=True):
                average.assign_add((1.0 - AVERAGE_DECAY) * (variable - average))
            return loss

        self._step = step

    def set_ranges(self, ranges: Ranges) -> None:
        """Choose the operand ranges that tensors are rounded to from now on."""
        for name, grid in grids(self._source, ranges).items():
            for variable, value in zip(self._grids[name], grid, strict=True):
                variable.assign(value)

    def step(self, inputs: Floats, references: Floats) -> float:
        """Take one training step and return the loss before it."""
        return float(self._step(inputs, references))

    def network(self) -> Network:
        """Return the network with the moving average of its weights."""
        values = [average.numpy() for average in self._averages]
        pairs = zip(values[::2], values[1::2], strict=True)
        return with_weights(self._source, dict(zip(self._variables, pairs, strict=True)))


def distillation_loss(logits: Any, references: Any) -> Any:
    """Return the weighted sum of the KL divergence, (1 - mean cosine) and (1 - cosine of the worst window).

    Args:
        logits: of the network, [n, classes].
        references: probabilities of the teacher, [n, classes].
    """
    import tensorflow as tf

    cosine = cosines(tf.sigmoid(logits), references)
    return (
        KL_WEIGHT * tf.reduce_mean(tf.reduce_sum(divergence(logits, references), axis=-1))
        + COSINE_WEIGHT * (1.0 - tf.reduce_mean(cosine))
        + WORST_WEIGHT * (1.0 - tf.reduce_min(cosine))
    )


def _batches(order: Any, size: int) -> Iterator[Any]:
    """Yield the full batches of an order; a smaller batch would have to be compiled again.

    The windows that are left out differ from epoch to epoch, because the order does.
    """
    for start in range(0, len(order) - size + 1, size):
        yield order[start : start + size]
