"""Find out how long each activation is needed, and place all of them in the arena."""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.codegen.arena import Lifetime, aligned, plan_arena
from birdnet_stm32.codegen.overlap import lead_bytes
from birdnet_stm32.codegen.program import KernelProgram
from birdnet_stm32.tflite.ir import Tensor


@dataclass(frozen=True, kw_only=True)
class PlacedActivation:
    """A tensor in the arena.

    Args:
        tensor: the tensor. Tensors that share its memory as a view are not listed.
        offset_bytes: offset in the arena.
        size_bytes: size in the arena.
        first: number of the kernel call that writes it, 0 for the input.
        last: number of the last kernel call that reads it. For the output it is the last call of all.
    """

    tensor: Tensor
    offset_bytes: int
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """The plan of the whole arena.

    Args:
        activations: activations of the network, in the order in which they are written.
        workspace_bytes: the front end uses these first bytes before the network runs; 0 without a front end.
        size_bytes: size of the arena, which is enough for both.
    """

    activations: tuple[PlacedActivation, ...]
    workspace_bytes: int
    size_bytes: int


def plan_memory(program: KernelProgram, workspace_bytes: int = 0, *, kept: int | None = None) -> MemoryPlan:
    """Place every activation of ``program``.

    Args:
        program: the network.
        workspace_bytes: size of the workspace of the front end.
        kept: a tensor that is still there when the network has run.
    """
    lifetimes = _lifetimes(program, kept)
    order = sorted(lifetimes, key=lambda tensor: (lifetimes[tensor].first, tensor))
    placed = plan_arena(
        [lifetimes[tensor] for tensor in order],
        _takes_over(program, lifetimes, order),
        _leads(program, lifetimes, order),
    )
    return MemoryPlan(
        activations=tuple(
            PlacedActivation(
                tensor=program.graph.tensors[tensor],
                offset_bytes=placement.offset_bytes,
                size_bytes=placement.lifetime.size_bytes,
                first=placement.lifetime.first,
                last=placement.lifetime.last,
            )
            for tensor, placement in zip(order, placed.placements, strict=True)
        ),
        workspace_bytes=workspace_bytes,
        size_bytes=aligned(max(placed.size_bytes, workspace_bytes)),
    )


def _lifetimes(program: KernelProgram, kept: int | None) -> dict[int, Lifetime]:
    first = {program.storage(program.input.tensor): 0}
    last = dict(first)
    for number, step in enumerate(program.steps):
        touched = (*step.activations, step.output)
        for tensor in map(program.storage, touched):
            first.setdefault(tensor, number)
            last[tensor] = number
    for tensor in (program.output.tensor, *(() if kept is None else (kept,))):
        last[program.storage(tensor)] = len(program.steps) - 1
    return {
        tensor: Lifetime(
            name=program.graph.tensors[tensor].short_name,
            size_bytes=program.graph.tensors[tensor].elements,
            first=first[tensor],
            last=last[tensor],
        )
        for tensor in first
    }


def _takes_over(program: KernelProgram, lifetimes: dict[int, Lifetime], order: list[int]) -> dict[int, int]:
    """Map an activation to an operand of the same call whose memory it can use, both by position."""
    position = {tensor: index for index, tensor in enumerate(order)}
    found: dict[int, int] = {}
    for number, step in enumerate(program.steps):
        later = program.storage(step.output)
        for earlier in map(program.storage, step.in_place):
            if (
                position[later] not in found
                and earlier != later
                and lifetimes[earlier].last == lifetimes[later].first == number
                and lifetimes[earlier].size_bytes == lifetimes[later].size_bytes
            ):
                found[position[later]] = position[earlier]
    return found


def _leads(
    program: KernelProgram, lifetimes: dict[int, Lifetime], order: list[int]
) -> dict[tuple[int, int], int]:
    """Map (output, input) of a call, by position, to the distance at which they may overlap."""
    position = {tensor: index for index, tensor in enumerate(order)}
    found: dict[tuple[int, int], int] = {}
    for number, step in enumerate(program.steps):
        lead = lead_bytes(step.layer)
        if lead is None:
            continue
        (earlier,) = map(program.storage, step.activations)
        later = program.storage(step.output)
        if lifetimes[earlier].last == lifetimes[later].first == number:
            found[position[later], position[earlier]] = lead
    return found
