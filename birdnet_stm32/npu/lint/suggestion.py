"""What to put in the place of an operator, in words."""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.terminal_text import counted

RULE = "full-height-kernel"
WINDOWS = 8  # number of random inputs that a suggestion is tested on


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Convolutions that replace one convolution.

    Args:
        operator: index of the replaced operator.
        tensor: short name of its output.
        layers: the convolutions as Keras layers, with the content of their kernels.
        float_error: largest difference in float, as a share of the largest output.
        int8_equal: share of int8 outputs that are equal.
        int8_steps: largest difference in int8, in steps of the output.
        outputs: number of outputs that were compared.
        refused: why there is no replacement. The other fields are empty then.
    """

    operator: int
    tensor: str
    layers: tuple[str, ...] = ()
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
    layers = "".join(f"    {number}. {layer}\n" for number, layer in enumerate(suggestion.layers, 1))
    return (
        f"{place}: suggestion: replace it by convolutions that compute the same  [{RULE}]\n"
        f"{layers}"
        f"    in float, differs by at most {suggestion.float_error:.1e} of the largest output; in int8, "
        f"{100 * suggestion.int8_equal:.2f} % of {suggestion.outputs:,} outputs are equal, the others differ "
        f"by at most {counted(suggestion.int8_steps, 'step')} ({WINDOWS} "
        "random inputs)\n"
        "    with 8 rows, such a pair ran on a board; there are no reports of other heights\n"
        "    from_keras, without_full_height and to_keras of birdnet_stm32.quant.rewriting apply it to a "
        "Keras model"
    )
