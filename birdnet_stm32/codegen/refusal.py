"""How the generator says no: always with the operator's name, its number and its shapes."""

from __future__ import annotations

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor


def describe(operator: Operator, graph: Graph) -> str:
    """Return ``operator 22 CONV_2D [1, 64, 256, 1] -> [1, 64, 128, 16]``; weights are left out."""
    sources = [graph.tensors[index] for index in operator.inputs if index >= 0]
    computed = [tensor for tensor in sources if tensor.data is None] or sources
    targets = [graph.tensors[index] for index in operator.outputs]
    return f"operator {operator.index} {operator.name} {_shapes(computed)} -> {_shapes(targets)}"


def refuse(
    operator: Operator,
    graph: Graph,
    what: str,
    *,
    expected: str | None = None,
    remedy: str | tuple[str, ...] = (),
) -> InputError:
    """Return the error that ``operator`` cannot be generated because ``what``."""
    return InputError(what, where=describe(operator, graph), expected=expected, remedy=remedy)


def _shapes(tensors: list[Tensor]) -> str:
    return ", ".join(str(list(tensor.shape)) for tensor in tensors)
