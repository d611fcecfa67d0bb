"""Names of the recipes that a variant file and ``--recipe`` accept.

:mod:`birdnet_stm32.quant.recipes` defines one recipe for each name. The names are apart from it because
reading a variant file must not import NumPy or TensorFlow.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator

RecipeName = Literal[
    "ptq", "logits", "float_front_end", "input_subranges", "equalize", "inner_subranges", "qat"
]
RECIPE_NAMES: tuple[RecipeName, ...] = get_args(RecipeName)
"""All names, the cheapest recipe first."""

RENAMED_RECIPES = {"gears": "input_subranges", "inner_gears": "inner_subranges"}
"""Names that earlier versions used, each with the name of today."""


def refuse_old_name(name: Any) -> Any:
    """Return ``name`` unless an earlier version used it.

    Raises:
        ValueError: says the name of today.

    >>> refuse_old_name("ptq")
    'ptq'
    >>> refuse_old_name("gears")
    Traceback (most recent call last):
    ValueError: is now called "input_subranges"
    """
    if isinstance(name, str) and name in RENAMED_RECIPES:
        raise ValueError(f'is now called "{RENAMED_RECIPES[name]}"')
    return name


ListedRecipe = Annotated[RecipeName, BeforeValidator(refuse_old_name)]
"""A name as a variant file lists it."""
