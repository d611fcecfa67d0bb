"""A network that is about to learn, and how fast each of its layers may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import keras

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.architecture import dscnn


@dataclass(frozen=True, kw_only=True, eq=False)
class Student:
    """A network that is about to learn.

    Args:
        model: the network; its outputs are logits.
        rates: factor of the learning rate by the name of a layer, from 0 to 1; 1 for a layer that is not
            named. With 0 the layer stays as it is, and a batch normalisation keeps its statistics.
    """

    model: keras.Model
    rates: Mapping[str, float] = field(default_factory=dict)


def new_student(contract: ModelContract, seed: int) -> Student:
    """Return an untrained network that learns in all its layers.

    Args:
        contract: the network to build.
        seed: seed of the initial weights and of dropout.
    """
    return Student(model=dscnn.build_dscnn(contract, seed=seed))
