"""Errors for operators that cannot be generated. Each names the operator, its number and its shapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Tensor
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.reader import listed


def describe_node(node: Node) -> str:
    """Return ``operator 22 CONV_2D [1, 64, 256, 1] -> [1, 64, 128, 16]``. Weights are left out."""
    computed = node.activations or node.inputs
    return f"operator {node.index} {node.name} {_shapes(computed)} -> {_shapes(node.outputs)}"


def refuse(
    node: Node,
    what: str,
    *,
    expected: str | None = None,
    remedy: str | tuple[str, ...] = (),
) -> InputError:
    """Return the error for an operator that cannot be generated.

    Args:
        node: the operator.
        what: the reason.
        expected: what would be supported.
        remedy: what the user can do.
    """
    return InputError(what, where=describe_node(node), expected=expected, remedy=remedy)


def combine_refusals(errors: Sequence[InputError]) -> InputError:
    """Return one error for all of ``errors``. A single error stays as it is; several become a list.

    Args:
        errors: at least one error, each about a part of the same model.
    """
    if len(errors) == 1:
        return errors[0]
    lines = [f"{error.where}: {error.what}" if error.where else error.what for error in errors]
    return InputError(
        f"{len(errors)} things in the model are not supported:"
        + "".join(f"\n    {one}" for one in listed(lines)),
        expected="; ".join(_once(error.expected for error in errors if error.expected)) or None,
        remedy=_once(remedy for error in errors for remedy in error.remedies),
    )


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _shapes(tensors: Sequence[Tensor]) -> str:
    return ", ".join(str(list(tensor.shape)) for tensor in tensors)
