"""Prepare everything that the templates print: names, literals and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from birdnet_stm32.codegen.arena import ALIGNMENT_BYTES
from birdnet_stm32.codegen.kernel_calls import (
    Broadcast,
    Constant,
    FullyConnected,
    HeadCall,
    KernelCall,
    Window,
)
from birdnet_stm32.codegen.memory import MemoryPlan
from birdnet_stm32.codegen.program import Boundary, KernelProgram
from birdnet_stm32.templating import c_array
from birdnet_stm32.tflite.ir import Tensor

# With this limit, a comment with a tensor's name fits on one line of 100 columns.
_NAME_LENGTH = 60
# Structs with more members are written over several lines.
_LONG = (Window, Broadcast)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of a struct's initialiser: a literal or another struct."""

    name: str
    literal: str | None = None
    members: tuple[Member, ...] | None = None
    inline: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstantView:
    """An array as C declares and defines it."""

    symbol: str
    c_type: str
    role: str
    elements: int
    size_bytes: int
    shape: tuple[int, ...]
    rows: str


@dataclass(frozen=True, kw_only=True)
class KernelCallView:
    """A kernel call as C writes it."""

    operator: str
    name: str
    shapes: str
    macs: int
    c_type: str
    layer: str
    function: str
    members: tuple[Member, ...]
    checks: tuple[ConstantView, ...]
    arguments: tuple[str, ...]
    output: str


@dataclass(frozen=True, kw_only=True)
class ArenaView:
    """The place of an activation as C writes it."""

    index: int
    symbol: str
    name: str
    shape: tuple[int, ...]
    offset_bytes: int
    size_bytes: int
    first: str
    last: str


@dataclass(frozen=True, kw_only=True)
class BoundaryView:
    """The network's input or output."""

    symbol: str
    shape: tuple[int, ...]
    elements: int
    scale: float
    zero_point: int
    reordered: bool
    place: str
    line: int
    step: int


@dataclass(frozen=True, kw_only=True)
class EmbeddingView:
    """What the last dense layer is fed, as C writes it."""

    symbol: str
    elements: int
    scale: float
    zero_point: int


def embedding_tensor(program: KernelProgram) -> int | None:
    """Return the tensor that the last dense layer, or the head, reads; None if there is neither."""
    for step in reversed(program.steps):
        if isinstance(step.layer, HeadCall):
            return step.activations[0]
        if isinstance(step.layer, FullyConnected):
            return step.activations[0] if step.layer.rows == 1 else None
    return None


def embedding_view(program: KernelProgram, tensor: int | None) -> EmbeddingView | None:
    """Return an activation of the network as C writes it; None without one."""
    if tensor is None:
        return None
    stored = program.graph.tensors[tensor]
    if stored.quantization is None:
        return None
    return EmbeddingView(
        symbol=storage_symbol(program, tensor),
        elements=stored.elements,
        scale=float(stored.quantization.scales[0]),
        zero_point=int(stored.quantization.zero_points[0]),
    )


def network_view(program: KernelProgram, memory: MemoryPlan) -> dict[str, Any]:
    """Return the context of the network's templates."""
    names = layer_names(program.steps)
    constants = [
        _constant_view(name, constant)
        for name, step in zip(names, program.steps, strict=True)
        for constant in step_constants(step)
    ]
    return {
        "steps": [_step_view(program, name, step) for name, step in zip(names, program.steps, strict=True)],
        "constants": constants,
        "constant_bytes": sum(constant.size_bytes for constant in constants),
        "macs": sum(step.macs for step in program.steps),
        "arena": _arena(memory, names),
        "arena_bytes": memory.size_bytes,
        "arena_alignment": ALIGNMENT_BYTES,
        "input": _boundary(program, program.input),
        "output": _boundary(program, program.output),
        "output_is_logit": program.output_is_logit,
        "shape": shape_text,
        "product": lambda shape: " * ".join(str(size) for size in shape),
    }


def layer_names(steps: Sequence[KernelCall]) -> list[str]:
    """Return a name for each kernel call: ``layer_7``, or ``layer_7_0``, ``layer_7_1`` if there are two."""
    by_operator: dict[int, int] = {}
    for step in steps:
        by_operator[step.operator.index] = by_operator.get(step.operator.index, 0) + 1
    parts: dict[int, int] = {}
    names = []
    for step in steps:
        index = step.operator.index
        part = parts[index] = parts.get(index, -1) + 1
        names.append(f"layer_{index}" if by_operator[index] == 1 else f"layer_{index}_{part}")
    return names


def step_constants(step: KernelCall) -> list[Constant]:
    """Return the constant arrays that a kernel call reads, those of its parameters first."""
    values = (getattr(step.layer, field.name) for field in fields(step.layer))
    return [value for value in (*values, *step.inputs) if isinstance(value, Constant)]


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as Python prints a list."""
    return str(list(shape))


def _constant_view(layer: str, constant: Constant) -> ConstantView:
    return ConstantView(
        symbol=_constant_symbol(layer, constant),
        c_type=constant.c_type,
        role=constant.role,
        elements=constant.values.size,
        size_bytes=constant.values.nbytes,
        shape=constant.values.shape,
        rows=_rows(constant),
    )


def _rows(constant: Constant) -> str:
    values = constant.values.reshape(-1)
    if values.dtype == np.float64:
        return "\n".join(f"    {value!r}," for value in values.tolist())
    return c_array(values)


def _constant_symbol(layer: str, constant: Constant) -> str:
    return f"birdnet_{layer}_{constant.role}"


def _step_view(program: KernelProgram, layer: str, step: KernelCall) -> KernelCallView:
    tensors = program.graph.tensors
    sources = [list(tensors[source].shape) for source in step.activations]
    target = tensors[step.output]
    arguments = tuple(
        _constant_symbol(layer, source)
        if isinstance(source, Constant)
        else f"&arena[{_symbol(tensors[program.storage(source)])}]"
        for source in step.inputs
    )
    return KernelCallView(
        operator=step.title or f"{step.operator.index} {step.operator.name}",
        name=_short(target),
        shapes=f"{', '.join(map(str, sources))} -> {list(target.shape)}",
        macs=step.macs,
        c_type=step.layer.c_type,
        # The parameters of a head that can be replaced lie in memory, not in the program.
        layer="network->head" if isinstance(step.layer, HeadCall) else layer,
        function=step.function,
        members=_members(layer, step.layer),
        checks=tuple(_constant_view(layer, constant) for constant in step_constants(step)),
        arguments=arguments,
        output=_symbol(tensors[program.storage(step.output)]),
    )


def _members(layer: str, value: Any) -> tuple[Member, ...]:
    return tuple(_member(layer, field.name, getattr(value, field.name)) for field in fields(value))


def _member(layer: str, name: str, value: Any) -> Member:
    if isinstance(value, Constant):
        return Member(name=name, literal=_constant_symbol(layer, value))
    if isinstance(value, tuple):
        return Member(name=name, literal=f"{{{', '.join(map(str, value))}}}")
    if isinstance(value, int):
        return Member(name=name, literal=str(value))
    return Member(name=name, members=_members(layer, value), inline=not isinstance(value, _LONG))


def _arena(memory: MemoryPlan, names: Sequence[str]) -> list[ArenaView]:
    return [
        ArenaView(
            index=activation.tensor.index,
            symbol=_symbol(activation.tensor),
            name=_short(activation.tensor),
            shape=activation.tensor.shape,
            offset_bytes=activation.offset_bytes,
            size_bytes=activation.size_bytes,
            first=names[activation.first],
            last=names[activation.last],
        )
        for activation in memory.activations
    ]


def _boundary(program: KernelProgram, boundary: Boundary) -> BoundaryView:
    tensors = program.graph.tensors
    return BoundaryView(
        symbol=storage_symbol(program, boundary.tensor),
        shape=boundary.shape,
        elements=tensors[boundary.tensor].elements,
        scale=boundary.scale,
        zero_point=boundary.zero_point,
        reordered=bool(boundary.order),
        place=_place(boundary),
        line=boundary.order[-1].size if boundary.order else tensors[boundary.tensor].elements,
        step=boundary.order[-1].stride if boundary.order else 1,
    )


def _place(boundary: Boundary) -> str:
    """Return the C expression for the offset of ``element``, which is counted in the order of the model."""
    if not boundary.order:
        return "element"
    turns = []
    for number, walk in enumerate(boundary.order):
        turn = "element" if walk.model_stride == 1 else f"element / {walk.model_stride}u"
        turn += "" if number == 0 else f" % {walk.size}u"
        turns.append(turn if walk.stride == 1 else f"{turn} * {walk.stride}u")
    return " + ".join(turns)


def storage_symbol(program: KernelProgram, tensor: int) -> str:
    """Return the name that C has for the place of a tensor in the arena."""
    return _symbol(program.graph.tensors[program.storage(tensor)])


def _symbol(tensor: Tensor) -> str:
    return f"T{tensor.index}"


def _short(tensor: Tensor) -> str:
    return tensor.short_name[:_NAME_LENGTH]
