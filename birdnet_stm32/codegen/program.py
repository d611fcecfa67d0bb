"""A network as kernel calls: the result of the lowering."""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.codegen.kernel_calls import KernelCall
from birdnet_stm32.tflite.ir import Graph


@dataclass(frozen=True, kw_only=True)
class OrderLoop:
    """One loop over a tensor that is stored in another order than in the model.

    Args:
        size: number of iterations.
        model_stride: elements from one iteration to the next in the order of the model.
        stride: the same in memory.
    """

    size: int
    model_stride: int
    stride: int


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """The int8 tensor at the input or at the output of the network.

    Args:
        tensor: index of the tensor that owns the memory.
        name: name of the tensor in the model.
        shape: shape in the model, with the batch.
        scale: real value of one step.
        zero_point: the integer that stands for 0.
        order: the loops over its elements in memory, in the order of the model with the outermost loop first.
            It is empty if the tensor is stored in the order of the model.
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
        graph: the graph that the indices refer to.
        steps: kernel calls in order of execution.
        same: maps a tensor that is a view to the tensor that owns the memory.
        input: the tensor that the caller writes.
        output: the tensor that the caller reads.
        output_is_logit: the output is a logit, not a probability.
    """

    graph: Graph
    steps: tuple[KernelCall, ...]
    same: dict[int, int]
    input: Boundary
    output: Boundary
    output_is_logit: bool

    def storage(self, tensor: int) -> int:
        """Return the tensor that owns the memory of ``tensor``."""
        while tensor in self.same:
            tensor = self.same[tensor]
        return tensor
