"""Add a class to a trained network, or take one away. The other columns of its head stay as they are.

The new column is fitted by logistic regression to embeddings of recordings with and without the species. So
the network itself is not trained, and nothing that it knew is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.start.head import Head, head_of, known_classes, with_head
from birdnet_stm32.model.start.linear_probe import fit_column
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import printable

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

STRENGTH = 0.1
"""Inverse strength of the regularisation: the middle of those that a linear probe tries."""
LEAST_SHARE = 0.25
"""The windows of the species together weigh at least this much of what the others weigh together. Otherwise
more recordings of others would make the species ever less likely to be heard."""
PARTS = 4
"""The recordings are divided into so many parts; each is scored by a column that was fitted to the others."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """Windows with a species and windows without it.

    Args:
        embeddings: float32 ``[n, dimensions]``.
        heard: whether the window is of the species, bool ``[n]``.
        recordings: the recording of each window, int64 ``[n]``, numbered from 0 without gaps.
    """

    embeddings: Floats
    heard: NDArray[np.bool_]
    recordings: Indices


def require_new(label: str, contract: ModelContract) -> None:
    """Refuse a species that a model knows already, by any of its names.

    Raises:
        InputError: it knows it.
    """
    known = known_classes([label], contract.labels)
    if known:
        own = printable(known[label], longest=80)
        raise InputError(
            f"the model knows {printable(label, longest=80)} already, as {own}",
            expected="a species that is new to it",
            remedy=(
                "species remove takes it away first",
                "train --start trains a model on, with more recordings of its species",
            ),
        )


def class_to_remove(label: str, contract: ModelContract) -> str:
    """Return the class of a model that a name means.

    Raises:
        InputError: there is none, or it is the only one.
    """
    known = known_classes([label], contract.labels)
    if not known:
        raise InputError(
            f"the model has no class {printable(label, longest=80)}",
            expected=f"one of its {len(contract.labels)} classes",
            remedy=did_you_mean(label, contract.labels) or (),
        )
    if len(contract.labels) == 1:
        raise InputError(f"{printable(known[label], longest=80)} is the only class of the model")
    return known[label]


def fit_species(examples: Heard) -> tuple[Floats, float]:
    """Return kernel, float32 ``[dimensions]``, and bias of the column of a species."""
    others, own = int((~examples.heard).sum()), int(examples.heard.sum())
    weight = max(1.0, LEAST_SHARE * others / own)
    return fit_column(examples.embeddings, examples.heard, strength=STRENGTH, positive_weight=weight)


def score_apart(examples: Heard) -> Floats | None:
    """Return the logit of each window by a column that was fitted without any window of its recording.

    Returns:
        float32 ``[n]``; None if there is only one recording of the species, or one of others.
    """
    numbers = np.arange(int(examples.recordings.max()) + 1)
    own = np.isin(numbers, examples.recordings[examples.heard])
    if min(own.sum(), (~own).sum()) < 2:
        return None
    part_of = np.empty(len(numbers), np.int64)
    for kind in (own, ~own):
        part_of[kind] = np.arange(kind.sum()) % PARTS
    parts = part_of[examples.recordings]
    logits = np.zeros(len(parts), np.float32)
    for part in np.unique(parts):
        inside = parts == part
        rest = replace(examples, embeddings=examples.embeddings[~inside], heard=examples.heard[~inside])
        kernel, bias = fit_species(rest)
        logits[inside] = examples.embeddings[inside] @ kernel + bias
    return logits


def add_class(
    model: keras.Model, contract: ModelContract, label: str, kernel: Floats, bias: float
) -> tuple[keras.Model, ModelContract]:
    """Return a copy of a network with one class more, after all others, and its contract.

    Args:
        model: a network whose last layer is dense.
        contract: its contract.
        label: name of the new class.
        kernel: its column, float32 ``[dimensions]``.
        bias: its bias.
    """
    head = head_of(model, contract.labels)
    more = Head(
        labels=(*head.labels, label),
        kernel=np.concatenate([head.kernel, kernel[:, np.newaxis]], axis=1),
        bias=np.append(head.bias, np.float32(bias)),
    )
    return _changed(model, contract, more)


def remove_class(
    model: keras.Model, contract: ModelContract, label: str
) -> tuple[keras.Model, ModelContract]:
    """Return a copy of a network without one of its classes, and its contract."""
    head = head_of(model, contract.labels)
    kept = [number for number, own in enumerate(head.labels) if own != label]
    fewer = Head(
        labels=tuple(head.labels[number] for number in kept),
        kernel=head.kernel[:, kept],
        bias=head.bias[kept],
    )
    return _changed(model, contract, fewer)


def _changed(model: keras.Model, contract: ModelContract, head: Head) -> tuple[keras.Model, ModelContract]:
    activation = keras.activations.serialize(model.layers[-1].activation)
    changed = with_head(model, head, seed=0, dropout=False, activation=str(activation))
    return changed, replace(contract, labels=head.labels)
