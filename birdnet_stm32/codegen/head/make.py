"""Take the head out of an int8 model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from birdnet_stm32.codegen.constant_folding import fold_batch
from birdnet_stm32.codegen.head.contents import Head
from birdnet_stm32.codegen.kernel_calls import FullyConnected, Lookup
from birdnet_stm32.codegen.kernel_scales import tensor_scale
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.head import HeadOperators, backbone_digest, cut_backbone, cut_head, find_head
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.node import Node


@dataclass(frozen=True, kw_only=True)
class CutModel:
    """A model in two parts.

    Args:
        graph: the whole model, with every shape known.
        operators: where its head is.
        backbone: the part before the head.
        digest: SHA-256 of the backbone and of the front end.
    """

    graph: Graph
    operators: HeadOperators
    backbone: Graph
    digest: bytes


def cut_model(graph: Graph, front_end: FrontendSpec | None) -> CutModel:
    """Cut a model into backbone and head.

    Args:
        graph: an int8 model.
        front_end: how its input is made from samples; None for a library without a front end.

    Raises:
        InputError: the model does not end in a head, or cannot be generated as C.
    """
    folded = fold_batch(graph)
    operators = find_head(folded)
    backbone = cut_backbone(folded, operators)
    return CutModel(
        graph=folded,
        operators=operators,
        backbone=backbone,
        digest=backbone_digest(backbone, _front_end_bytes(front_end)),
    )


def make_head(cut: CutModel, *, names: Sequence[str], thresholds: Sequence[float], version: int) -> Head:
    """Return the head of a model.

    Args:
        cut: the model.
        names: of its outputs.
        thresholds: probability from which each class counts as heard.
        version: of the head.

    Raises:
        InputError: there are not as many names or thresholds as outputs, or a value is out of range.
    """
    graph, operators = cut.graph, cut.operators
    # Without the rewrites: they would look at the backbone, which other heads share.
    program = lower(cut_head(graph, operators), graph_passes=(), program_passes=())
    dense = program.steps[0].layer
    table = program.steps[1].layer if len(program.steps) > 1 else None
    if not isinstance(dense, FullyConnected) or not (table is None or isinstance(table, Lookup)):
        raise InputError("the head of the network is no dense layer")  # find_head refused it before
    classes = dense.output_channels
    for what, given in (("name", names), ("threshold", thresholds)):
        if len(given) != classes:
            raise InputError(
                f"there are {counted(len(given), what)} for {classes} classes",
                expected=f"one {what} for each class, in the order of the outputs",
            )
    input_scale, input_zero_point = tensor_scale(Node(operators.dense, graph), graph.tensors[operators.input])
    return Head(
        version=version,
        backbone=cut.digest,
        input_scale=input_scale,
        input_zero_point=input_zero_point,
        dense_zero_point=dense.result.zero_point,
        dense_minimum=dense.result.minimum,
        dense_maximum=dense.result.maximum,
        output_scale=program.output.scale,
        output_zero_point=program.output.zero_point,
        weights=dense.weights.values.reshape(classes, -1),
        bias=dense.bias.values[:classes],
        scales=dense.scales.values,
        table=None if table is None else table.table.values.reshape(-1),
        names=tuple(names),
        thresholds=np.asarray(thresholds, np.float32),
    )


def _front_end_bytes(spec: FrontendSpec | None) -> bytes:
    """Return what decides how the input is made from samples, the same for equal front ends."""
    if spec is None:
        return b""
    values = {
        field.name: str(getattr(spec, field.name))
        for field in dataclasses.fields(spec)
        if field.name != "mixer"
    }
    if spec.mixer is not None:
        values["mixer"] = spec.mixer.digest
    return canonical_json(values).encode()
