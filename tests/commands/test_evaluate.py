from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.cli import main
from birdnet_stm32.commands.shared.model_files import files_beside_model
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant.convert import convert

Models = tuple[Path, Path]


@pytest.fixture(scope="session")
def both(untrained: Path, contract: ModelContract, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The checkpoint, and its conversion with a configuration beside it."""
    shape = contract.frontend.input_shape
    calibration = np.random.default_rng(0).random((8, *shape)).astype(np.float32)
    path = tmp_path_factory.mktemp("int8") / "model.tflite"
    path.write_bytes(convert(checkpoint.load(untrained, contract), calibration))
    write_tree(path.parent, files_beside_model(path, contract))
    return untrained, path


def rows_of(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_model_on_real_recordings(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "birds"
    folder.mkdir()
    for label in ("Parus major_Great Tit", "Turdus migratorius_American Robin", "Gavia immer_Common Loon"):
        (folder / label).symlink_to(shared / "data" / "birds" / label)
    scores = tmp_path / "scores.json"
    model = shared / "checkpoints" / "birdnet_stm32n6_100.tflite"
    assert (
        main(["evaluate", "--model_path", str(model), "--data_path_test", str(folder), "--json", str(scores)])
        == 0
    )
    result = json.loads(scores.read_text())
    assert result["recordings"] == 21 + 12  # the loon is no class of the model
    unknown_classes = len(list((folder / "Gavia immer_Common Loon").glob("*.flac")))
    assert result["left_out"] == {"of a class that the model does not know": unknown_classes}
    assert {one["label"] for one in result["classes"]} == {
        "Parus major_Great Tit",
        "Turdus migratorius_American Robin",
    }
    assert result["class_mean_average_precision"] > 0.95
    assert result["top1_accuracy"] > 0.8
    for one in result["classes"]:
        assert one["interval"]["low"] <= one["average_precision"] <= one["interval"]["high"]


def test_float_and_int8_side_by_side(both: Models, birds: Path, tmp_path: Path) -> None:
    checkpoint_path, tflite = both
    scores, page, predictions = (tmp_path / name for name in ("s.json", "r.html", "p.csv"))
    line = ["evaluate", "--model_path", str(tflite), "--model_path", str(checkpoint_path)]
    line += ["--data_path_test", str(birds), "--pooling", "lme", "--json", str(scores)]
    line += ["--report_html", str(page), "--predictions", str(predictions)]
    assert main([*line, "--max_roc_auc_loss", "1", "--max_cmap_loss", "1"]) == 0

    result = json.loads(scores.read_text())
    assert [one["kind"] for one in result["models"]] == ["float", "int8"]  # float is measured first
    assert (result["kind"], result["pooling"], result["recordings"]) == ("float", "lme", 9)
    assert {(loss["side"], loss["measure"]) for loss in result["losses"]} == {
        ("int8", "roc_auc"),
        ("int8", "class_mean_average_precision"),
    }
    first, second = (one["class_mean_average_precision"] for one in result["models"])
    assert result["losses"][1]["loss"] == pytest.approx(first - second)

    header, rows = rows_of(predictions)  # of the model named first
    assert header == ["file", "start", "label", "high", "low"]
    assert len(rows) == result["windows"]
    assert rows[0][:3] == ["background/0.wav", "0.000", "background"]
    assert [row[1] for row in rows[:4]] == ["0.000", "0.250", "0.500", "0.750"]
    other_header, other_rows = rows_of(tmp_path / "p.float.csv")
    assert other_header == header
    assert [row[:3] for row in other_rows] == [row[:3] for row in rows]
    values = [np.array([row[3:] for row in one], float) for one in (rows, other_rows)]
    assert 0 < np.abs(values[0] - values[1]).max() < 0.1

    html = page.read_text()
    assert not re.search(r"""(src|href)=["'](?!data:|#)|<script|url\((?!#)|@import""", html)
    assert "Detection error" in html
    assert str(tmp_path) not in html
    before = page.read_bytes(), scores.read_bytes(), predictions.read_bytes()
    assert main(line) == 0
    assert predictions.read_bytes() == before[2]
    assert main([*line, "--max_roc_auc_loss", "1", "--max_cmap_loss", "1"]) == 0
    assert (page.read_bytes(), scores.read_bytes(), predictions.read_bytes()) == before


def test_what_the_model_learned_from_is_left_out(
    both: Models, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "m.tflite"
    for suffix in (".tflite", "_model_config.json", "_labels.txt"):
        shutil.copyfile(both[1].with_name(f"model{suffix}"), tmp_path / f"m{suffix}")
    scores = tmp_path / "s.json"
    line = ["evaluate", "--model_path", str(model), "--data_path_test", str(birds), "--json", str(scores)]
    assert main(line) == 0
    assert "it is not known which recordings it learned from" in capsys.readouterr().err
    everything = json.loads(scores.read_text())["recordings"]

    files = sorted(path for path in birds.rglob("*.wav") if path.parent.name != "background")
    known = [f"{sha256(path.read_bytes()).hexdigest()}\ttrain" for path in files]
    table = tmp_path / "m_learned_from.tsv"
    table.write_text("\n".join(["sha256\tuse", *known[:2], ""]))
    assert main(line) == 0
    result = json.loads(scores.read_text())
    assert result["recordings"] == everything - 2
    assert result["left_out"]["the model was trained on it"] == 2
    assert "left out 2 recordings: the model was trained on it" in capsys.readouterr().err

    assert main([*line, "--include_learned"]) == 0
    assert "a model learned from 2 of these recordings" in capsys.readouterr().err
    assert json.loads(scores.read_text())["recordings"] == everything

    table.write_text("\n".join(["sha256\tuse", *known, ""]))
    assert main(line) == 2
    assert "learned from all recordings of its species" in capsys.readouterr().err


def test_a_loss_above_its_limit_is_a_missed_gate(
    both: Models, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["evaluate", *(f"--model_path={path}" for path in both), "--data_path_test", str(birds)]
    assert main([*line, "--max_cmap_loss", "-1", "--json", str(tmp_path / "s.json")]) == 1
    said = capsys.readouterr().err
    assert "of cmAP" in said
    assert "at most -1" in said
    assert json.loads((tmp_path / "s.json").read_text())["losses"]


@pytest.mark.slow
@pytest.mark.emulated
def test_the_firmware_predicts_what_the_model_does(both: Models, birds: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    for label in ("high", "low"):
        (few / label).mkdir(parents=True)
        for number in range(2):
            (few / label / f"{number}.wav").symlink_to(birds / label / f"{number}.wav")
    predictions = tmp_path / "p.csv"
    line = ["evaluate", "--model_path", str(both[1]), "--firmware", "--data_path_test", str(few)]
    assert main([*line, "--predictions", str(predictions), "--json", str(tmp_path / "s.json")]) == 0
    assert [one["kind"] for one in json.loads((tmp_path / "s.json").read_text())["models"]] == [
        "int8",
        "firmware",
    ]
    (header, rows), (of_firmware, computed) = rows_of(predictions), rows_of(tmp_path / "p.firmware.csv")
    assert header == of_firmware
    assert [row[:3] for row in rows] == [row[:3] for row in computed]
    step = [np.array([row[3:] for row in one], float) for one in (rows, computed)]
    # A feature on the edge of an int8 step may fall to the other side in single precision.
    np.testing.assert_allclose(step[0], step[1], atol=0.02)


def unknown_classes(folder: Path, birds: Path, models: Models) -> list[str]:
    (folder / "owl").symlink_to(birds / "low")
    return [str(models[0])]


def another_kind(folder: Path, birds: Path, models: Models) -> list[str]:
    (folder / "model.onnx").write_bytes(b"")
    return [str(folder / "model.onnx")]


def damaged(folder: Path, birds: Path, models: Models) -> list[str]:
    (folder / "high").symlink_to(birds / "high")
    model = folder / "model.tflite"
    model.write_bytes(models[1].read_bytes()[:3_000])
    return [str(model), "--model_config", str(models[1].with_name("model_model_config.json"))]


def float_alone(folder: Path, birds: Path, models: Models) -> list[str]:
    return [str(models[0]), "--max_roc_auc_loss", "0.01"]


def no_firmware(folder: Path, birds: Path, models: Models) -> list[str]:
    return [str(models[0]), "--firmware"]


def three_configs(folder: Path, birds: Path, models: Models) -> list[str]:
    return [str(models[0]), *(["--model_config", str(models[1].with_name("model_model_config.json"))] * 3)]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (unknown_classes, "holds no class of the model, but owl"),
        (another_kind, "a name that ends in .keras or .tflite"),
        (damaged, "model.tflite"),
        (float_alone, "one .keras, which is the reference, and at least one .tflite"),
        (no_firmware, "without a .tflite"),
        (three_configs, "one each, or one for all"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    prepare: Callable[[Path, Path, Models], list[str]],
    said: str,
    both: Models,
    birds: Path,
    tmp_path: Path,
    nothing_written: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = prepare(tmp_path, birds, both)
    nothing_written()
    line = ["evaluate", "--data_path_test", str(tmp_path), "--json", str(tmp_path / "scores.json")]
    assert main([*line, "--report_html", str(tmp_path / "r.html"), "--model_path", *options]) == 2
    assert said in capsys.readouterr().err


def test_models_of_other_classes_are_not_compared(
    both: Models, contract: ModelContract, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(both[1].read_bytes())
    write_tree(other.parent, files_beside_model(other, replace(contract, labels=("low", "high"))))
    line = ["evaluate", "--data_path_test", str(birds), "--model_path", str(both[0])]
    assert main([*line, "--model_path", str(other)]) == 2
    assert "its classes are low, high" in capsys.readouterr().err
