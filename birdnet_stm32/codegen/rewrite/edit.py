"""Queries and changes of a graph that the rewrites share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from birdnet_stm32.tflite.ir import Data, Graph, Operator, Quantization, Tensor


def writers(graph: Graph) -> dict[int, Operator]:
    """Return the operator that writes each computed tensor."""
    return {output: operator for operator in graph.operators for output in operator.outputs}


def readers(graph: Graph) -> dict[int, list[Operator]]:
    """Return the operators that read each tensor, in order of execution."""
    found: dict[int, list[Operator]] = defaultdict(list)
    for operator in graph.operators:
        for tensor in dict.fromkeys(operator.inputs):
            found[tensor].append(operator)
    return found


def with_constant(
    graph: Graph, name: str, data: Data, quantization: Quantization | None = None
) -> tuple[Graph, int]:
    """Return ``graph`` with one more constant, and the index of that constant."""
    index = len(graph.tensors)
    constant = Tensor(
        index=index,
        name=name,
        shape=data.shape,
        dtype=data.dtype.name,
        quantization=quantization,
        data=data,
    )
    return replace(graph, tensors=(*graph.tensors, constant)), index


def with_operators(graph: Graph, operators: Mapping[int, Operator]) -> Graph:
    """Replace the operators with these indices, then remove operators that are no longer needed."""
    kept = tuple(operators.get(operator.index, operator) for operator in graph.operators)
    return replace(graph, operators=needed_operators(kept, graph.outputs))


def needed_operators(operators: Iterable[Operator], outputs: Iterable[int]) -> tuple[Operator, ...]:
    """Return the operators that at least one of ``outputs`` depends on."""
    wanted, kept = set(outputs), []
    for operator in reversed(tuple(operators)):
        if not wanted.isdisjoint(operator.outputs):
            kept.append(operator)
            wanted.update(operator.inputs)
    return tuple(reversed(kept))
