"""The option ``--recipe`` of commands that quantize, and the choice among the recipes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from birdnet_stm32.commands.shared.checkpoint_option import QuantizationInputs
from birdnet_stm32.config.recipe_names import RECIPE_NAMES, refuse_old_name
from birdnet_stm32.errors import GateError, InputError

if TYPE_CHECKING:
    from birdnet_stm32.quant.recipes import Candidate, RecipeSettings
    from birdnet_stm32.selection.candidates import ComputedCandidate
    from birdnet_stm32.selection.measured_candidate import MeasuredCandidate


def add_recipe_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names recipes."""
    parser.add_argument(
        "--recipe",
        nargs="+",
        type=_recipe_name,
        choices=RECIPE_NAMES,
        default=["ptq"],
        metavar="NAME",
        help=f"in order, until one reaches the gates: {', '.join(RECIPE_NAMES)}; default: ptq. From "
        "float_front_end on the network's input is another, which the files written beside it describe",
    )


def _recipe_name(name: str) -> str:
    """Return ``name``, or say what a recipe of that name is called today."""
    try:
        refuse_old_name(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'"{name}" {error}') from None
    return name


def choose_recipe(given: QuantizationInputs, options: argparse.Namespace) -> ChosenRecipe:
    """Try the recipes of the options in order until one reaches the gates. Otherwise take the best one.

    Raises:
        InputError: none fits, or the checkpoint's conversion is not int8.
    """
    from birdnet_stm32.quant.recipes import RecipeSettings
    from birdnet_stm32.selection.choice import choose, passes
    from birdnet_stm32.selection.measured_candidate import describe_candidate
    from birdnet_stm32.stages.candidate import convert_clip

    settings = RecipeSettings(
        per_tensor=options.per_tensor, clip=convert_clip(given.ranges), seed=options.seed
    )
    measured: dict[str, MeasuredCandidate] = {}
    described: dict[str, ComputedCandidate] = {}
    for recipe, one in _measured_recipes(given, options, settings):
        measured[recipe] = one
        described[recipe] = describe_candidate(recipe, one, given.windows, settings)
        if passes(described[recipe], given.limits):
            break
    chosen = choose(described, given.limits, first=True)
    return ChosenRecipe(settings=settings, measured=measured, described=described, recipe=chosen)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChosenRecipe:
    """The recipe that a command chose, with all that it tried.

    Args:
        settings: the settings of the recipes.
        measured: the candidates that were made, by recipe.
        described: what ``candidate.json`` would say of each.
        recipe: the one taken.
    """

    settings: RecipeSettings
    measured: dict[str, MeasuredCandidate]
    described: dict[str, ComputedCandidate]
    recipe: str

    @property
    def candidate(self) -> Candidate:
        """The candidate of the chosen recipe."""
        return self.measured[self.recipe].candidate


def _measured_recipes(
    given: QuantizationInputs, options: argparse.Namespace, settings: RecipeSettings
) -> Iterator[tuple[str, MeasuredCandidate]]:
    """Yield the result of each recipe in turn. Recipes that do not fit the model are skipped.

    Raises:
        InputError: none fits, or the checkpoint's conversion is not int8.
    """
    from birdnet_stm32.quant.recipes import UnfitError
    from birdnet_stm32.selection.measured_candidate import TRAINING_RECIPE, measure_recipe

    found = False
    for recipe in options.recipe:
        try:
            measured = measure_recipe(recipe, given.model, given.contract, given.windows, settings)
        except UnfitError:
            if recipe == options.recipe[-1] and not found:
                raise
            continue
        except GateError as error:
            if recipe == TRAINING_RECIPE:  # the training diverged
                raise
            # There is no candidate to measure: this checkpoint cannot become one.
            raise InputError(
                f"its conversion is not int8: {error.what}",
                where=options.checkpoint_path
                if error.where is None
                else f"{options.checkpoint_path}, {error.where}",
                expected=error.expected,
                remedy=error.remedies,
            ) from error
        found = True
        yield recipe, measured
