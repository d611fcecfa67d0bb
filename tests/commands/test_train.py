from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.index.learned_from import read_learned_from
from birdnet_stm32.cli import main
from birdnet_stm32.frontend.contract import read_contract
from tests.dense_teacher import dense_teacher

TINY = ["--sample_rate", "8000", "--chunk_duration", "0.5", "--alpha", "0.1"]


@pytest.mark.slow
def test_the_seeds_command_lines(birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train = ["train", "--data_path_train", str(birds)]
    line = [
        *train,
        "--audio_frontend",
        "hybrid",
        "--mag_scale",
        "pwl",
        *TINY,
        "--epochs",
        "2",
        "--deterministic",
    ]
    assert main(line) == 0
    folder = tmp_path / "checkpoints"
    assert {path.name for path in folder.iterdir()} == {
        ".best_model.keras.birdnet-stm32",
        "best_model.keras",
        "best_model_model_config.json",
        "best_model_labels.txt",
        "best_model_learned_from.tsv",
    }
    assert (folder / "best_model_labels.txt").read_text() == "high\nlow\n"
    first = (folder / "best_model.keras").read_bytes()

    tune = [*train, "--qat", "--checkpoint_path", "checkpoints/best_model.keras"]
    tune += ["--epochs", "2", "--learning_rate", "0.0001"]
    assert main([*tune, "--json", "qat.json"]) == 0
    assert (folder / "best_model.keras").read_bytes() == first
    tuned = (folder / "best_model_qat.keras").read_bytes()
    assert read_contract(folder / "best_model_qat_model_config.json") == read_contract(
        folder / "best_model_model_config.json"
    )
    assert (folder / "best_model_qat_labels.txt").read_text() == "high\nlow\n"
    learned = read_learned_from(folder / "best_model_learned_from.tsv")
    assert read_learned_from(folder / "best_model_qat_learned_from.tsv").keys() == learned.keys()
    assert len(learned) == len(list(birds.rglob("*.wav")))
    assert [epoch["number"] for epoch in json.loads(Path("qat.json").read_text())["epochs"]] == [0, 1, 2]
    assert main(tune) == 0
    assert (folder / "best_model_qat.keras").read_bytes() == tuned


@pytest.mark.slow
def test_a_checkpoint_of_other_classes_is_tuned_by_its_own_outputs(
    untrained: Path, birds: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "model.keras"
    copy.write_bytes(untrained.read_bytes())
    others = tmp_path / "others"
    others.mkdir()
    (others / "owl").symlink_to(birds / "low")
    line = [
        "train",
        "--qat",
        "--unlabelled",
        "--data_path_train",
        str(others),
        "--checkpoint_path",
        str(copy),
    ]
    config = untrained.with_name("best_model_model_config.json")
    assert main([*line, "--model_config", str(config), "--epochs", "1"]) == 0
    assert (tmp_path / "model_qat.keras").is_file()


def silence(folder: Path) -> None:
    soundfile.write(folder / "clip.wav", np.zeros(8_000), 8_000)


def nan(folder: Path) -> None:
    soundfile.write(folder / "clip.wav", np.full(8_000, np.nan), 8_000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (lambda folder: None, "holds no audio file"),
        (silence, "silent: every sample is the same"),
        (nan, "holds NaN or infinite samples"),
    ],
)
@pytest.mark.parametrize("command", ["train", "qat", "convert", "evaluate"])
def test_a_folder_without_sound_is_refused(
    command: str,
    fill: Callable[[Path], None],
    said: str,
    untrained: Path,
    tmp_path: Path,
    nothing_written: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "data" / "high"
    folder.mkdir(parents=True)
    fill(folder)
    nothing_written()
    data, config = str(tmp_path / "data"), str(untrained.with_name("best_model_model_config.json"))
    copy = tmp_path / "data" / "model.keras"
    outputs = {name: str(tmp_path / name) for name in ("out.tflite", "report.json", "scores.json")}
    checkpoint = ["--checkpoint_path", str(untrained)]
    lines = {
        "train": ["train", "--data_path_train", data, "--checkpoint_path", str(copy)],
        "qat": ["train", "--qat", "--data_path_train", data, *checkpoint],
        "convert": [
            "convert",
            "--data_path_train",
            data,
            *checkpoint,
            "--output_path",
            outputs["out.tflite"],
        ],
        "evaluate": ["evaluate", "--data_path_test", data, "--model_path", str(untrained)],
    }
    lines["convert"] += ["--report_json", outputs["report.json"]]
    lines["evaluate"] += ["--model_config", config, "--json", outputs["scores.json"]]
    assert main(lines[command]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--qat", "--checkpoint_path", "none.keras"], "there is no such checkpoint"),
        (["--qat", "--checkpoint_path", "CHECKPOINT", "--audio_frontend", "mel"], "--audio_frontend is mel"),
        (["--qat", "--checkpoint_path", "CHECKPOINT", "--alpha", "2"], "--alpha is 2.0"),
        (["--unlabelled"], "without --qat"),
        (["--checkpoint_path", "model.h5"], "a name that ends in .keras"),
        (["--epochs", "0"], "--epochs is 0"),
        (["--audio_frontend", "raw", "--sample_rate", "48000"], "the NPU takes at most 65535"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: list[str],
    said: str,
    untrained: Path,
    birds: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nothing_written: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    nothing_written()
    options = [str(untrained) if option == "CHECKPOINT" else option for option in options]
    assert main(["train", "--data_path_train", str(birds), *options]) == 2
    assert said in capsys.readouterr().err


def test_tuning_on_classes_that_the_checkpoint_does_not_know_is_refused(
    untrained: Path, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "owl").symlink_to(birds / "low")
    (tmp_path / "high").symlink_to(birds / "high")
    line = ["train", "--qat", "--data_path_train", str(tmp_path), "--checkpoint_path", str(untrained)]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert "classes that the checkpoint does not know: owl" in said
    assert "--unlabelled" in said
    assert not untrained.with_name("best_model_qat.keras").exists()


def teacher_options(folder: Path, *names: str) -> list[str]:
    (folder / "teacher.tflite").write_bytes(dense_teacher(1))
    (folder / "heard.txt").write_text("".join(f"{name}\n" for name in names))
    files = ["--teacher", str(folder / "teacher.tflite"), "--teacher_labels", str(folder / "heard.txt")]
    return [*files, "--teacher_licence", "MIT", "--teacher_sample_rate", "4000"]


@pytest.mark.slow
def test_a_teacher_is_learned_from_and_named_beside_the_model(birds: Path, tmp_path: Path) -> None:
    model = tmp_path / "out" / "m.keras"
    line = ["train", "--data_path_train", str(birds), "--checkpoint_path", str(model), *TINY, "--epochs", "1"]
    assert main([*line, "--json", str(tmp_path / "alone.json")]) == 0
    assert not model.with_name("m_teacher.json").exists()
    taught = [*line, *teacher_options(tmp_path, "low", "another"), "--teacher_embedding_weight", "0.5"]
    assert main([*taught, "--json", str(tmp_path / "taught.json")]) == 0
    (described,) = json.loads(model.with_name("m_teacher.json").read_text())
    assert (described["name"], described["licence"]) == ("teacher.tflite", "MIT")
    assert (described["classes"], described["unknown_classes"]) == (["low"], ["high"])
    alone, with_teacher = (
        json.loads((tmp_path / name).read_text()) for name in ("alone.json", "taught.json")
    )
    assert alone["epochs"][0]["loss"] != with_teacher["epochs"][0]["loss"]
    assert main(line) == 0
    assert not model.with_name("m_teacher.json").exists()  # the new model has no teacher


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        (("low", "high"), ["--qat"], "--teacher is given with --qat"),
        (("low", "high"), ["--teacher_weight", "1.5"], "--teacher_weight is 1.5"),
        (("low", "high", "third"), [], "3 values for the 3 names in --teacher_labels"),
        (("owl", "tit"), [], "knows none of the classes to train: high, low"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused_before_the_work(
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    names: tuple[str, ...],
    more: list[str],
    message: str,
) -> None:
    line = ["train", "--data_path_train", str(birds), "--checkpoint_path", str(tmp_path / "m.keras"), *TINY]
    assert main([*line, *teacher_options(tmp_path, *names), *more]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "decode" not in said
    assert not (tmp_path / "m.keras").exists()


def test_a_teacher_needs_its_licence(birds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data_path_train", str(birds), "--teacher", "t.tflite"]) == 2
    assert "without its licence" in capsys.readouterr().err


@pytest.mark.slow
def test_a_linear_probe_with_validation_recordings_of_its_own(
    untrained: Path, birds: Path, tmp_path: Path
) -> None:
    validation = tmp_path / "validation"
    for label in ("low", "high", "background"):
        (validation / label).mkdir(parents=True)
        samples, rate_hz = soundfile.read(birds / label / "0.wav")
        soundfile.write(validation / label / "0.wav", 0.5 * samples, rate_hz)
    model = tmp_path / "model.keras"
    line = ["train", "--data_path_train", str(birds), "--data_path_val", str(validation), "--linear_probe"]
    line += [
        "--start",
        str(untrained),
        "--checkpoint_path",
        str(model),
        "--json",
        str(tmp_path / "history.json"),
    ]
    assert main(line) == 0
    history = json.loads((tmp_path / "history.json").read_text())
    assert history["epochs"] == []
    assert history["start"]["known_classes"] == ["high", "low"]
    learned = read_learned_from(tmp_path / "model_learned_from.tsv")
    assert sorted(learned.values()) == ["train"] * 9 + ["unknown"] + ["validation"] * 3
