"""The type of a rule, and the searches that most rules use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from birdnet_stm32.npu.conditions.condition import Condition, TensorCondition, always
from birdnet_stm32.npu.evidence import Evidence
from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.node import Node, nodes


class LintSeverity(StrEnum):
    """How serious a finding is."""

    ERROR = "error"  # known to fail, to hang, or to compute wrong results without a message
    WARNING = "warning"  # costs an epoch on the Cortex-M55, or is not documented; it can be avoided
    HINT = "hint"  # works in most models, but is slower, or has to be checked on the board


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A place where a rule holds.

    Args:
        operator: index of the operator.
        tensor: index of the tensor, None for the first output of the operator.
        evidence: the shape, type or number that shows it; may be empty.
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
        hits: yields the places.
        evidence: why they matter.
    """

    hits: Callable[[Graph], Iterator[Hit]]
    evidence: tuple[Evidence, ...]

    def __call__(self, graph: Graph) -> Iterator[Hit]:
        """Search a graph."""
        return self.hits(graph)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A known problem.

    Args:
        id: stable name in messages and variants, and the file name of its page.
        title: short description without a full stop.
        severity: how serious a finding is.
        why: the consequences.
        remedy: what to change in the model or in the variant.
        find: the search through a graph.
    """

    id: str
    title: str
    severity: LintSeverity
    why: str
    remedy: str
    find: Search

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence of the condition that the rule searches for."""
        return self.find.evidence

    @property
    def versions(self) -> str:
        """The versions of ST Edge AI Core that the evidence is about."""
        return ", ".join(dict.fromkeys(one.core for one in self.evidence))

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the evidence."""
        return tuple(dict.fromkeys(one.where for one in self.evidence))


def nothing(node: Node) -> str:
    """Add nothing to the title of the rule."""
    return ""


def known_always(*evidence: Evidence) -> Condition:
    """Return the condition that holds for every operator, with the given evidence."""
    return replace(always, evidence=evidence)


def search(*evidence: Evidence) -> Callable[[Callable[[Graph], Iterator[Hit]]], Search]:
    """Make a search from a function that goes through a whole graph."""
    return lambda hits: Search(hits=hits, evidence=evidence)


def operators(*names: str, when: Condition, says: Describe = nothing) -> Search:
    """Search for operators.

    Args:
        names: TFLite names. Without names, every operator is searched.
        when: the condition that must hold.
        says: returns the evidence of a finding.
    """

    def hits(graph: Graph) -> Iterator[Hit]:
        for node in nodes(graph):
            if (not names or node.name in names) and when(node):
                yield Hit(operator=node.index, evidence=says(node))

    return Search(hits=hits, evidence=when.evidence)


def tensors(when: TensorCondition, says: DescribeTensor) -> Search:
    """Search for tensors. A finding points at the operator that writes the tensor, or the first reader."""

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
    """Return the shape of a tensor as text: ``1x64x128``."""
    return "x".join(map(str, tensor.shape)) or "scalar"


def first_output(node: Node) -> str:
    """Return the shape of the first output as text."""
    return shape_of(node.output)


def first_input(node: Node) -> str:
    """Return the shape of the first input as text."""
    return shape_of(node.input)


def from_to(node: Node) -> str:
    """Return the shapes of the first input and the first output as text."""
    return f"{first_input(node)} to {first_output(node)}"
