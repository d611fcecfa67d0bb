"""A loss that draws a network's embeddings towards those of a teacher. It is used in training only.

The two embeddings have different lengths. So a linear projection, which is learned too and then thrown away,
maps the network's embedding to the teacher's. Only directions are compared.
"""

from __future__ import annotations

import keras
import tensorflow as tf


class Projector:
    """The projection and its loss.

    Args:
        model: the network that learns. Its embedding is what its last dense layer reads, before the dropout.
        dimensions: length of the teacher's embeddings.
        weight: weight of the loss.
        seed: seed of the projection's first weights.
    """

    def __init__(self, model: keras.Model, *, dimensions: int, weight: float, seed: int) -> None:
        embedding = embedding_of(model)
        self.with_embedding = keras.Model(model.inputs, [model.outputs[0], embedding])
        self.layer = keras.layers.Dense(
            dimensions, use_bias=False, kernel_initializer=keras.initializers.GlorotUniform(seed)
        )
        self.layer.build((None, embedding.shape[-1]))
        self.weight = weight

    @property
    def variables(self) -> list[keras.Variable]:
        """What is learned beside the network."""
        return list(self.layer.trainable_variables)

    def loss(self, embeddings: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        """Return the weighted loss of a batch, see :func:`cosine_loss`.

        Args:
            embeddings: of the network, float32 ``[n, its dimensions]``.
            wanted: of the teacher, float32 ``[n, dimensions]``; NaN where there is none.
        """
        return self.weight * cosine_loss(self.layer(embeddings), wanted)


def embedding_of(model: keras.Model) -> keras.KerasTensor:
    """Return what the last layer of a network reads, without the dropout before it."""
    reads = model.layers[-1].input
    layer = next(one for one in reversed(model.layers) if one.output is reads)
    return layer.input if isinstance(layer, keras.layers.Dropout) else reads


def cosine_loss(found: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Return 1 minus the cosine between embeddings, as a mean over those that there are; 0 if there are none.

    Args:
        found: float32 ``[n, dimensions]``.
        wanted: float32 ``[n, dimensions]``; a row with NaN is none.
    """
    there = tf.reduce_all(tf.math.is_finite(wanted), axis=1)
    known = tf.where(there[:, tf.newaxis], wanted, tf.zeros_like(wanted))  # NaN would spoil the gradient too
    cosines = tf.reduce_sum(tf.math.l2_normalize(found, axis=1) * tf.math.l2_normalize(known, axis=1), axis=1)
    counted = tf.cast(there, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum((1 - cosines) * counted), tf.reduce_sum(counted))
