"""Make a student of a trained network: the same layers, other labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract, OutputActivation
from birdnet_stm32.model.start.depth import Learn, learning_rates
from birdnet_stm32.model.start.head import Head, head_for, head_of, with_head
from birdnet_stm32.model.training.student import Student


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A trained network that a training starts from.

    Args:
        model: the network, as :func:`birdnet_stm32.model.checkpoints.checkpoint.load` gives it.
        contract: what it is fed, and its classes.
    """

    model: keras.Model
    contract: ModelContract

    @property
    def head(self) -> Head:
        """Its head. With a sigmoid at its end, these are the logits before it."""
        return head_of(self.model, self.contract.labels)

    def contract_for(self, labels: tuple[str, ...]) -> ModelContract:
        """Return the contract of a network that starts from this one: other classes, logits."""
        return replace(self.contract, labels=labels, output_activation=OutputActivation.LOGIT)


def start_from(
    start: Start,
    labels: tuple[str, ...],
    *,
    learn: Learn = "all",
    backbone_rate: float = 1.0,
    head: Head | None = None,
    seed: int = 0,
) -> Student:
    """Return a student with the layers of a trained network. Every call gives an equal one, and a new one.

    Args:
        start: the trained network.
        labels: the classes of the student.
        learn: which layers learn, see :func:`birdnet_stm32.model.start.depth.learning_rates`.
        backbone_rate: factor of the learning rate from one stage to the stage before it.
        head: the head to begin with, such as that of a linear probe. Default: the columns of the classes that
            the network has already; random ones for new classes.
        seed: seed of random weights and of dropout.

    Raises:
        InputError: ``head`` does not fit, or ``learn`` does not suit the network.
    """
    own = start.head
    first = head_for(own, labels, seed=seed) if head is None else head
    if first.labels != labels or first.kernel.shape[0] != own.kernel.shape[0]:
        raise InputError(
            f"the head has {len(first.labels)} classes and {first.kernel.shape[0]} inputs",
            expected=f"the {len(labels)} classes of the student and {own.kernel.shape[0]} inputs",
        )
    model = with_head(start.model, first, seed=seed, dropout=True)
    return Student(model=model, rates=learning_rates(model, learn=learn, backbone_rate=backbone_rate))
