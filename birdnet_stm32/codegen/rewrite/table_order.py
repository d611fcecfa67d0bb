"""Fuse a transpose with the table lookup before it."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.codegen.kernel_calls import ChannelLookup, KernelCall, StridedCopy
from birdnet_stm32.codegen.program import KernelProgram

_MAX_CHANNEL_STRIDE = 8_192  # of the kernel


def store_tables_transposed(program: KernelProgram) -> KernelProgram:
    """Fuse every birdnet_channel_lookup with the copy after it, if that copy swaps pixels and channels."""
    steps = list(program.steps)
    for lookup in program.steps:
        copy = _only_reader(program, lookup)
        joined = None if copy is None else _joined(lookup, copy)
        if copy is not None and joined is not None:
            steps[steps.index(lookup)] = joined
            steps.remove(copy)
    return replace(program, steps=tuple(steps))


def _only_reader(program: KernelProgram, step: KernelCall) -> KernelCall | None:
    """Return the only kernel call that reads the output of ``step``, or None."""
    stored = program.storage(step.output)
    readers = [reader for reader in program.steps if stored in map(program.storage, reader.activations)]
    return readers[0] if len(readers) == 1 and stored != program.storage(program.output.tensor) else None


def _joined(lookup: KernelCall, copy: KernelCall) -> KernelCall | None:
    """Return both as one kernel call, or None if they are not a table and a swap."""
    table, layer = lookup.layer, copy.layer
    if not isinstance(table, ChannelLookup) or not isinstance(layer, StridedCopy):
        return None
    loops = zip(layer.sizes, layer.input_strides, layer.output_strides, strict=True)
    swap = [(table.channels, 1, table.pixels), (table.pixels, table.channels, 1)]
    whole = layer.input_offset == layer.output_offset == 0
    if (
        sorted(loop for loop in loops if loop[0] > 1) != sorted(swap)
        or not whole
        or table.pixels > _MAX_CHANNEL_STRIDE
    ):
        return None
    return replace(
        lookup,
        layer=replace(table, pixel_stride=1, channel_stride=table.pixels),
        output=copy.output,
        in_place=(),
        title=f"{lookup.title}, {copy.operator.index} {copy.operator.name}",
    )
