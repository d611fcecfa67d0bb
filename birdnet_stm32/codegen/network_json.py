"""``network.json``: the generated network for tools that read no C."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from birdnet_stm32.codegen.arena import ALIGNMENT_BYTES
from birdnet_stm32.codegen.kernel_calls import KernelCall
from birdnet_stm32.codegen.memory import MemoryPlan
from birdnet_stm32.codegen.network_document import (
    GeneratedOperator,
    NetworkDocument,
    NetworkOutput,
    NetworkPort,
    PlannedArena,
    PlannedTensor,
)
from birdnet_stm32.codegen.program import Boundary, KernelProgram
from birdnet_stm32.codegen.template_view import layer_names, step_constants
from birdnet_stm32.files.document import document_values


def network_json(
    program: KernelProgram, memory: MemoryPlan, labels: Sequence[str], files: Mapping[str, bytes], digest: str
) -> bytes:
    """Return inputs, outputs, memory plan, operators with their multiply-accumulates, and checksums.

    Args:
        program: the network.
        memory: its arena.
        labels: of its outputs.
        files: the generated files, for their SHA-256.
        digest: which network it is to the linker.
    """
    names = layer_names(program.steps)
    operators = [_operator(program, name, step) for name, step in zip(names, program.steps, strict=True)]
    document = NetworkDocument(
        format=NetworkDocument.VERSION,
        digest=digest,
        input=NetworkPort(**_boundary(program, program.input)),
        output=NetworkOutput(
            **_boundary(program, program.output),
            is_logit=program.output_is_logit,
            labels=tuple(labels),
        ),
        macs=sum(step.macs for step in program.steps),
        constant_bytes=sum(operator.constant_bytes for operator in operators),
        arena=PlannedArena(
            size_bytes=memory.size_bytes,
            alignment_bytes=ALIGNMENT_BYTES,
            workspace_bytes=memory.workspace_bytes,
            tensors=tuple(
                PlannedTensor(
                    tensor=activation.tensor.index,
                    name=activation.tensor.short_name,
                    shape=activation.tensor.shape,
                    offset_bytes=activation.offset_bytes,
                    size_bytes=activation.size_bytes,
                    first=activation.first,
                    last=activation.last,
                )
                for activation in memory.activations
            ),
        ),
        operators=tuple(operators),
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    )
    return (json.dumps(document_values(document), indent=2) + "\n").encode()


def _boundary(program: KernelProgram, boundary: Boundary) -> dict[str, Any]:
    tensor = program.graph.tensors[boundary.tensor]
    return {
        "name": boundary.name,
        "shape": tuple(boundary.shape),
        "elements": tensor.elements,
        "scale": boundary.scale,
        "zero_point": boundary.zero_point,
    }


def _operator(program: KernelProgram, name: str, step: KernelCall) -> GeneratedOperator:
    tensors = program.graph.tensors
    return GeneratedOperator(
        layer=name,
        operator=step.operator.name,
        index=step.operator.index,
        kernel=step.function,
        name=tensors[step.output].short_name,
        inputs=tuple(tensors[source].shape for source in step.activations),
        output=tensors[step.output].shape,
        macs=step.macs,
        constant_bytes=sum(constant.values.nbytes for constant in step_constants(step)),
    )
