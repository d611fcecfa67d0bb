"""Quantization-aware training of weights: fine-tune float weights while the network uses their int8 values.

BatchNorm is frozen, and the variables stay float32. Only inside the training step, each kernel is replaced by
the values that the converter will store. The result therefore loads and converts like any other model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.evaluate.pooling import pool_windows
from birdnet_stm32.evaluate.recording_ranking import recording_cmap, recording_truths
from birdnet_stm32.frontend.contract import OutputActivation
from birdnet_stm32.quant.training.distillation import cosines, divergence, logit
from birdnet_stm32.quant.training.reached import Reached
from birdnet_stm32.quant.training.settings import QatSettings

if TYPE_CHECKING:
    import keras

FloatArray = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class WeightQatEpoch:
    """The result of one epoch; epoch 0 is the model before training.

    Args:
        number: from 0.
        loss: mean over the epoch's steps; for epoch 0 the loss over the held-out windows.
        held_out_loss: over the held-out windows, with quantized kernels.
        best: whether this is better than every earlier epoch, see :class:`~reached.Reached`.
        held_out_cmap: mean over classes of the average precision over the held-out recordings, with quantized
            kernels; None where they or their classes are not known.
    """

    number: int
    loss: float
    held_out_loss: float
    best: bool
    held_out_cmap: float | None = None

    @property
    def reached(self) -> Reached:
        """What tells whether it is better than another."""
        return Reached(closeness=-self.held_out_loss, cmap=self.held_out_cmap)


def tune_weights(
    model: keras.Model,
    features: FloatArray,
    targets: FloatArray | None,
    settings: QatSettings,
    *,
    output_activation: OutputActivation,
    recordings: Indices | None = None,
    on_epoch: Callable[[WeightQatEpoch], None] = lambda epoch: None,
) -> keras.Model:
    """Fine-tune a copy of ``model`` and return the best epoch, which may be the model before training.

    Kernels are quantized per channel; activations stay float.

    Without targets, the teacher is the model itself, in float and frozen. Audio without labels and a
    checkpoint with other classes than the data can then be used. The best epoch has the smallest loss on
    windows that are held out of the training. With targets and recordings, whole recordings are held out, and
    the best epoch has the highest cMAP over them; if two hardly differ, the smaller loss.

    Args:
        model: float32; it is not changed.
        features: float32 [n, *input shape], n >= 2.
        targets: float32 [n, classes] in [0, 1], or None.
        settings: how long and how fast.
        output_activation: whether the model's outputs are logits or probabilities.
        recordings: the recording of each window, int64 [n]; None where it is not known.
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
    held_out, training = _hold_out(len(features), None if targets is None else recordings, rng)
    ranking = None if targets is None else _ranking(targets[held_out], recordings, held_out)
    if targets is None:
        forward = tf.function(lambda windows: _sigmoid(model(windows, training=False), output_activation))
        references = _by_batch(forward, features, settings.batch_size)
    else:
        references = np.asarray(targets, np.float32)
    steps = settings.epochs * -(-len(training) // settings.batch_size)
    step, loss = compile_step(
        tuned, settings.learning_rate, steps, output_activation, teacher=targets is None
    )

    call = _quantized_call(tuned)
    hear = tf.function(lambda windows: _sigmoid(call(windows), output_activation))

    def measured(number: int, losses: Sequence[float]) -> WeightQatEpoch:
        batches = list(_batches(held_out, settings.batch_size))
        reached = [float(loss(features[batch], references[batch])) for batch in batches]
        mean = float(np.average(reached, weights=[len(batch) for batch in batches]))
        cmap = ranking and ranking(_by_batch(hear, features[held_out], settings.batch_size))
        return WeightQatEpoch(
            number=number,
            loss=float(np.mean(losses)) if losses else mean,
            held_out_loss=mean,
            best=False,
            held_out_cmap=cmap,
        )

    best = replace(measured(0, []), best=True)
    best_weights = tuned.get_weights()
    on_epoch(best)
    for number in range(1, settings.epochs + 1):
        shuffled = rng.permutation(training)
        losses = [
            float(step(features[batch], references[batch]))
            for batch in _batches(shuffled, settings.batch_size)
        ]
        epoch = measured(number, losses)
        if not np.isfinite([*losses, epoch.held_out_loss]).all():
            raise GateError(
                f"quantization-aware training diverged in epoch {number}: the loss is not finite",
                remedy=f"lower qat.learning_rate, which is {settings.learning_rate:g}",
            )
        if epoch.reached.better_than(best.reached):
            epoch = replace(epoch, best=True)
            best, best_weights = epoch, tuned.get_weights()
        on_epoch(epoch)
    tuned.set_weights(best_weights)
    return tuned


def _hold_out(count: int, recordings: Indices | None, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Return which windows are held out, and which train: whole recordings, if there are at least two."""
    wanted = max(1, round(HELD_OUT_SHARE * count))
    names = np.unique(recordings) if recordings is not None else np.empty(0, np.int64)
    if recordings is None or len(names) < 2:
        order = rng.permutation(count)
        return order[:wanted], order[wanted:]
    drawn = rng.permutation(names)[:-1]
    sizes = np.cumsum([np.sum(recordings == name) for name in drawn])
    held = np.isin(recordings, drawn[: 1 + np.searchsorted(sizes, wanted)])
    return np.flatnonzero(held), np.flatnonzero(~held)


def _ranking(
    targets: FloatArray, recordings: Indices | None, held_out: Indices
) -> Callable[[FloatArray], float] | None:
    """Return the function that measures the cMAP of held-out windows over their recordings, if there is one.

    Args:
        targets: those of the held-out windows, [k, classes].
        recordings: the recording of each window, held out or not.
        held_out: the windows that are held out, [k].
    """
    if recordings is None:
        return None
    _, heard = np.unique(recordings[held_out], return_inverse=True)
    measure = recording_cmap(recording_truths(targets > 0.5, heard))
    return None if measure is None else lambda probabilities: measure(pool_windows(probabilities, heard))


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
    call = _quantized_call(model)

    def loss_of(windows: Any, references: Any) -> Any:
        return distance(call(windows), references, output_activation, teacher=teacher)

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


def _quantized_call(model: keras.Model) -> Callable[[Any], Any]:
    """Return the network as a function of windows, with quantized values in the place of its kernels."""
    from birdnet_stm32.quant.training.fake_quant import fake_quantize, quantized_kernels

    reduced_axes = {id(kernel.variable): kernel.reduced_axes for kernel in quantized_kernels(model)}

    def quantized(variables: Sequence[keras.Variable]) -> list[Any]:
        return [
            fake_quantize(variable.value, reduced_axes[id(variable)])
            if id(variable) in reduced_axes
            else variable.value
            for variable in variables
        ]

    def call(windows: Any) -> Any:
        outputs, _ = model.stateless_call(
            quantized(model.trainable_variables),
            quantized(model.non_trainable_variables),
            windows,
            training=False,  # BatchNorm uses its running statistics, and nothing is dropped
        )
        return outputs

    return call


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
