"""Which steps each recipe has.

To add a recipe, name it in :mod:`birdnet_stm32.config.recipe_names` and list its steps here.
"""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.config.recipe_names import RECIPE_NAMES, RecipeName
from birdnet_stm32.quant.recipes.range_steps import BIAS, CLIPPING, LIMITS
from birdnet_stm32.quant.recipes.rewriting_steps import (
    EQUAL_SCALES,
    FLOAT_FRONT_END,
    INNER_SUBRANGES,
    INPUT_SUBRANGES,
    LOGITS,
)
from birdnet_stm32.quant.recipes.settings import RecipeSettings
from birdnet_stm32.quant.recipes.step import RangeChoice, Step, histogram_clipping
from birdnet_stm32.quant.recipes.training_step import QAT


@dataclass(frozen=True, eq=False)
class Recipe:
    """A list of steps.

    Args:
        steps: in the order in which they rewrite the model.

    Raises:
        ValueError: a step is listed twice, or before a step that it needs.
    """

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Check the order of the steps."""
        for position, step in enumerate(self.steps):
            before = self.steps[:position]
            if step in before:
                raise ValueError(f"a recipe lists the step {step.name!r} twice")
            for needed in step.needs:
                if needed not in before:
                    raise ValueError(f"a recipe lists {step.name!r} without {needed.name!r} before it")

    @property
    def rewrites_network(self) -> bool:
        """Whether the network is rewritten, which not every model allows, instead of converted as it is."""
        return FLOAT_FRONT_END in self.steps

    def range_choice(self, settings: RecipeSettings) -> RangeChoice:
        """Return how the recipe chooses operand ranges; ``settings.clip`` replaces the recipe's clipping."""
        clip = next((step.clip for step in self.steps if step.clip is not None), None)
        return RangeChoice(
            limit=next((step.limit for step in self.steps if step.limit is not None), None),
            clip=clip if settings.clip is None else histogram_clipping(settings.clip),
        )


_INPUT_SUBRANGES = (LOGITS, FLOAT_FRONT_END, INPUT_SUBRANGES)
_EQUALIZE = (*_INPUT_SUBRANGES, EQUAL_SCALES, LIMITS, CLIPPING, BIAS)

_BY_NAME: dict[RecipeName, Recipe] = {
    "ptq": Recipe(()),
    "logits": Recipe((LOGITS,)),
    "float_front_end": Recipe((LOGITS, FLOAT_FRONT_END)),
    "input_subranges": Recipe(_INPUT_SUBRANGES),
    "equalize": Recipe(_EQUALIZE),
    "inner_subranges": Recipe((*_EQUALIZE, INNER_SUBRANGES)),
    "qat": Recipe((*_EQUALIZE, INNER_SUBRANGES, QAT)),
}

RECIPES: dict[str, Recipe] = {name: _BY_NAME[name] for name in RECIPE_NAMES}
"""The recipes by name, in order of cost; each has all steps of the one before it."""
