"""An operator in its graph: what it reads and writes as tensors, and how its window moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from birdnet_stm32.tflite.ir import Graph, Operator, Option, Tensor


@dataclass(frozen=True)
class Node:
    """An operator together with the graph that it is part of.

    The graph's own types hold indices, as the file does. A node answers in tensors.

    Args:
        operator: the operator.
        graph: the graph that its indices refer to.
    """

    operator: Operator
    graph: Graph

    @property
    def index(self) -> int:
        """The operator's place in the order of execution."""
        return self.operator.index

    @property
    def name(self) -> str:
        """TFLite's name of the operator, ``CONV_2D``."""
        return self.operator.name

    @property
    def options(self) -> Mapping[str, Option]:
        """The options of the operator, see :class:`birdnet_stm32.tflite.ir.Operator`."""
        return self.operator.options

    @property
    def input(self) -> Tensor:
        """The first input. Raises: IndexError if there is none."""
        return self.graph.tensors[self.operator.inputs[0]]

    @property
    def output(self) -> Tensor:
        """The first output. Raises: IndexError if there is none."""
        return self.graph.tensors[self.operator.outputs[0]]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs in order. Optional inputs that are absent are left out."""
        return tuple(self.graph.tensors[index] for index in self.operator.inputs if index >= 0)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The outputs in order."""
        return tuple(self.graph.tensors[index] for index in self.operator.outputs)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The inputs, then the outputs."""
        return (*self.inputs, *self.outputs)

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """The inputs that are computed at run time."""
        return tuple(tensor for tensor in self.inputs if tensor.data is None)

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """The inputs that are constants."""
        return tuple(tensor for tensor in self.inputs if tensor.data is not None)

    def input_at(self, position: int) -> Tensor | None:
        """Return the input at ``position``, or None if it is absent."""
        indices = self.operator.inputs
        if position >= len(indices) or indices[position] < 0:
            return None
        return self.graph.tensors[indices[position]]

    def integers_at(self, position: int) -> tuple[int, ...] | None:
        """Return a constant input as whole numbers (axes, sizes), or None if it is computed or absent."""
        tensor = self.input_at(position)
        if tensor is None or tensor.data is None:
            return None
        return tuple(int(value) for value in tensor.data.reshape(-1))

    @property
    def strides(self) -> tuple[int, int]:
        """The strides along height and width, 1 where the operator has none."""
        return int(self.options.get("stride_h", 1)), int(self.options.get("stride_w", 1))

    @property
    def dilations(self) -> tuple[int, int]:
        """The distances between two values of the kernel along height and width, 1 for neighbours."""
        return int(self.options.get("dilation_h_factor", 1)), int(self.options.get("dilation_w_factor", 1))

    @property
    def kernel(self) -> tuple[int, int] | None:
        """Height and width of a convolution's kernel, or None if the weights do not have four dimensions."""
        weights = self.input_at(1)
        if weights is None or len(weights.shape) != 4:
            return None
        return weights.shape[1], weights.shape[2]

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of a pool's window, 1 where the operator has none."""
        return int(self.options.get("filter_height", 1)), int(self.options.get("filter_width", 1))


def nodes(graph: Graph) -> tuple[Node, ...]:
    """Return every operator of ``graph`` as a node, in order of execution."""
    return tuple(Node(operator, graph) for operator in graph.operators)
