"""A network as kernel calls."""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.codegen.kernel_calls import KernelCall
from birdnet_stm32.tflite.ir import Graph


@dataclass(frozen=True, kw_only=True)
class OrderLoop:
    """One loop over a tensor that is stored in another order than the model's.

    Args:
        size: how often it turns.
        model_stride: elements from one turn to the next in the model's order.
        stride: the same in memory.
    """

    size: int
    model_stride: int
    stride: int


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """The int8 tensor behind the network's input or before its output.

    Args:
        tensor: the index of the one whose memory it is.
        name: of the model's tensor.
        shape: with the batch, in the model's order.
        scale: of one step.
        zero_point: what stands for 0.
        order: where its elements are, the outermost loop of the model's order first; empty if stored in that.
    """

    tensor: int
    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    order: tuple[OrderLoop, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KernelProgram:
    """A network as kernel calls.

    Args:
        graph: the graph the steps refer to.
        steps: in order of execution.
        same: tensor to the tensor whose memory it is, for those that only view another.
        input: what the caller writes.
        output: what the caller reads.
        output_is_logit: the output is no probability yet.
    """

    graph: Graph
    steps: tuple[KernelCall, ...]
    same: dict[int, int]
    input: Boundary
    output: Boundary
    output_is_logit: bool

    def storage(self, tensor: int) -> int:
        """Return the tensor in whose memory ``tensor`` lies."""
        while tensor in self.same:
            tensor = self.same[tensor]
        return tensor
