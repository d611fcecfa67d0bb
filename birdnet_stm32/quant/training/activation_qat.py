"""Quantization-aware training with activations: the network in training computes what the converted one will.

The float network itself, frozen, is the teacher, so that any audio will do. BatchNorm has been folded into
the kernels before; ranges are taken anew before every epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from birdnet_stm32.errors import GateError
from birdnet_stm32.quant.rewriting.network import Floats, Network, weights, with_weights
from birdnet_stm32.quant.simulation.simulate import Ranges, computed, grids

# Weights of the three parts of the loss. The worst window of a batch counts beside the mean.
KL_WEIGHT, COSINE_WEIGHT, WORST_WEIGHT = 1.0, 1.0, 0.5
# Rounding makes the loss jump from step to step; the average of the weights does not jump with it.
AVERAGE_DECAY = 0.98
PROBABILITY_MARGIN = 1e-7  # keeps the logit of a probability finite


@dataclass(frozen=True, kw_only=True)
class TuneSettings:
    """How long and how fast to fine-tune.

    Args:
        epochs: passes; each has windows of its own.
        learning_rate: of Adam at the first step; it falls to zero along a cosine.
        batch_size: windows a step.
        seed: of the order of the windows.
    """

    epochs: int = 4
    learning_rate: float = 1e-5
    batch_size: int = 16
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class TunedEpoch:
    """What one epoch reached; epoch 0 is the network before tuning.

    Args:
        number: from 0.
        loss: mean over the epoch's steps; None for epoch 0.
        score: of the converted network on held-out windows, more is better.
        best: no earlier epoch scored as high.
    """

    number: int
    loss: float | None
    score: float
    best: bool


def tune(
    network: Network,
    windows: Callable[[int], Floats],
    teach: Callable[[Floats], Floats],
    ranges: Callable[[Network], Ranges],
    score: Callable[[Network], float],
    settings: TuneSettings,
    *,
    on_epoch: Callable[[TunedEpoch], None] | None = None,
) -> Network:
    """Fine-tune a network and return its best epoch, which may be the untuned one.

    Args:
        network: to start from.
        windows: float32 [n, *input shape] of each epoch, which is numbered from 1; always as many.
        teach: the probabilities, float32 [n, classes], that windows should get.
        ranges: of the tensors of a network on its way.
        score: how good the converted network is on windows that it is not trained with.
        settings: how long and how fast.
        on_epoch: called before tuning and after every epoch.

    Raises:
        GateError: the training diverged.
    """
    rng = np.random.default_rng(settings.seed)
    best_score, best = score(network), network
    if on_epoch is not None:
        on_epoch(TunedEpoch(number=0, loss=None, score=best_score, best=True))
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
        improved = reached > best_score
        if improved:
            best_score, best = reached, tuned
        if on_epoch is not None:
            epoch = TunedEpoch(number=number, loss=float(np.mean(losses)), score=reached, best=improved)
            on_epoch(epoch)
    return best


class Trainer:
    """The variables of a network in training and the compiled step that changes them."""

    def __init__(self, network: Network, steps: int, learning_rate: float) -> None:
        """Compile a step for ``network``, whose weights are copied."""
        import keras
        import tensorflow as tf

        from birdnet_stm32.quant.simulation import int8_graph

        self._source = network
        self._variables = {
            name: (tf.Variable(kernel), tf.Variable(bias))
            for name, (kernel, bias) in weights(network).items()
        }
        self._grids = {name: (tf.Variable(1.0), tf.Variable(0.0)) for name in computed(network)}
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
        """Round tensors to other grids from now on."""
        for name, grid in grids(self._source, ranges).items():
            for variable, value in zip(self._grids[name], grid, strict=True):
                variable.assign(value)

    def step(self, inputs: Floats, references: Floats) -> float:
        """Take one step and return the loss before it."""
        return float(self._step(inputs, references))

    def network(self) -> Network:
        """Return the network with the average of its weights over the last steps."""
        values = [average.numpy() for average in self._averages]
        pairs = zip(values[::2], values[1::2], strict=True)
        return with_weights(self._source, dict(zip(self._variables, pairs, strict=True)))


def distillation_loss(logits: Any, references: Any) -> Any:
    """Return KL divergence, plus one minus the mean cosine, plus the same of the worst window.

    Args:
        logits: [n, classes].
        references: probabilities [n, classes].
    """
    import tensorflow as tf

    inside = tf.clip_by_value(references, PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN)
    target_logits = tf.math.log(inside) - tf.math.log1p(-inside)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    divergence = entropy(labels=references, logits=logits) - entropy(labels=references, logits=target_logits)
    cosine = tf.reduce_sum(
        tf.nn.l2_normalize(tf.sigmoid(logits), axis=-1) * tf.nn.l2_normalize(references, axis=-1), axis=-1
    )
    return (
        KL_WEIGHT * tf.reduce_mean(tf.reduce_sum(divergence, axis=-1))
        + COSINE_WEIGHT * (1.0 - tf.reduce_mean(cosine))
        + WORST_WEIGHT * (1.0 - tf.reduce_min(cosine))
    )


def _batches(order: Any, size: int) -> Iterator[Any]:
    """Yield full batches: a smaller one would be compiled anew. What is left out changes by the epoch."""
    for start in range(0, len(order) - size + 1, size):
        yield order[start : start + size]
