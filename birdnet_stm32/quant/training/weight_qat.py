"""Quantization-aware training of weights: fine-tune float weights while the network uses their int8 values.

BatchNorm is frozen, and the variables stay float32. Only inside the training step, each kernel is replaced by
the values that the converter will store. The result therefore loads and converts like any other model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import OutputActivation
from birdnet_stm32.quant.training.distillation import cosines, divergence, logit
from birdnet_stm32.quant.training.settings import QatSettings

if TYPE_CHECKING:
    import keras

FloatArray = npt.NDArray[np.float32]

HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class WeightQatEpoch:
    """The result of one epoch; epoch 0 is the model before training.

    Args:
        number: from 0.
        loss: mean over the epoch's steps; for epoch 0 the loss over the held-out windows.
        held_out_loss: over the held-out windows, with quantized kernels.
        best: whether the held-out loss is smaller than that of every earlier epoch.
    """

    number: int
    loss: float
    held_out_loss: float
    best: bool


def tune_weights(
    model: keras.Model,
    features: FloatArray,
    targets: FloatArray | None,
    settings: QatSettings,
    *,
    output_activation: OutputActivation,
    on_epoch: Callable[[WeightQatEpoch], None] | None = None,
) -> keras.Model:
    """Fine-tune a copy of ``model`` and return the best epoch, which may be the model before training.

    Kernels are quantized per channel; activations stay float.

    Without targets, the teacher is the model itself, in float and frozen. Audio without labels and a
    checkpoint with other classes than the data can then be used. The best epoch has the smallest loss on
    windows that are held out of the training.

    Args:
        model: float32; it is not changed.
        features: float32 [n, *input shape], n >= 2.
        targets: float32 [n, classes] in [0, 1], or None.
        settings: how long and how fast.
        output_activation: whether the model's outputs are logits or probabilities.
        on_epoch: called before training and after every epoch.

    Raises:
        InputError: features and targets do not fit each other or the model.
        GateError: the training diverged.
    """
    import keras
    import tensorflow as tf

    _check_training_data(model, features, targets)
    # A model that was saved with a list of one input would have to be called with a list.
    model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    # Unlike clone_model, this keeps the name of the input layer, so that equal training saves equal files.
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
        on_epoch(WeightQatEpoch(number=0, loss=best_loss, held_out_loss=best_loss, best=True))
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
            on_epoch(
                WeightQatEpoch(number=number, loss=float(np.mean(losses)), held_out_loss=reached, best=best)
            )
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

    The variables of the model keep the float weights ("shadow weights"). The network is called as a function
    of them, with quantized values in the place of the kernels.

    Args:
        model: float32; the training step changes its variables.
        learning_rate: of Adam at the first step; it falls to zero along a cosine.
        steps: number of training steps.
        output_activation: whether the model's outputs are logits or probabilities.
        teacher: whether the references are probabilities of a teacher instead of labels.

    Returns:
        Two functions of windows, float32 [n, *input shape], and references, float32 [n, classes]: the
        training step, which returns the loss before it, and the loss.
    """
    import keras
    import tensorflow as tf

    from birdnet_stm32.quant.training.fake_quant import fake_quantize, quantized_kernels

    reduced_axes = {id(kernel.variable): kernel.reduced_axes for kernel in quantized_kernels(model)}
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
    """Return the loss: for labels the mean cross-entropy, for a teacher KL divergence plus (1 - mean cosine).

    Args:
        outputs: of the network, [n, classes].
        references: labels or the teacher's probabilities, [n, classes].
        output_activation: whether ``outputs`` are logits or probabilities.
        teacher: whether ``references`` are probabilities of a teacher.
    """
    import tensorflow as tf

    logits = logit(outputs) if output_activation is OutputActivation.SIGMOID else outputs
    if not teacher:
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=references, logits=logits))
    cosine = cosines(_sigmoid(outputs, output_activation), references)
    return tf.reduce_mean(divergence(logits, references)) + 1.0 - tf.reduce_mean(cosine)


def _sigmoid(outputs: Any, output_activation: OutputActivation) -> Any:
    import tensorflow as tf

    return tf.sigmoid(outputs) if output_activation is OutputActivation.LOGIT else outputs


def _batches(order: npt.NDArray[np.int64], size: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _by_batch(forward: Callable[[FloatArray], Any], features: FloatArray, size: int) -> FloatArray:
    parts = [
        np.asarray(forward(features[start : start + size]).numpy()) for start in range(0, len(features), size)
    ]
    return np.concatenate(parts)


def _check_training_data(model: keras.Model, features: FloatArray, targets: FloatArray | None) -> None:
    """Refuse windows and targets that do not fit the model or each other."""
    shape, classes = tuple(model.inputs[0].shape[1:]), model.outputs[0].shape[-1]
    if features.shape[1:] != shape or len(features) < 2:
        raise InputError(
            f"features are {list(features.shape)}",
            expected=f"[n, {', '.join(map(str, shape))}] with at least 2 windows, because some are held out",
        )
    if not all(np.isfinite(window).all() for window in features):
        raise InputError("features hold NaN or infinity", expected="finite values")
    if targets is None:
        return
    if targets.shape != (len(features), classes):
        raise InputError(f"targets are {list(targets.shape)}", expected=f"[{len(features)}, {classes}]")
    if not (targets >= 0).all() or not (targets <= 1).all():
        raise InputError("targets leave [0, 1]", expected="probabilities")
