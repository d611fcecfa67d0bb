"""Recipes: named ways to turn a float model into an int8 model. Each recipe is a list of steps.

Read ``step`` (what a step is), ``rewriting_steps``, ``range_steps`` and ``training_step`` (the steps),
``catalog`` (which steps each recipe has) and ``make`` (how a recipe is carried out).
"""

from birdnet_stm32.quant.recipes.catalog import RECIPES, Recipe
from birdnet_stm32.quant.recipes.make import Candidate, make_candidate
from birdnet_stm32.quant.recipes.score import agreement
from birdnet_stm32.quant.recipes.settings import RecipeSettings, UnfitError

__all__ = [
    "RECIPES",
    "Candidate",
    "Recipe",
    "RecipeSettings",
    "UnfitError",
    "agreement",
    "make_candidate",
]
