"""Where a network ends in a classifier: the head. All before it is the backbone, which has a digest.

The head is the last dense layer, and the sigmoid after it if there is one. It turns what the backbone heard
into one value for each class. Two models with the same backbone differ only in their classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor

_EXPECTED = (
    "a network that ends in a dense layer (FULLY_CONNECTED) with constant int8 weights, and after it at most "
    "a sigmoid (LOGISTIC)"
)


@dataclass(frozen=True, kw_only=True)
class HeadOperators:
    """The operators of the head.

    Args:
        dense: the dense layer, FULLY_CONNECTED.
        logistic: the LOGISTIC after it; None for a network that gives logits.
    """

    dense: Operator
    logistic: Operator | None

    @property
    def input(self) -> int:
        """The tensor that the backbone hands to the head."""
        return self.dense.inputs[0]

    @property
    def output(self) -> int:
        """The int8 tensor that the head computes."""
        return (self.logistic or self.dense).outputs[0]


def find_head(graph: Graph) -> HeadOperators:
    """Return the operators of the head of an int8 model with a batch of 1.

    Raises:
        InputError: the model does not end in such a head.
    """
    writers = {operator.outputs[0]: operator for operator in graph.operators}
    last = writers.get(graph.outputs[0])
    if last is not None and last.name == "DEQUANTIZE":
        last = writers.get(last.inputs[0])
    logistic = last if last is not None and last.name == "LOGISTIC" else None
    dense = writers.get(logistic.inputs[0]) if logistic is not None else last
    if dense is None or dense.name != "FULLY_CONNECTED":
        found = "nothing that is computed" if dense is None else dense.name
        raise InputError(f"the network ends in {found}", expected=_EXPECTED)
    _check(graph, dense)
    for tensor in (dense.inputs[0], dense.outputs[0]):
        readers = [operator.name for operator in graph.operators if tensor in operator.inputs]
        if len(readers) > 1:
            raise InputError(
                f"{len(readers)} operators read the tensor {graph.tensors[tensor].short_name}: "
                + ", ".join(readers),
                expected="a head that is alone at the end of the network",
            )
    return HeadOperators(dense=dense, logistic=logistic)


def _check(graph: Graph, dense: Operator) -> None:
    source, weights = (graph.tensors[index] for index in dense.inputs[:2])
    if weights.data is None or weights.dtype != "int8" or source.dtype != "int8" or source.data is not None:
        raise InputError(
            f"the last dense layer multiplies {source.dtype} by {weights.dtype}",
            where=source.short_name,
            expected=_EXPECTED,
        )
    if source.elements != weights.shape[1]:
        raise InputError(
            f"the last dense layer computes {source.elements / weights.shape[1]:g} rows",
            where=source.short_name,
            expected="one row, the classes",
        )


def cut_backbone(graph: Graph, head: HeadOperators) -> Graph:
    """Return the operators before the head as a network of their own, whose output is the head's input."""
    place = graph.operators.index(head.dense)
    return replace(graph, operators=graph.operators[:place], outputs=(head.input,))


def cut_head(graph: Graph, head: HeadOperators) -> Graph:
    """Return the head as a network of its own, from int8 to int8."""
    operators = (head.dense, *((head.logistic,) if head.logistic is not None else ()))
    return replace(graph, operators=operators, inputs=(head.input,), outputs=(head.output,))


def backbone_digest(backbone: Graph, front_end: bytes = b"") -> bytes:
    """Return the SHA-256 of everything that decides what a backbone computes: 32 bytes.

    Names of tensors, their order in the file and the version of the converter do not count.

    Args:
        backbone: from :func:`cut_backbone`.
        front_end: what decides how the input of the network is made from samples.
    """
    number = {-1: -1}  # of each tensor, in the order in which they are met
    lines: list[object] = ["birdnet-stm32 backbone 1", hashlib.sha256(front_end).hexdigest()]

    def describe(indices: Iterable[int]) -> None:
        for index in indices:
            if index not in number:
                number[index] = len(number)
                lines.append(_description(backbone.tensors[index]))
            lines.append(number[index])

    describe(backbone.inputs)
    for operator in backbone.operators:
        lines.append((operator.name, sorted((key, repr(value)) for key, value in operator.options.items())))
        describe((*operator.inputs, *operator.outputs))
    describe(backbone.outputs)
    return hashlib.sha256("\n".join(map(repr, lines)).encode()).digest()


def _description(tensor: Tensor) -> tuple[object, ...]:
    """Return what a tensor is, without its name."""
    one = tensor.quantization
    grid = None if one is None else ([scale.hex() for scale in one.scales], one.zero_points, one.axis)
    data = None if tensor.data is None else hashlib.sha256(tensor.data.tobytes()).hexdigest()
    return tensor.shape, tensor.dtype, grid, data
