"""A training by the command that is stopped, and goes on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from birdnet_stm32.cli import main
from birdnet_stm32.stages.inputs.training_progress import TrainingProgress

TINY = ["--sample_rate", "8000", "--chunk_duration", "0.5", "--alpha", "0.1", "--epochs", "2"]


def stop_after(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C after a step."""

    def press(progress: TrainingProgress, done: int, total: int) -> None:
        if done == step:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TrainingProgress, "on_step", press)


@pytest.mark.slow
def test_a_stopped_training_goes_on_if_that_is_asked_for(
    birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["train", "--data_path_train", str(birds), *TINY, "--checkpoint_path"]
    model, state = tmp_path / "model.keras", tmp_path / "model_training_state"
    with monkeypatch.context() as patch:
        stop_after(2, patch)
        assert main([*line, str(model)]) == 130
    assert (
        "stopped in epoch 1, after 2 of 3 steps; the same command with --resume goes on from there"
        in capsys.readouterr().err
    )
    assert [path.name for path in tmp_path.iterdir()] == [state.name]

    assert main([*line, str(model)]) == 2
    refused = capsys.readouterr().err
    assert f"{state}: holds what a stopped training has come to" in refused
    assert "try: --resume: go on" in refused
    assert "try: --overwrite: begin anew" in refused

    assert main([*line, str(model), "--resume"]) == 0
    assert not state.exists()
    whole = tmp_path / "whole.keras"
    assert main([*line, str(whole), "--resume"]) == 0
    assert "whole_training_state: no training was stopped here, so it begins" in capsys.readouterr().err
    assert model.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_it_begins_anew_if_that_is_asked_for(
    birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ["train", "--data_path_train", str(birds), *TINY, "--checkpoint_path", str(tmp_path / "m.keras")]
    for step in (2, 1):  # a training that went on would not have a step 1
        with monkeypatch.context() as patch:
            stop_after(step, patch)
            assert main([*line, "--overwrite"]) == 130


def test_tuning_does_not_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data_path_train", "x", "--qat", "--resume"]) == 2
    assert "--resume is given with --qat" in capsys.readouterr().err
