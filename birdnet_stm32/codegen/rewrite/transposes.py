"""Compose a transpose of a transpose to a single one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from birdnet_stm32.codegen import shapes
from birdnet_stm32.codegen.rewrite.edit import with_constant, with_operators, writers
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.node import Node


def compose_transposes(graph: Graph) -> Graph:
    """Let every TRANSPOSE read the input of the transposes before it.

    A TRANSPOSE stays even if its permutation becomes the identity. The lowering turns it into a view.
    """
    for operator in graph.operators:
        if operator.name != "TRANSPOSE":
            continue
        # Looked up anew, because the operator before may have been composed as well.
        inner = writers(graph).get(operator.inputs[0])
        if inner is None or inner.name != "TRANSPOSE":
            continue
        first, second = (shapes.integers(Node(each, graph), 1) for each in (inner, operator))
        order = np.array([first[axis] for axis in second], dtype=np.int32)
        graph, index = with_constant(graph, "permutation", order)
        graph = with_operators(graph, {operator.index: replace(operator, inputs=(inner.inputs[0], index))})
    return graph
