"""The head of a network: its last layer, which makes a logit of each class from the embedding of a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.annotations.species_names import species_names
from birdnet_stm32.model.architecture import blocks
from birdnet_stm32.model.architecture.dscnn import DROPOUT

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """The logits are ``embedding @ kernel + bias``.

    Args:
        labels: names of the classes.
        kernel: float32 ``[dimensions, classes]``.
        bias: float32 ``[classes]``.
    """

    labels: tuple[str, ...]
    kernel: Floats
    bias: Floats

    def logits(self, embeddings: Floats) -> Floats:
        """Return float32 ``[n, classes]`` for embeddings, float32 ``[n, dimensions]``."""
        logits: Floats = (embeddings @ self.kernel + self.bias).astype(np.float32)
        return logits


def head_of(model: keras.Model, labels: tuple[str, ...]) -> Head:
    """Return the head of a network whose last layer is dense.

    Args:
        model: the network.
        labels: names of its classes.
    """
    last = model.layers[-1]
    kernel, *bias = last.get_weights()
    return Head(
        labels=labels,
        kernel=np.asarray(kernel, np.float32),
        bias=np.asarray(bias[0] if bias else np.zeros(kernel.shape[1]), np.float32),
    )


def embedding_model(model: keras.Model) -> keras.Model:
    """Return the network without its head: from its input to the embedding. The layers are shared."""
    return keras.Model(model.inputs[0], model.layers[-1].input, name=model.name)


def known_classes(labels: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Return which of the classes a network knows already: its own name of each.

    Scientific names decide before common ones.

    Args:
        labels: the classes that are asked for.
        known: the classes of the network.

    Raises:
        InputError: a name means several classes of the network.

    >>> known_classes(["Turdus merula", "Parus major_Great Tit"], ["Turdus merula_Amsel"])
    {'Turdus merula': 'Turdus merula_Amsel'}
    """
    names = species_names(known, where="the classes of the checkpoint")
    found = {label: names.label_of(label) for label in labels}
    return {label: own for label, own in found.items() if own is not None}


def head_for(head: Head, labels: tuple[str, ...], *, seed: int) -> Head:
    """Return a head for other classes: known ones keep their column, new ones get random weights.

    Args:
        head: the head of the trained network.
        labels: the classes.
        seed: seed of the random weights.

    Raises:
        InputError: see :func:`known_classes`.
    """
    dimensions = head.kernel.shape[0]
    new = keras.initializers.GlorotUniform(seed=blocks.layer_seed(seed, "logits"))
    kernel = np.array(new((dimensions, len(labels))), np.float32)
    bias = np.zeros(len(labels), np.float32)
    known = known_classes(labels, head.labels)
    own = [labels.index(label) for label in known]
    theirs = [head.labels.index(label) for label in known.values()]
    kernel[:, own], bias[own] = head.kernel[:, theirs], head.bias[theirs]
    return Head(labels=labels, kernel=kernel, bias=bias)


def with_head(
    model: keras.Model, head: Head, *, seed: int, dropout: bool, activation: str = "linear"
) -> keras.Model:
    """Return a copy of a network with another head.

    Nothing is shared with ``model``. All random choices of dropout come from ``seed``.

    Args:
        model: a network whose last layer is dense.
        head: its new head.
        seed: seed of dropout.
        dropout: whether dropout is added before the head, if there is none.
        activation: what follows the head: ``linear`` for logits, or ``sigmoid``.
    """

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if "seed" in config:
            config["seed"] = blocks.layer_seed(seed, str(layer.name))
        return type(layer).from_config(config)

    shared = embedding_model(model)
    copy = keras.models.clone_model(shared, clone_function=copied)
    copy.set_weights(shared.get_weights())
    x = copy.outputs[0]
    if dropout and not _has_dropout(shared):
        x = keras.layers.Dropout(DROPOUT, seed=blocks.layer_seed(seed, "dropout"), name="dropout")(x)
    dense = keras.layers.Dense(len(head.labels), activation=activation, name=model.layers[-1].name)
    logits = keras.Model(copy.inputs[0], dense(x), name=model.name)
    dense.set_weights([head.kernel, head.bias])
    return logits


def _has_dropout(embedding: keras.Model) -> bool:
    """Return whether there is dropout after the last layer with weights."""
    for layer in reversed(embedding.layers):
        if isinstance(layer, keras.layers.Dropout):
            return True
        if layer.weights:
            return False
    return False
