"""Command lines and profiles: what the stand-in takes as documented, ST's tool must take."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pydantic import ValidationError

from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.npu.stedgeai import command
from birdnet_stm32.npu.stedgeai.command import Request
from birdnet_stm32.npu.stedgeai.compilation import ToolVersion
from birdnet_stm32.npu.stedgeai.profile import compiler_options, compiler_profile, memory_pools
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.npu.stedgeai.validate import validate_network

BOARD = folders.find("stm32n6570_dk")

REQUEST = Request(
    model=Path("/w/model.tflite"), output=Path("/w/out"), workspace=Path("/w/ws"), profile="birdnet@/w/p.json"
)


def test_every_command_line_is_documented(stand_in: ModuleType) -> None:
    parsed, options = stand_in.parse(command.generate(REQUEST))
    assert parsed == "generate"
    assert options == {
        "--model": "/w/model.tflite",
        "--type": "tflite",
        "--target": "stm32n6",
        "--st-neural-art": "birdnet@/w/p.json",
        "--name": "network",
        "--output": "/w/out",
        "--workspace": "/w/ws",
        "--verbosity": "1",
        "--quiet": True,
    }
    assert stand_in.parse(command.analyze(REQUEST))[0] == "analyze"


def test_without_a_profile_the_tool_takes_its_own(stand_in: ModuleType) -> None:
    bare = Request(model=Path("/m"), output=Path("/o"), workspace=Path("/w"), profile=None, input_type="int8")
    options = stand_in.parse(command.generate(bare))[1]
    assert options["--st-neural-art"] is True
    assert options["--input-data-type"] == "int8"


def test_a_board_is_asked_at_its_own_speed(stand_in: ModuleType) -> None:
    inputs = Path("/w/i.npy")
    options = stand_in.parse(command.validate(REQUEST, mode="target", inputs=inputs))[1]
    assert (options["--desc"], options["--valinput"]) == ("serial:921600", "/w/i.npy")
    assert "--desc" not in command.validate(REQUEST, mode="host", inputs=inputs)


@pytest.mark.parametrize("arguments", [["--json"], ["--target", "stm32h7"], ["--mode", "host"], ["--name"]])
def test_the_stand_in_is_strict(stand_in: ModuleType, arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        stand_in.parse(["generate", *arguments])


def test_validation_is_read(
    install: Callable[..., Tool], model: bytes, settings: NpuTable, tmp_path: Path
) -> None:
    inputs = io.BytesIO()
    np.save(inputs, np.zeros((2, 8, 12, 1), np.float32))
    (agreement,) = validate_network(
        install(), model, settings, BOARD, mode="host", inputs=inputs.getvalue(), log=tmp_path / "log"
    )
    assert agreement.cosine == pytest.approx(0.962875)


def test_pools_do_not_overlap_and_end_with_their_memory() -> None:
    pools = json.loads(memory_pools(BOARD, weights_address=0x7040_0000, hyperram=True))["memory"]["mempools"]
    assert all(pool["offset"]["magnitude"] == "BYTES" for pool in pools)
    ranges = sorted(
        (start, start + int(pool["size"]["value"]) * 1024)
        for pool in pools
        for start in [int(pool["offset"]["value"], 0)]
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
    by_name = {pool["name"]: pool for pool in pools}
    flash = by_name["octoFlash"]
    assert int(flash["offset"]["value"], 0) + int(flash["size"]["value"]) * 1024 == 0x7800_0000
    assert int(by_name["npuRAM6"]["offset"]["value"], 0) + 448 * 1024 == 0x343C_0000


def test_the_pools_are_those_of_the_board() -> None:
    nucleo = folders.find("nucleo_n657x0_q")
    pools = json.loads(memory_pools(nucleo, weights_address=None, hyperram=False))["memory"]["mempools"]
    (flash,) = (pool for pool in pools if pool["name"] == "octoFlash")
    start, kib = int(flash["offset"]["value"], 0), int(flash["size"]["value"])
    assert (start, start + kib * 1024) == (0x7040_0000, 0x7400_0000), "64 MiB of flash"
    with pytest.raises(InputError, match="'nucleo_n657x0_q' has no external RAM"):
        memory_pools(nucleo, weights_address=None, hyperram=True)


def test_the_external_ram_is_there_on_request_only() -> None:
    pools = json.loads(memory_pools(BOARD, weights_address=0x7040_0000, hyperram=False))["memory"]["mempools"]
    assert "hyperRAM" not in {pool["name"] for pool in pools}


@pytest.mark.parametrize(
    ("asked", "major", "used"),
    [
        (None, 2, False),
        (None, 3, False),
        (None, 4, True),
        (None, 5, True),
        (True, 2, True),
        (False, 4, False),
    ],
)
def test_the_epoch_controller_is_an_option_of_the_compiler(
    asked: bool | None, major: int, used: bool
) -> None:
    settings = NpuTable(epoch_controller=asked)
    options = compiler_options(settings, ToolVersion(major=major, minor=0, patch=0, build=1))
    assert options[: len(settings.options)] == settings.options
    assert ("--enable-epoch-controller" in options) == used


def test_the_epoch_controller_has_a_key_of_its_own() -> None:
    with pytest.raises(ValidationError, match="epoch_controller = true"):
        NpuTable(options=("--cache-maintenance", "--enable-epoch-controller"))


def test_a_profile_names_its_pools_absolutely() -> None:
    described = json.loads(compiler_profile(Path("/w/n6.mpool"), ("-O3", "--Os")))
    assert described["Profiles"]["birdnet"] == {"memory_pool": "/w/n6.mpool", "options": "-O3 --Os"}
