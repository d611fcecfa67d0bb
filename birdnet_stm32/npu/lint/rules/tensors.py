"""Shapes of tensors, and the inputs and outputs of the network."""

from __future__ import annotations

from collections.abc import Iterator

from birdnet_stm32.npu.conditions import movement, shapes
from birdnet_stm32.npu.evidence import st
from birdnet_stm32.npu.lint.rule import (
    Hit,
    LintSeverity,
    Rule,
    first_input,
    operators,
    search,
    shape_of,
    tensors,
)
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.operator_sets import RESHAPES


@search(st("unconnected outputs are not supported"))
def _unread(graph: Graph) -> Iterator[Hit]:
    read = {index for operator in graph.operators for index in operator.inputs} | {*graph.outputs}
    for operator in graph.operators:
        for index in operator.outputs:
            if index not in read:
                yield Hit(operator=operator.index, tensor=index, evidence=graph.tensors[index].short_name)


RULES = (
    Rule(
        id="dimension-over-65535",
        title="a dimension is 65,536 or more",
        severity=LintSeverity.ERROR,
        why="The NPU stores a dimension in 16 bits, and the front end of the compiler rejects the model. The "
        "usual case is raw audio as one long row.",
        remedy="fold the row into rows x hop, or shorten the window",
        find=tensors(shapes.has_large_dimension, shape_of),
    ),
    Rule(
        id="rank-over-4",
        title="a tensor has more than 4 dimensions",
        severity=LintSeverity.ERROR,
        why="The compiler crashes: E103 with `Internal compiler error (signo=11)`.",
        remedy="use at most four dimensions; a pixel shuffle becomes a TRANSPOSE_CONV",
        find=tensors(shapes.has_large_rank, shape_of),
    ),
    Rule(
        id="open-dimension",
        title="a dimension is open",
        severity=LintSeverity.ERROR,
        why="The buffers of the NPU are planned before it runs. The front end refuses the model, or plans "
        "buffers of unknown size.",
        remedy="fix every dimension before the export, or pass --fix-parametric-shapes",
        find=tensors(shapes.is_open, shape_of),
    ),
    Rule(
        id="open-batch",
        title="the batch of an input is open",
        severity=LintSeverity.WARNING,
        why="ST documents that an open batch counts as 1. But operators that compute shapes from it stay in "
        "the network, and the NPU does not run them.",
        remedy="export with batch 1; `birdnet-stm32 convert` does",
        find=tensors(shapes.has_open_batch, shape_of),
    ),
    Rule(
        id="batch-not-one",
        title="the batch is not 1",
        severity=LintSeverity.ERROR,
        why="The firmware writes one window and reads one result. The rest of the batch is undefined memory.",
        remedy="export with batch 1",
        find=tensors(shapes.has_other_batch, shape_of),
    ),
    Rule(
        id="rank-1-input",
        title="an input of one dimension is reshaped inside the network",
        severity=LintSeverity.ERROR,
        why="The front end interprets the only dimension as the batch and stops with `Error in computation "
        "of shapes`.",
        remedy="declare the input as [1, N, ...]",
        find=operators(*RESHAPES, when=movement.flat_network_input, says=first_input),
    ),
    Rule(
        id="unconnected-output",
        title="no operator reads an output of this operator",
        severity=LintSeverity.ERROR,
        why="ST documents that unconnected outputs are not supported.",
        remedy="remove the output, replace SPLIT by slices, or make it an output of the network",
        find=_unread,
    ),
    Rule(
        id="output-rank-over-2",
        title="an int8 output has more than two dimensions",
        severity=LintSeverity.HINT,
        why="ST's audio application stops with `Output format not supported`, and the compiler chooses the "
        "order of the dimensions for each network.",
        remedy="use the output [1, classes], or read shape and order from the generated descriptors",
        find=tensors(shapes.is_plane_output, shape_of),
    ),
)
