"""Each recipe is a list of steps, and each step finds the steps that it needs before it."""

from __future__ import annotations

import itertools

import pytest

from birdnet_stm32.config.recipe_names import RECIPE_NAMES
from birdnet_stm32.quant.ranges.clipping import Clipping, ClippingMethod
from birdnet_stm32.quant.ranges.least_noise import least_noise_shares
from birdnet_stm32.quant.ranges.limits import limit_ranges
from birdnet_stm32.quant.recipes import RECIPES, Recipe, RecipeSettings
from birdnet_stm32.quant.recipes.rewriting_steps import FLOAT_FRONT_END, INPUT_SUBRANGES, LOGITS
from birdnet_stm32.quant.recipes.step import Step


def test_every_recipe_has_the_steps_of_the_one_before() -> None:
    assert tuple(RECIPES) == RECIPE_NAMES
    steps = [recipe.steps for recipe in RECIPES.values()]
    assert all(later[: len(earlier)] == earlier for earlier, later in itertools.pairwise(steps))
    equalize = [step.name for step in RECIPES["equalize"].steps[3:]]
    assert equalize == ["equal scales", "limits", "clipping", "bias"]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((INPUT_SUBRANGES,), "'input sub-ranges' without 'float front end' before it"),
        ((LOGITS, FLOAT_FRONT_END, LOGITS), "'logits' twice"),
    ],
)
def test_a_recipe_checks_what_its_steps_need(steps: tuple[Step, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Recipe(steps)


def test_settings_replace_the_clipping_of_a_recipe_and_leave_its_limits() -> None:
    own = RECIPES["equalize"].range_choice(RecipeSettings())
    assert (own.limit, own.clip) == (limit_ranges, least_noise_shares)
    asked = RECIPES["equalize"].range_choice(RecipeSettings(clip=Clipping(method=ClippingMethod.MSE)))
    assert asked.limit is limit_ranges
    assert asked.clip not in (None, least_noise_shares)
    assert RECIPES["float_front_end"].range_choice(RecipeSettings()).clip is None
