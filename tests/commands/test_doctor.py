"""``doctor`` on files and on a variant: its output, its exit code, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from birdnet_stm32 import cli
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.tasks.pipeline import pipeline_tasks
from birdnet_stm32.tasks.releases import load_releases
from birdnet_stm32.tasks.reporter import StageReporter

Command = Callable[..., Any]
FEW = ("--num_samples", 32, "--validate_samples", 16)
IDS = {
    *("decibels", "linear_input", "input_outliers", "int8_sigmoid", "first_layers", "per_tensor"),
    *("too_diverse", "wide_ranges", "too_small", "order", "quiet_windows"),
    *("unsupported_operator", "misaligned_channels"),
}


def ids(fields: dict[str, Any]) -> list[str]:
    return [one["id"] for name in ("findings", "fine", "unchecked") for one in fields[name]]


@pytest.mark.slow
def test_a_checkpoint_that_misses_is_examined(
    command: Command, untrained: Path, birds: Path, tmp_path: Path
) -> None:
    report = tmp_path / "doctor.json"
    line = ("doctor", "--checkpoint_path", untrained, "--data_path_train", birds, *FEW)
    ended = command(*line, "--per_tensor", "--min_cosine_sim", 1, "--json", report)
    assert ended.exit_code == 1
    fields = json.loads(report.read_text())
    assert set(ids(fields)) == IDS
    assert len(ids(fields)) == len(IDS)
    assert fields["missed"]
    assert "ptq: mean cosine of the probabilities is" in ended.out
    assert "not at least 1" in ended.err
    assert "same bytes 2 times" in ended.out


@pytest.mark.slow
def test_a_rewritten_network_that_passes_ends_well_and_json_has_standard_output_to_itself(
    command: Command, untrained: Path, birds: Path
) -> None:
    line = ("doctor", "--checkpoint_path", untrained, "--data_path_train", birds, *FEW)
    line += ("--recipe", "inner_subranges", "--min_cosine_sim", 0.5, "--min_cosine_p05", 0.5)
    ended = command(*line, "--json")
    assert ended.exit_code == 0
    fields = json.loads(ended.out)
    assert fields["missed"] == []
    assert "inner_subranges: passes its gates" in ended.err
    assert {one["id"] for one in fields["fine"]} >= {"int8_sigmoid", "order", "wide_ranges"}


@pytest.mark.slow
def test_a_network_that_has_no_int8_form_is_a_finding(
    command: Command, contract: ModelContract, untrained: Path, birds: Path, tmp_path: Path
) -> None:
    inputs = keras.Input(contract.frontend.input_shape, name="spectrogram")
    x = keras.layers.Conv2D(8, 1, name="mixed")(inputs)
    x = keras.layers.Activation("squareplus", name="curved")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = tmp_path / "curved.keras"
    checkpoint.save(keras.Model(inputs, keras.layers.Dense(2, name="logits")(x)), model)
    config = untrained.with_name("best_model_model_config.json")
    line = ("doctor", "--checkpoint_path", model, "--model_config", config, "--data_path_train", birds)
    ended = command(*line, *FEW)
    assert ended.exit_code == 1
    assert "1. the model has operators that the NPU does not run (blocking)" in ended.out


@pytest.fixture
def variant(tmp_path: Path, untrained: Path, birds: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "variants").mkdir()
    config = untrained.with_name("best_model_model_config.json")
    labels = untrained.with_name("best_model_labels.txt")
    (tmp_path / "variants" / "mine.toml").write_text(
        f"""
        [variant]
        title = "x"
        [index]
        root = "{birds}"
        background = ["background"]
        [model]
        checkpoint = "{untrained}"
        config = "{config}"
        labels = "{labels}"
        [representative]
        calibration_windows = 32
        validation_windows = 16
        [quantize]
        recipes = ["ptq"]
        [verify]
        min_cosine_mean = 1.0
        """
    )
    return tmp_path


@pytest.mark.slow
def test_a_variant_that_was_refused_is_examined(command: Command, variant: Path) -> None:
    releases = load_releases(variant / "variants", variant / "build")
    tasks = {
        "task_pipeline": lambda: pipeline_tasks(releases),
        "DOIT_CONFIG": {"dep_file": str(variant / "doit.db"), "reporter": StageReporter},
    }
    assert DoitMain(ModuleTaskLoader(tasks), config_filenames=()).run(["verify:mine"]) == 1
    ended = command("doctor", "mine", "--json", "doctor.json")
    assert ended.exit_code == 1
    assert "mine, ptq: mean cosine of the probabilities is" in ended.out
    assert "warning" not in ended.out
    assert set(ids(json.loads((variant / "doctor.json").read_text()))) == IDS


def test_what_was_not_built_is_not_guessed(command: Command, variant: Path) -> None:
    ended = command("doctor", "mine")
    assert ended.exit_code == 2
    assert "the stage representative has not been published yet" in ended.err
    assert "try: doit verify:mine" in ended.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([], "no model is named"),
        (["--checkpoint_path", "a.keras"], "no model is named"),
        (["mine", "--checkpoint_path", "a.keras", "--data_path_train", "songs"], "are both given"),
        (["other"], "there is no variant 'other'"),
        (["--checkpoint_path", "a.keras", "--data_path_train", "songs"], "there is no such file"),
        (["mine", "--json", "variants"], "is a folder"),
    ],
)
def test_a_wrong_line_says_what_is_wrong(
    line: list[str], said: str, variant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["doctor", *line]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_checkpoint_loses_at_its_front_and_in_its_sigmoid(
    command: Command, shared: Path, tmp_path: Path
) -> None:
    report = tmp_path / "doctor.json"
    ended = command(
        *("doctor", "--checkpoint_path", shared / "checkpoints/birdnet_stm32n6_100.keras"),
        *("--data_path_train", shared / "data/birds", "--recording", r"^(?P<recording>.+?)(__t\d+)?$"),
        *("--num_samples", 100, "--validate_samples", 40, "--json", report),
    )
    assert ended.exit_code == 1
    fields = json.loads(report.read_text())
    found = {one["id"]: one for one in fields["findings"]}
    assert set(found) >= {"first_layers", "linear_input", "int8_sigmoid"}
    assert {"order", "misaligned_channels"} <= {one["id"] for one in fields["fine"]}
    assert "TRANSPOSE: software" in str(found["unsupported_operator"])
    assert "--recipe inner_subranges" in ended.out
