"""The types of conditions, and decorators that make a condition from a question and its evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from birdnet_stm32.npu.evidence import Evidence
from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.node import Node

CHANNEL_MULTIPLE = 8  # this many channels fill the lanes of the NPU


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A question about an operator in its graph.

    Args:
        name: name of the function that answers the question.
        means: the question in words.
        holds: the function.
        evidence: why the answer matters to the NPU.
    """

    name: str
    means: str
    holds: Callable[[Node], bool]
    evidence: tuple[Evidence, ...]

    def __call__(self, node: Node) -> bool:
        """Answer the question."""
        return self.holds(node)


@dataclass(frozen=True, kw_only=True)
class TensorCondition:
    """A question about a tensor in its graph. The fields are those of :class:`Condition`."""

    name: str
    means: str
    holds: Callable[[Tensor, Graph], bool]
    evidence: tuple[Evidence, ...]

    def __call__(self, tensor: Tensor, graph: Graph) -> bool:
        """Answer the question."""
        return self.holds(tensor, graph)


def _means(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").split("\n")[0]


def known(*evidence: Evidence) -> Callable[[Callable[[Node], bool]], Condition]:
    """Make a condition of a question about an operator."""

    def make(holds: Callable[[Node], bool]) -> Condition:
        return Condition(name=holds.__name__, means=_means(holds), holds=holds, evidence=evidence)

    return make


def known_of_tensors(
    *evidence: Evidence,
) -> Callable[[Callable[[Tensor, Graph], bool]], TensorCondition]:
    """Make a condition of a question about a tensor."""

    def make(holds: Callable[[Tensor, Graph], bool]) -> TensorCondition:
        return TensorCondition(name=holds.__name__, means=_means(holds), holds=holds, evidence=evidence)

    return make


@known()
def always(node: Node) -> bool:
    """Hold for every operator."""
    return True
