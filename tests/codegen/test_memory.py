"""A program runs in its arena, byte by byte, with who wrote each byte last: nothing is lost that is read."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.kernel_calls import Conv2d, DepthwiseConv2d, KernelCall, PointwiseConv2d, Pool
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.memory import plan_memory
from birdnet_stm32.codegen.program import KernelProgram
from birdnet_stm32.tflite.ir import Graph

WINDOW = {"padding": "SAME", "fused_activation_function": "NONE"}


@dataclass
class Shadow:
    """The arena: which tensor, by its storage, each byte belongs to."""

    program: KernelProgram
    owner: Any
    offsets: dict[int, int]
    sizes: dict[int, int]
    overlaps: int = field(default=0)

    @classmethod
    def of(cls, program: KernelProgram) -> "Shadow":
        memory = plan_memory(program)
        shadow = cls(
            program=program,
            owner=np.full(memory.size_bytes, -1),
            offsets={one.tensor.index: one.offset_bytes for one in memory.activations},
            sizes={one.tensor.index: one.size_bytes for one in memory.activations},
        )
        shadow.write(program.storage(program.input.tensor), slice(None))
        return shadow

    def part(self, tensor: int, part: slice) -> Any:
        begin = self.offsets[tensor]
        return self.owner[begin : begin + self.sizes[tensor]][part]

    def write(self, tensor: int, part: slice) -> None:
        self.part(tensor, part)[:] = tensor

    def check(self, tensor: int, part: slice) -> None:
        assert (self.part(tensor, part) == tensor).all(), f"tensor {tensor} is overwritten before it is read"


def run(program: KernelProgram) -> Shadow:
    shadow = Shadow.of(program)
    for step in program.steps:
        sources = [program.storage(source) for source in step.inputs if isinstance(source, int)]
        target = program.storage(step.output)
        if isinstance(step.layer, Conv2d | DepthwiseConv2d | Pool):
            _slide(shadow, step, sources[0], target)
            continue
        if isinstance(step.layer, PointwiseConv2d):
            _go_along(shadow, step.layer, sources[0], target)
            continue
        for source in sources:
            shadow.check(source, slice(None))
        in_place = {program.storage(source) for source in step.in_place}
        shadow.write(target, slice(None))
        for source in set(sources) - in_place - {target}:
            shadow.check(source, slice(None))  # nothing else may lie where the output goes
        for source in in_place:
            kept = shadow.part(source, slice(None)) == source
            assert kept.all() or shadow.offsets[source] == shadow.offsets[target]
    shadow.check(program.storage(program.output.tensor), slice(None))
    return shadow


def _slide(shadow: Shadow, step: KernelCall, source: int, target: int) -> None:
    """Row by row: all that a row reads is there when it has been written as a whole."""
    layer = step.layer
    assert isinstance(layer, Conv2d | DepthwiseConv2d | Pool)
    read, written = (shape.width * shape.channels for shape in (layer.input, layer.output))
    for row in range(layer.output.height):
        first = row * layer.window.stride_height - layer.window.pad_top
        rows = slice(max(0, first) * read, max(0, first + layer.window.height) * read)
        shadow.write(target, slice(row * written, (row + 1) * written))
        shadow.check(source, rows)
    shadow.overlaps += bool((shadow.part(source, slice(None)) != source).any())


def _go_along(shadow: Shadow, layer: PointwiseConv2d, source: int, target: int) -> None:
    """A few pixels at a time; however many, all that they read is there when they have been written."""
    before = shadow.owner.copy()
    for group in (1, 2, 3, 4):
        shadow.owner[:] = before
        for first in range(0, layer.pixels, group):
            end = min(first + group, layer.pixels)
            shadow.write(target, slice(first * layer.output_channels, end * layer.output_channels))
            shadow.check(source, slice(first * layer.input_channels, layer.pixels * layer.input_channels))


class Network:
    """Grows at random: windows of any size, sums with what came before, tables, transposes, joins."""

    def __init__(self, builder: Any, seed: int) -> None:
        self.b, self.rng = builder, np.random.default_rng(seed)
        shape = (1, *(int(size) for size in self.rng.integers(3, 24, 2)), int(self.rng.integers(1, 9)))
        self.source = self.b.tensor(shape)
        self.known = [self.source]

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self.b.tensors[tensor].shape)

    def _put(self, name: str, inputs: Iterable[int], shape: tuple[int, ...], **options: Any) -> None:
        self.known.append(self.b.operator(name, list(inputs), [self.b.tensor(shape)], **options))

    def grow(self) -> None:
        tensor = self.known[-1]
        _, height, width, channels = shape = self._shape(tensor)
        strides = {"stride_h": int(self.rng.integers(1, 3)), "stride_w": int(self.rng.integers(1, 3))}
        kind = self.rng.integers(7)
        side = [1, 1] if self.rng.integers(2) else [int(size) for size in self.rng.integers(1, 5, 2)]
        strides = {"stride_h": 1, "stride_w": 1} if side == [1, 1] else strides
        smaller = (1, -(-height // strides["stride_h"]), -(-width // strides["stride_w"]))
        if kind <= 1:
            outputs = int(self.rng.integers(1, 12))
            weights = self.b.constant(np.ones((outputs, *side, channels)), "int8")
            self._put("CONV_2D", [tensor, weights, -1], (*smaller, outputs), **WINDOW, **strides)
        elif kind == 2:
            weights = self.b.constant(np.ones((1, *side, channels)), "int8", axis=3)
            self._put("DEPTHWISE_CONV_2D", [tensor, weights, -1], (*smaller, channels), **WINDOW, **strides)
        elif kind == 3:
            window = {"filter_height": side[0], "filter_width": side[1]}
            self._put("MAX_POOL_2D", [tensor], (*smaller, channels), **WINDOW, **strides, **window)
        elif kind == 4:
            alike = [other for other in self.known if self._shape(other) == shape]
            self._put("ADD", [tensor, int(self.rng.choice(alike))], shape, fused_activation_function="NONE")
        elif kind == 5:
            self._put("RELU", [tensor], shape)
        else:
            order = self.b.constant([0, 2, 1, 3], "int32")
            self._put("TRANSPOSE", [tensor, order], (1, width, height, channels))

    def graph(self) -> Graph:
        return self.b.graph([self.source], [self.known[-1]])  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(60))
def test_no_value_is_overwritten_before_it_is_read(builder: Any, seed: int) -> None:
    network = Network(builder, seed)
    for _ in range(3 + seed % 15):
        network.grow()
    graph = network.graph()
    run(lower(replace(graph)))
    run(lower(graph, graph_passes=(), program_passes=()))


def test_the_rows_that_have_served_are_used(builder: Any) -> None:
    source = builder.tensor((1, 32, 16, 4))
    weights = builder.constant(np.ones((1, 3, 3, 4)), "int8", axis=3)
    strides = {"stride_h": 2, "stride_w": 2}
    result = builder.tensor((1, 16, 8, 4))
    builder.operator("DEPTHWISE_CONV_2D", [source, weights, -1], [result], **WINDOW, **strides)
    shadow = run(lower(builder.graph([source], [result])))
    assert shadow.overlaps == 1
    assert len(shadow.owner) == 32 * 16 * 4 + 8 * 4
