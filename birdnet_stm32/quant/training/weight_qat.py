"""Quantization-aware training: fine-tune float weights while the network computes with their int8 values.

BatchNorm is frozen and the variables stay plain float32; only inside the training step the kernels are
replaced by what the converter will store. The result therefore loads and converts like any other model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import OutputActivation

if TYPE_CHECKING:
    import keras

FloatArray = npt.NDArray[np.float32]

HELD_OUT_SHARE = 0.2
PROBABILITY_MARGIN = 1e-7  # keeps the logit of a probability finite


@dataclass(frozen=True, kw_only=True)
class QatSettings:
    """How long and how fast to fine-tune.

    Args:
        epochs: passes over the windows.
        learning_rate: of Adam at the first step; it falls to zero along a cosine.
        batch_size: windows a step.
        seed: of the order of the windows and of the held-out share.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class QatEpoch:
    """What one epoch reached; epoch 0 is the model before tuning.

    Args:
        number: from 0.
        loss: mean over the epoch's steps; that of the held-out windows for epoch 0.
        held_out_loss: over the held-out windows, with quantized kernels.
        best: no earlier epoch had a smaller held-out loss.
    """

    number: int
    loss: float
    held_out_loss: float
    best: bool


def tune(
    model: keras.Model,
    features: FloatArray,
    targets: FloatArray | None,
    settings: QatSettings,
    *,
    output_activation: OutputActivation,
    on_epoch: Callable[[QatEpoch], None] | None = None,
) -> keras.Model:
    """Fine-tune a copy of ``model`` and return its best epoch, which may be the untuned one.

    Kernels are quantized per channel; activations stay float.

    Without targets the model itself, in float and frozen, is the teacher, so that unlabelled audio and a
    checkpoint with other classes than the data's can be used. The best epoch is that of the smallest loss on
    windows held out of the training.

    Args:
        model: float32; it is not changed.
        features: float32 [n, *input shape], n >= 2.
        targets: float32 [n, classes] in [0, 1], or None.
        settings: how long and how fast.
        output_activation: whether the model's outputs are logits or probabilities.
        on_epoch: called before tuning and after every epoch.

    Raises:
        InputError: features and targets do not fit each other or the model.
        GateError: the training diverged.
    """
    import keras
    import tensorflow as tf

    _check(model, features, targets)
    # A model saved with a list of one input would have to be given a list.
    model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    # Unlike clone_model this keeps the name of the input layer, so that equal work saves equal files.
    tuned = keras.Model.from_config(model.get_config())
    tuned.set_weights(model.get_weights())
    rng = np.random.default_rng(settings.seed)
    order = rng.permutation(len(features))
    held_out_count = max(1, round(HELD_OUT_SHARE * len(features)))
    held_out, training = order[:held_out_count], order[held_out_count:]

    if targets is None:
        forward = tf.function(lambda windows: _sigmoid(model(windows, training=False), output_activation))
        references = _by_batch(forward, features, settings.batch_size)
    else:
        references = np.asarray(targets, np.float32)
    steps = settings.epochs * -(-len(training) // settings.batch_size)
    step, loss = compile_step(
        tuned, settings.learning_rate, steps, output_activation, teacher=targets is None
    )

    def held_out_loss() -> float:
        batches = list(_batches(held_out, settings.batch_size))
        losses = [float(loss(features[batch], references[batch])) for batch in batches]
        return float(np.average(losses, weights=[len(batch) for batch in batches]))

    best_loss = held_out_loss()
    best_weights = tuned.get_weights()
    if on_epoch is not None:
        on_epoch(QatEpoch(number=0, loss=best_loss, held_out_loss=best_loss, best=True))
    for number in range(1, settings.epochs + 1):
        shuffled = rng.permutation(training)
        losses = [
            float(step(features[batch], references[batch]))
            for batch in _batches(shuffled, settings.batch_size)
        ]
        reached = held_out_loss()
        if not np.isfinite([*losses, reached]).all():
            raise GateError(
                f"quantization-aware training diverged in epoch {number}: the loss is not finite",
                remedy=f"lower qat.learning_rate, which is {settings.learning_rate:g}",
            )
        best = reached < best_loss
        if best:
            best_loss, best_weights = reached, tuned.get_weights()
        if on_epoch is not None:
            on_epoch(QatEpoch(number=number, loss=float(np.mean(losses)), held_out_loss=reached, best=best))
    tuned.set_weights(best_weights)
    return tuned


def compile_step(
    model: keras.Model,
    learning_rate: float,
    steps: int,
    output_activation: OutputActivation,
    *,
    teacher: bool,
) -> tuple[Callable[[FloatArray, FloatArray], Any], Callable[[FloatArray, FloatArray], Any]]:
    """Return a compiled training step and a compiled loss, both with quantized kernels.

    The variables of the model keep the float weights ("shadow weights"); the network is called as a function
    of them, with quantized values in the place of kernels.
    """
    import keras
    import tensorflow as tf

    from birdnet_stm32.quant.training.fake_quant import fake_quantize, kernels

    reduced_axes = {id(kernel.variable): kernel.reduced_axes for kernel in kernels(model)}
    frozen = {
        id(variable)
        for layer in model._flatten_layers(include_self=False, recursive=True)
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in layer.variables
    }
    trained = [variable for variable in model.trainable_variables if id(variable) not in frozen]
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, max(steps, 1))
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(trained)

    def quantized(variables: Sequence[keras.Variable]) -> list[Any]:
        return [
            fake_quantize(variable.value, reduced_axes[id(variable)])
            if id(variable) in reduced_axes
            else variable.value
            for variable in variables
        ]

    def loss_of(windows: Any, references: Any) -> Any:
        outputs, _ = model.stateless_call(
            quantized(model.trainable_variables),
            quantized(model.non_trainable_variables),
            windows,
            training=False,  # BatchNorm uses its running statistics, and nothing is dropped
        )
        return distance(outputs, references, output_activation, teacher=teacher)

    signature = [
        tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32),
        tf.TensorSpec((None, model.outputs[0].shape[-1]), tf.float32),
    ]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def step(windows: Any, references: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(windows, references)
        optimizer.apply(tape.gradient(loss, [variable.value for variable in trained]), trained)
        return loss

    return step, tf.function(loss_of, input_signature=signature)


def distance(outputs: Any, references: Any, output_activation: OutputActivation, *, teacher: bool) -> Any:
    """Return the cross-entropy of every class against ``references``.

    For a teacher its entropy is subtracted, which makes this a KL divergence, zero for agreement, and the
    distance that ``verify`` judges by is added: one minus the cosine of the probabilities.
    """
    import tensorflow as tf

    logits = outputs
    if output_activation is OutputActivation.SIGMOID:
        logits = _logit(outputs)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    loss = tf.reduce_mean(entropy(labels=references, logits=logits))
    if not teacher:
        return loss
    loss -= tf.reduce_mean(entropy(labels=references, logits=_logit(references)))
    probabilities = _sigmoid(outputs, output_activation)
    # l2_normalize floors the norm, so that a vector of zeros has cosine 0 and a finite gradient.
    cosine = tf.reduce_sum(
        tf.nn.l2_normalize(probabilities, axis=-1) * tf.nn.l2_normalize(references, axis=-1), axis=-1
    )
    return loss + 1.0 - tf.reduce_mean(cosine)


def _sigmoid(outputs: Any, output_activation: OutputActivation) -> Any:
    import tensorflow as tf

    return tf.sigmoid(outputs) if output_activation is OutputActivation.LOGIT else outputs


def _logit(probabilities: Any) -> Any:
    import tensorflow as tf

    inside = tf.clip_by_value(probabilities, PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN)
    return tf.math.log(inside) - tf.math.log1p(-inside)


def _batches(order: npt.NDArray[np.int64], size: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _by_batch(forward: Callable[[FloatArray], Any], features: FloatArray, size: int) -> FloatArray:
    parts = [
        np.asarray(forward(features[start : start + size]).numpy()) for start in range(0, len(features), size)
    ]
    return np.concatenate(parts)


def _check(model: keras.Model, features: FloatArray, targets: FloatArray | None) -> None:
    """Refuse windows or targets that do not fit."""
    shape, classes = tuple(model.inputs[0].shape[1:]), model.outputs[0].shape[-1]
    if features.shape[1:] != shape or len(features) < 2:
        raise InputError(
            f"features are {list(features.shape)}",
            expected=f"[n, {', '.join(map(str, shape))}] with at least 2 windows, since some are held out",
        )
    if not all(np.isfinite(window).all() for window in features):
        raise InputError("features hold NaN or infinity", expected="finite values")
    if targets is None:
        return
    if targets.shape != (len(features), classes):
        raise InputError(f"targets are {list(targets.shape)}", expected=f"[{len(features)}, {classes}]")
    if not (targets >= 0).all() or not (targets <= 1).all():
        raise InputError("targets leave [0, 1]", expected="probabilities")
