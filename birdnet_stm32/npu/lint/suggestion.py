"""What to put in the place of an operator, in words."""

from __future__ import annotations

from dataclasses import dataclass

RULE = "full-height-kernel"
WINDOWS = 8  # random inputs that a suggestion is proven on


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Two convolutions for one.

    Args:
        operator: index of the one.
        tensor: short name of what it makes.
        first: the first as a layer of Keras.
        second: likewise.
        float_error: largest difference in float, as a share of the largest output.
        int8_equal: share of int8 outputs that are the same.
        int8_steps: largest difference in int8, in steps of the output.
        outputs: how many were compared.
        refused: why there is no such rewrite; then the rest is empty.
    """

    operator: int
    tensor: str
    first: str = ""
    second: str = ""
    float_error: float = 0.0
    int8_equal: float = 0.0
    int8_steps: int = 0
    outputs: int = 0
    refused: str = ""


def suggestion_text(suggestion: Suggestion, model: str) -> str:
    """Return a suggestion as lines."""
    place = f"{model}:#{suggestion.operator}"
    if suggestion.refused:
        return f"{place}: no suggestion: {suggestion.refused}  [{RULE}]"
    return (
        f"{place}: suggestion: in its place, two convolutions that compute the same  [{RULE}]\n"
        f"    {suggestion.first}\n"
        f"    {suggestion.second}\n"
        f"    in float, differs by at most {suggestion.float_error:.1e} of the largest output; in int8, "
        f"{100 * suggestion.int8_equal:.2f} % of {suggestion.outputs:,} outputs are equal, the others differ "
        f"by at most {suggestion.int8_steps} step{'s' if suggestion.int8_steps > 1 else ''} ({WINDOWS} "
        "random inputs)\n"
        "    made of 8 rows, such a pair ran on a board; of other heights nobody has reported\n"
        "    birdnet_stm32.model.surgery.full_height.without_full_height rewrites a Keras model so"
    )
