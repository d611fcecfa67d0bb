"""A rule, and the searches that most rules are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from birdnet_stm32.npu.conditions.condition import Condition, TensorCondition, always
from birdnet_stm32.npu.evidence import Evidence
from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.node import Node, nodes


class LintSeverity(StrEnum):
    """How much a hit matters."""

    ERROR = "error"  # known to fail, to hang, or to compute something else without a word
    WARNING = "warning"  # costs an epoch on the Cortex-M55, or is documented nowhere: avoidable
    HINT = "hint"  # works in most models: slower, or to be proven on the board


@dataclass(frozen=True, kw_only=True)
class Hit:
    """Where a rule holds.

    Args:
        operator: index of the operator.
        tensor: index of the tensor, None for the operator's first output.
        evidence: the shape, type or number that gave it away; may be empty.
    """

    operator: int
    tensor: int | None = None
    evidence: str = ""


Describe = Callable[[Node], str]
DescribeTensor = Callable[[Tensor], str]


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search through a graph.

    Args:
        hits: yields where something is the case.
        evidence: how it is known that this matters.
    """

    hits: Callable[[Graph], Iterator[Hit]]
    evidence: tuple[Evidence, ...]

    def __call__(self, graph: Graph) -> Iterator[Hit]:
        """Search a graph."""
        return self.hits(graph)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something that is known to go wrong.

    Args:
        id: its stable name, in messages, variants and as its page's file name.
        title: what is the case, without a full stop.
        severity: how much a hit matters.
        why: what comes of it.
        remedy: what to do in the model or in the variant.
        find: searches a graph.
    """

    id: str
    title: str
    severity: LintSeverity
    why: str
    remedy: str
    find: Search

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """How it is known: that of the condition it looks for."""
        return self.find.evidence

    @property
    def versions(self) -> str:
        """Versions of ST Edge AI Core that the evidence is about."""
        return ", ".join(dict.fromkeys(one.core for one in self.evidence))

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the evidence lies."""
        return tuple(dict.fromkeys(one.where for one in self.evidence))


def nothing(node: Node) -> str:
    """Say nothing more than the rule's title."""
    return ""


def known_always(*evidence: Evidence) -> Condition:
    """Return the condition that holds for every operator, with how it is known that it matters."""
    return replace(always, evidence=evidence)


def search(*evidence: Evidence) -> Callable[[Callable[[Graph], Iterator[Hit]]], Search]:
    """Make a search of a function that goes through a whole graph."""
    return lambda hits: Search(hits=hits, evidence=evidence)


def operators(*names: str, when: Condition, says: Describe = nothing) -> Search:
    """Search for operators.

    Args:
        names: TFLite names; none means every operator.
        when: what must hold.
        says: the evidence.
    """

    def hits(graph: Graph) -> Iterator[Hit]:
        for node in nodes(graph):
            if (not names or node.name in names) and when(node):
                yield Hit(operator=node.index, evidence=says(node))

    return Search(hits=hits, evidence=when.evidence)


def tensors(when: TensorCondition, says: DescribeTensor) -> Search:
    """Search for tensors; a hit points at the operator that writes it, or the first that reads it."""

    def hits(graph: Graph) -> Iterator[Hit]:
        for tensor in graph.tensors:
            operator = operator_at(tensor.index, graph) if when(tensor, graph) else None
            if operator is not None:
                yield Hit(operator=operator, tensor=tensor.index, evidence=says(tensor))

    return Search(hits=hits, evidence=when.evidence)


def operator_at(tensor: int, graph: Graph) -> int | None:
    """Return the operator that writes a tensor, or the first that reads it, or None."""
    touching = [one for one in graph.operators if tensor in one.outputs] or [
        one for one in graph.operators if tensor in one.inputs
    ]
    return touching[0].index if touching else None


def shape_of(tensor: Tensor) -> str:
    """Say a tensor's shape."""
    return "x".join(map(str, tensor.shape)) or "scalar"


def first_output(node: Node) -> str:
    """Say the shape of an operator's first output."""
    return shape_of(node.output)


def first_input(node: Node) -> str:
    """Say the shape of an operator's first input."""
    return shape_of(node.input)


def from_to(node: Node) -> str:
    """Say the shapes of an operator's first input and output."""
    return f"{first_input(node)} to {first_output(node)}"
