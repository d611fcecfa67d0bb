"""Shapes, and the network's inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator

from birdnet_stm32.npu import conditions as on
from birdnet_stm32.npu.lint.rule import (
    EVERY,
    SEEN,
    ST,
    Hit,
    Rule,
    Severity,
    first_input,
    operators,
    shape_of,
    tensors,
    zoo,
)
from birdnet_stm32.tflite.ir import Graph, Tensor


def _boundary(tensor: Tensor, graph: Graph) -> bool:
    return tensor.index in (*graph.inputs, *graph.outputs)


def _open_inside(tensor: Tensor, graph: Graph) -> bool:
    return tensor.data is None and min(tensor.shape[1:], default=0) < 0


def _open_batch(tensor: Tensor, graph: Graph) -> bool:
    return tensor.index in graph.inputs and tensor.shape[:1] == (-1,)


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
        severity=Severity.ERROR,
        why="The NPU counts a dimension in 16 bits, inside the network too; the front end of the compiler "
        "rejects the model. Raw audio as one long row is the usual case.",
        versions=EVERY,
        remedy="fold the row into rows x hop, or shorten the window",
        sources=(ST, zoo("tensor-dim-over-65535")),
        find=tensors(lambda tensor, _: max(tensor.shape, default=0) > on.MAX_DIMENSION, shape_of),
    ),
    Rule(
        id="rank-over-4",
        title="a tensor has more than 4 dimensions",
        severity=Severity.ERROR,
        why="The compiler crashes: E103 with `Internal compiler error (signo=11)`.",
        versions=SEEN,
        remedy="stay in four dimensions; a pixel shuffle becomes a TRANSPOSE_CONV",
        sources=(zoo("atonn-segfault-rank5-tensors"),),
        find=tensors(lambda tensor, _: len(tensor.shape) > on.MAX_RANK, shape_of),
    ),
    Rule(
        id="open-dimension",
        title="a dimension is open",
        severity=Severity.ERROR,
        why="The NPU's buffers are planned before it runs: the front end refuses the model, or plans "
        "buffers of unknown size.",
        versions=EVERY,
        remedy="fix every dimension before the export, or pass --fix-parametric-shapes",
        sources=(ST, zoo("non-static-io-shape")),
        find=tensors(_open_inside, shape_of),
    ),
    Rule(
        id="open-batch",
        title="the batch of an input is open",
        severity=Severity.WARNING,
        why="ST documents that an open batch is taken as 1, but operators that compute shapes from it stay "
        "in the network and keep it off the NPU.",
        versions=EVERY,
        remedy="export with batch 1; `birdnet-stm32 convert` does",
        sources=(ST, zoo("non-static-io-shape")),
        find=tensors(_open_batch, shape_of),
    ),
    Rule(
        id="batch-not-one",
        title="the batch is not 1",
        severity=Severity.ERROR,
        why="The firmware gives one window and takes one result: the rest of the batch is whatever the "
        "memory held.",
        versions=EVERY,
        remedy="export with batch 1",
        sources=(zoo("batch-dim-not-one"),),
        find=tensors(
            lambda tensor, graph: (
                _boundary(tensor, graph) and len(tensor.shape) > 1 and tensor.shape[0] not in (-1, 1)
            ),
            shape_of,
        ),
    ),
    Rule(
        id="rank-1-input",
        title="an input of one dimension is reshaped inside the network",
        severity=Severity.ERROR,
        why="The front end takes the only dimension for the batch and stops with `Error in computation of "
        "shapes`.",
        versions=SEEN,
        remedy="declare the input as [1, N, ...]",
        sources=(zoo("rank1-graph-input-through-reshape"),),
        find=operators("RESHAPE", "SQUEEZE", "EXPAND_DIMS", when=on.flat_network_input, says=first_input),
    ),
    Rule(
        id="unconnected-output",
        title="nothing reads an output of this operator",
        severity=Severity.ERROR,
        why="ST documents that outputs which lead nowhere are not supported.",
        versions=EVERY,
        remedy="cut the output, replace SPLIT by slices, or make it an output of the network",
        sources=(ST,),
        find=_unread,
    ),
    Rule(
        id="output-rank-over-2",
        title="an int8 output has more than two dimensions",
        severity=Severity.HINT,
        why="ST's audio application stops with `Output format not supported`, and the compiler chooses the "
        "order of the dimensions for each network.",
        versions="ST's audio application v2; others unknown",
        remedy="end with [1, classes], or take shape and order from the generated descriptors",
        sources=(
            zoo("ai-dpu-model-check-rejects-int8-rank3-output"),
            zoo("compiler-chooses-io-layout-per-graph"),
        ),
        find=tensors(
            lambda tensor, graph: (
                tensor.index in graph.outputs and tensor.dtype == "int8" and len(tensor.shape) > 2
            ),
            shape_of,
        ),
    ),
)
