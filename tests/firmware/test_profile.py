"""Counting on the emulated core: what is read, what is printed, and what must not go unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.memory import plan_memory
from birdnet_stm32.codegen.template_view import network_view
from birdnet_stm32.errors import ToolError
from birdnet_stm32.files.document import document_values
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.profile import (
    OperatorCost,
    Profile,
    measure,
    parse,
    profile,
    render_project,
    table,
)
from birdnet_stm32.tflite.ir import Graph, Operator, Quantization, Tensor

BOARD = folders.find("mps3_an547")
MACHINE = folders.require(BOARD.emulator, BOARD, "emulator")
BODY = b"int8_t *const arena = network->arena;\n"
FOUND = Profile(
    instructions=3_300,
    operators=(
        OperatorCost(name="0 CONV_2D", kernel="birdnet_conv2d", instructions=3_000, macs=1_500, bytes=2_048),
        OperatorCost(name="1 RELU", kernel="birdnet_lookup", instructions=250, macs=0, bytes=200),
    ),
    stack_bytes=128,
    arena_bytes=1_024,
    constant_bytes=64,
)


@pytest.fixture
def relu() -> Graph:
    """One int8 RELU, a table lookup."""
    one_scale = Quantization(scales=(0.05,), zero_points=(3,), axis=0)
    tensors = tuple(
        Tensor(index=index, name=name, shape=(1, 4096), dtype="int8", quantization=one_scale, data=None)
        for index, name in enumerate(("input", "output"))
    )
    step = Operator(index=0, name="RELU", inputs=(0,), outputs=(1,), options={})
    return Graph(tensors=tensors, operators=(step,), inputs=(0,), outputs=(1,))


def test_ticks_become_instructions_without_the_empty_step() -> None:
    printed = "empty 1\nnetwork 33\nstep 9\nstep 1\nstack 40\ndone\n"
    found = parse(printed, steps=2, instructions_per_tick=31.25)
    assert (found.network, found.steps, found.stack_bytes) == (1_000, (250, 0), 40)


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("", "did not end well"),
        ("empty 0\nnetwork 33\nstep 9\n", "did not end well"),
        ("empty 0\nnetwork 33\nstep 9\nstack 40\ndone\n", "counts of 2 steps"),
        ("empty 0\nprofile failed something was written outside the arena\n", "written outside the arena"),
    ],
)
def test_anything_else_is_a_failure(output: str, complaint: str) -> None:
    with pytest.raises(ToolError, match=complaint):
        parse(output, steps=2, instructions_per_tick=31.25)


def test_the_table_is_in_order_and_ends_with_the_inference() -> None:
    assert table(FOUND) == [
        "operator   instructions         MACs       bytes  per MAC",
        "0 CONV_2D         3,000        1,500       2,048     2.00",
        "1 RELU              250            0         200",
        "inference         3,300        1,500       2,248     2.20",
    ]


def test_json_has_the_total_and_every_operator() -> None:
    fields = document_values(FOUND)
    assert (fields["instructions"], fields["macs"], fields["stack_bytes"]) == (3_300, 1_500, 128)
    assert fields["operators"][0] == {
        "name": "0 CONV_2D",
        "kernel": "birdnet_conv2d",
        "instructions": 3_000,
        "macs": 1_500,
        "bytes": 2_048,
    }


def test_a_core_without_helium_is_a_matter_of_the_flags(relu: Graph) -> None:
    view = network_view(program := lower(relu), plan_memory(program))
    helium, scalar = (render_project(relu, view, BOARD, scalar=scalar) for scalar in (False, True))
    assert {name for name in helium if helium[name] != scalar[name]} == {
        "board.toml",
        "cmake/arm-none-eabi.cmake",
    }
    assert b"-mcpu=cortex-m55+nomve " in scalar["cmake/arm-none-eabi.cmake"]


@pytest.mark.emulated
@pytest.mark.slow
def test_counts_repeat_and_bytes_are_those_moved(relu: Graph, tmp_path: Path) -> None:
    first = profile(relu, BOARD, work=tmp_path, timeout_s=60.0)
    again = measure(tmp_path / "build" / "firmware.elf", MACHINE, steps=1, timeout_s=60.0)
    assert again.network == first.instructions
    assert again.steps == tuple(operator.instructions for operator in first.operators)
    (operator,) = first.operators
    assert operator.bytes == 4096 + 4096 + 256
    assert operator.instructions <= first.instructions <= operator.instructions + 100


@pytest.mark.emulated
@pytest.mark.slow
def test_what_a_broken_network_does_is_noticed(relu: Graph, tmp_path: Path) -> None:
    view = network_view(program := lower(relu), plan_memory(program))
    files = render_project(relu, view, BOARD, scalar=False)
    name = "src/model/birdnet_network.c"
    for harm, complaint in {
        "arena[BIRDNET_ARENA_BYTES] = 1;": "something was written outside the arena",
        "arena[-1] = 1;": "something was written outside the arena",
        "return BIRDNET_ERROR_MEMORY;": "a step returned an error",
        "for (volatile int i = 0; i < 120000000; ++i) {}": "more ticks than the counter",
        "volatile char big[0x5000]; big[0] = 1; (void)big[0];": "stack overflow",
    }.items():
        assert BODY in files[name]
        harmed = files[name].replace(BODY, BODY + harm.encode())
        write_tree(tmp_path / "project", {**files, name: harmed})
        elf = build(tmp_path / "project", tmp_path / "build").elf
        with pytest.raises(ToolError, match=complaint):
            measure(elf, MACHINE, steps=len(program.steps), timeout_s=60.0)
