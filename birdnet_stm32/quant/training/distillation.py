"""Terms of the losses that make a network agree with the probabilities of its teacher."""

from __future__ import annotations

from typing import Any

PROBABILITY_MARGIN = 1e-7  # keeps the logit of a probability finite


def logit(probabilities: Any) -> Any:
    """Return ``log(p / (1 - p))`` of probabilities, which are first clipped to the inside of (0, 1)."""
    import tensorflow as tf

    inside = tf.clip_by_value(probabilities, PROBABILITY_MARGIN, 1.0 - PROBABILITY_MARGIN)
    return tf.math.log(inside) - tf.math.log1p(-inside)


def divergence(logits: Any, references: Any) -> Any:
    """Return the KL divergence of each class from the reference; 0 where both agree.

    It is the cross-entropy of the reference and the network, less the entropy of the reference.

    Args:
        logits: of the network, [n, classes].
        references: probabilities of the teacher, [n, classes].

    Returns:
        A tensor [n, classes].
    """
    import tensorflow as tf

    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    return entropy(labels=references, logits=logits) - entropy(labels=references, logits=logit(references))


def cosines(probabilities: Any, references: Any) -> Any:
    """Return the cosine of the two probability vectors of each window, which ``verify`` judges by.

    A vector of zeros has the cosine 0 and a finite gradient.

    Args:
        probabilities: of the network, [n, classes].
        references: of the teacher, [n, classes].

    Returns:
        A tensor [n].
    """
    import tensorflow as tf

    return tf.reduce_sum(
        tf.nn.l2_normalize(probabilities, axis=-1) * tf.nn.l2_normalize(references, axis=-1), axis=-1
    )
