"""The loss of a training: binary cross-entropy over what is judged."""

from __future__ import annotations

import keras
import tensorflow as tf


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
