"""The command ``lint``: lines, JSON, exit codes and suppression by a variant."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.npu.lint.catalog import BY_ID


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relu_model: Callable[..., bytes]) -> Path:
    """A model with one error and a hint, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("deep.tflite").write_bytes(relu_model(1, 2, 2, 2, 2))
    Path("flat.tflite").write_bytes(relu_model(1, 8))
    return Path("deep.tflite")


def variant(suppress: str) -> Path:
    path = Path("mine.toml")
    path.write_text(f"[variant]\ntitle = 'x'\n[index]\nroot = 'songs'\n[lint]\nsuppress = {{ {suppress} }}\n")
    return path


def test_a_clean_model_ends_well(command: Callable[..., Any], model: Path) -> None:
    ended = command("lint", "flat.tflite")
    assert (ended.exit_code, ended.out, ended.err) == (0, "flat.tflite: clean\n", "")


def test_an_error_has_its_line_and_ends_with_1(command: Callable[..., Any], model: Path) -> None:
    ended = command("lint", model)
    assert ended.exit_code == 1
    assert ended.out.splitlines() == [
        "deep.tflite:#0 RELU input: error: a tensor has more than 4 dimensions: 1x2x2x2x2  [rank-over-4]",
        "deep.tflite:#0 RELU output: error: a tensor has more than 4 dimensions: 1x2x2x2x2  [rank-over-4]",
        "deep.tflite:#0 RELU output: hint: an int8 output has more than two dimensions: 1x2x2x2x2"
        "  [output-rank-over-2]",
        "deep.tflite: 2 errors, 1 hint",
    ]
    assert "docs/reference/lint/rank-over-4.md" in ended.err


def test_json_has_standard_output_to_itself(command: Callable[..., Any], model: Path) -> None:
    ended = command("lint", model, "--json")
    fields = json.loads(ended.out)
    assert ended.exit_code == 1
    assert fields["counts"] == {"error": 2, "warning": 0, "hint": 1, "suppressed": 0}
    assert fields["findings"][0]["rule"] == "rank-over-4"
    assert "[rank-over-4]" in ended.err


def test_a_variant_suppresses_with_a_reason(command: Callable[..., Any], model: Path) -> None:
    path = variant("rank-over-4 = 'cut before', computed-bias = 'left over'")
    ended = command("lint", model, "--variant", path)
    assert ended.exit_code == 0
    assert "suppressed error" in ended.out
    assert "(cut before)" in ended.out
    assert "mine.toml: [lint] suppress computed-bias is not needed" in ended.out
    assert ended.out.splitlines()[-1] == "deep.tflite: clean, 1 hint, 2 suppressed"


@pytest.mark.parametrize("suppress", ["rank-over-5 = 'x'", "rank-over-4 = ''", "Rank = 'x'"])
def test_what_suppresses_nothing_that_there_is_is_bad_input(
    command: Callable[..., Any], model: Path, suppress: str
) -> None:
    ended = command("lint", model, "--variant", variant(suppress))
    assert ended.exit_code == 2
    assert "suppress" in ended.err


def test_the_rules_are_listed_one_a_line(command: Callable[..., Any]) -> None:
    ended = command("lint", "--rules")
    assert ended.exit_code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == list(BY_ID)
    assert [rule["id"] for rule in json.loads(command("lint", "--rules", "--json").out)] == list(BY_ID)


def test_without_a_model_nothing_is_written(command: Callable[..., Any], model: Path) -> None:
    before = model.read_bytes()
    ended = command("lint", "--json", model)
    assert (ended.exit_code, model.read_bytes()) == (2, before)
    assert "no model is named" in ended.err


def test_a_file_that_is_no_model_is_refused(command: Callable[..., Any], files: Path) -> None:
    for name in ("noise.tflite", "gone.tflite", "folder"):
        assert command("lint", name).exit_code == 2


@pytest.mark.slow
@pytest.mark.shared
def test_a_kernel_as_high_as_its_input_gets_a_suggestion(shared: Path, command: Callable[..., Any]) -> None:
    path = shared / "data" / "trials" / "tflite" / "full_height.tflite"
    ended = command("lint", path, "--suggest", "--json")
    assert ended.exit_code == 1
    (one,) = json.loads(ended.out)["suggestions"]
    assert "Conv2D(192, (4, 1), strides=(4, 1)" in one["layers"][0]
    assert one["float_error"] < 1e-5
    assert "suggestion" in ended.err
    assert json.loads(command("lint", path, "--json").out)["suggestions"] is None
