"""``sizes``: a row for each network, its JSON, and keys that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.firmware.memory_use import RegionUse
from birdnet_stm32.firmware.model_sizes import BoardFit, ModelSizes, fit_lines, sizes_table

TINY = """[variant]
title = "Tiny"
[index]
root = "songs"
[model]
sample_rate_hz = 8_000
window_s = 0.5
fft_length = 256
spec_width = 32
num_mels = 16
alpha = 0.1
embedding_size = 32
[firmware]
boards = ["mps3_an547"]
"""
ROW = ModelSizes(
    name="tiny",
    parameters=1_234_567,
    macs=11_680_000,
    instructions=5_380_000,
    constant_bytes=112_152,
    arena_bytes=65_920,
    stack_bytes=1_768,
    npu_ms=2.345,
    lint="clean, 30 hints",
    boards={
        "roomy": BoardFit(regions=(RegionUse(name="RAM", used_bytes=50, length_bytes=200),), missing=""),
        "small": BoardFit(regions=(), missing="the firmware does not fit: RAM needs 2 bytes and has 1"),
    },
)


@pytest.fixture
def variants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "variants"
    folder.mkdir()
    (folder / "tiny.toml").write_text(TINY)
    model = '[model]\ncheckpoint = "a.keras"\nconfig = "a.json"\n'
    (folder / "trained.toml").write_text(f'[variant]\ntitle = "x"\n[index]\nroot = "songs"\n{model}')
    return folder


def test_a_row_is_a_row_of_markdown() -> None:
    header, rule, row = sizes_table([ROW])
    assert len(header) == len(rule) == len(row)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["tiny", "1,234,567", "11.68", "5.38", "112.2", "65.9", "2.35", "clean, 30 hints"]


def test_each_board_says_whether_the_firmware_fits() -> None:
    assert fit_lines(ROW) == [
        "tiny, roomy: fits; RAM 25% (50 of 200 bytes)",
        "tiny, small: the firmware does not fit: RAM needs 2 bytes and has 1",
    ]


@pytest.mark.slow
@pytest.mark.emulated
def test_a_variant_and_a_change_are_measured(command: Callable[..., Any], variants: Path) -> None:
    ended = command(
        *("sizes", "tiny", "--with", "depthwise_kernels = [3, 5, 5, 5]", "--classes", 3, "--firmware"),
        *("--json", "sizes.json"),
    )
    assert ended.exit_code == 0, ended.err
    found = json.loads(Path("sizes.json").read_text())
    assert (found["board"], found["classes"]) == ("mps3_an547", 3)
    plain, larger = found["networks"]
    assert plain["name"] == "tiny"
    assert larger["name"] == "tiny, depthwise_kernels = [3, 5, 5, 5]"
    for key in ("parameters", "macs", "instructions", "constant_bytes"):
        assert 0 < plain[key] < larger[key], key
    assert plain["arena_bytes"] > 0 < plain["stack_bytes"]
    assert plain["lint"].startswith("clean")
    (region, *_) = plain["boards"]["mps3_an547"]["regions"]
    assert 0 < region["used_bytes"] <= region["length_bytes"]
    assert "tiny, mps3_an547: fits; " in ended.out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("alfa = 1.0", "alfa is not a key of [model]"),
        ("alpha = 9", "alpha is 9"),
        ("alpha", "--with 'alpha'"),
        ("depthwise_kernels = [3, 5]", "depthwise_kernels is [3, 5]"),
        ("stage_widths = [32, 64, 128, 3]", "stage_widths.3 is 3"),
        ("checkpoint = 'a.keras'", "a checkpoint needs its model configuration"),
        ("alpha = 1.0}\ntitle = {x = 1", "holds more than keys of [model]"),
    ],
)
def test_a_change_that_cannot_be_is_named(
    command: Callable[..., Any], variants: Path, change: str, message: str
) -> None:
    ended = command("sizes", "tiny", "--with", change)
    assert ended.exit_code == 2
    assert message in ended.err


def test_a_checkpoint_has_its_network_already(command: Callable[..., Any], variants: Path) -> None:
    ended = command("sizes", "trained")
    assert ended.exit_code == 2
    assert "trained takes its network from a checkpoint" in ended.err
    assert "birdnet-stm32 profile" in ended.err


def test_a_misspelt_variant_is_named(command: Callable[..., Any], variants: Path) -> None:
    ended = command("sizes", "tinny")
    assert ended.exit_code == 2
    assert "did you mean tiny?" in ended.err
