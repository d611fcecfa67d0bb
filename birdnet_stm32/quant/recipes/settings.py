"""Settings that every recipe is given, and the error of a recipe that does not fit a model."""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.ranges.clipping import Clipping


class UnfitError(InputError):
    """A recipe that cannot be used for this model."""


@dataclass(frozen=True, kw_only=True)
class RecipeSettings:
    """Settings of recipes.

    Args:
        per_tensor: one scale for each kernel instead of one scale for each channel. Recipes that rewrite the
            network refuse it.
        clip: how operand ranges are clipped; None leaves this to the recipe.
        epochs: epochs of ``qat``.
        learning_rate: learning rate of ``qat`` for weights alone; with activations a tenth of it is used.
        batch_size: windows in each training step of ``qat``.
        seed: seed of ``qat``.
    """

    per_tensor: bool = False
    clip: Clipping | None = None
    epochs: int = 10
    learning_rate: float = 1e-4
    batch_size: int = 16
    seed: int = 42
