from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from birdnet_stm32.cli import main
from birdnet_stm32.commands.shared.model_files import files_beside_model
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import SpeciesThreshold, ThresholdsDocument
from birdnet_stm32.files.document import parse_document, write_document
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import ModelContract

Models = tuple[Path, Path]
Found = dict[str, Any]


@pytest.fixture(scope="session")
def both(untrained: Path, int8_model: Path) -> Models:
    """The checkpoint, and its conversion with a configuration beside it."""
    return untrained, int8_model


def forms_of(document: Found) -> dict[str, Found]:
    """Return what was measured of each form, by its name."""
    return {one["form"]: one for one in document["forms"]}


def left_out_of(document: Found) -> dict[str, int]:
    return {one["reason"]: one["count"] for one in document["left_out"]}


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
    assert result["files"] == 21 + 12  # the loon is no class of the model
    unknown_classes = len(list((folder / "Gavia immer_Common Loon").glob("*.flac")))
    assert left_out_of(result) == {"of a class that the model does not know": unknown_classes}
    assert (result["source"], result["unit"], result["learned_unknown"]) == ("folder", "recording", True)
    form = forms_of(result)["int8"]
    assert {one["label"]: one["files"] for one in form["species"]} == {
        "Parus major_Great Tit": 21,
        "Turdus migratorius_American Robin": 12,
    }
    assert form["class_mean_average_precision"]["value"] > 0.95
    assert form["top1"]["value"] > 0.8
    for one in form["species"]:
        assert one["average_precision"]["low"] <= one["average_precision"]["value"]
        assert one["average_precision"]["value"] <= one["average_precision"]["high"]
    assert len(result["missing"]) == 100 - 2


def test_float_and_int8_side_by_side(
    both: Models, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint_path, tflite = both
    scores, page, predictions = (tmp_path / name for name in ("s.json", "r.html", "p.csv"))
    line = ["evaluate", "--model_path", str(tflite), "--model_path", str(checkpoint_path)]
    line += ["--data_path_test", str(birds), "--pooling", "lme", "--json", str(scores)]
    line += ["--report_html", str(page), "--predictions", str(predictions)]
    assert main([*line, "--max_roc_auc_loss", "1", "--max_cmap_loss", "1"]) == 0

    printed = capsys.readouterr().out
    result = json.loads(scores.read_text())
    assert [one["form"] for one in result["forms"]] == ["float", "int8"]  # float is measured first
    assert result["models"] == [
        {"name": "float", "kind": "float", "model": checkpoint_path.name},
        {"name": "int8", "kind": "int8", "model": "model.tflite"},
    ]
    assert (result["source"], result["pooling"], result["files"]) == ("folder", "lme", 9)
    gates = {gate["name"]: gate for gate in result["gates"]}
    assert gates.keys() == {"loss_of_roc_auc_int8", "loss_of_class_mean_average_precision_int8"}
    first, second = (one["class_mean_average_precision"]["value"] for one in result["forms"])
    assert gates["loss_of_class_mean_average_precision_int8"]["measure"] == pytest.approx(first - second)
    assert result["int8_loss"]["value"] == pytest.approx(first - second)
    assert result["statements"][0] in " ".join(printed.split())
    for species in ("high", "low"):
        assert re.search(rf"^{species} +3 ", printed, re.MULTILINE)

    header, rows = rows_of(predictions)  # of the float model, which is measured first
    assert header == ["file", "start", "label", "high", "low"]
    assert len(rows) == result["windows"]
    assert rows[0][:3] == ["background/0.wav", "0.000", "background"]
    assert [row[1] for row in rows[:4]] == ["0.000", "0.250", "0.500", "0.750"]
    other_header, other_rows = rows_of(tmp_path / "p.int8.csv")
    assert other_header == header
    assert [row[:3] for row in other_rows] == [row[:3] for row in rows]
    values = [np.array([row[3:] for row in one], float) for one in (rows, other_rows)]
    assert 0 < np.abs(values[0] - values[1]).max() < 0.1

    html = page.read_text()
    assert not re.search(r"""(src|href)=["'](?!data:|#)|<script|url\((?!#)|@import""", html)
    assert result["statements"][0] in html
    assert str(tmp_path) not in html
    before = page.read_bytes(), scores.read_bytes(), predictions.read_bytes()
    assert main(line) == 0
    assert predictions.read_bytes() == before[2]
    assert main([*line, "--max_roc_auc_loss", "1", "--max_cmap_loss", "1"]) == 0
    assert (page.read_bytes(), scores.read_bytes(), predictions.read_bytes()) == before


def test_the_json_is_the_document_of_the_stage(both: Models, birds: Path, tmp_path: Path) -> None:
    scores = tmp_path / "s.json"
    assert (
        main(
            ["evaluate", "--model_path", str(both[1]), "--data_path_test", str(birds), "--json", str(scores)]
        )
        == 0
    )
    values = json.loads(scores.read_text())
    assert [one["name"] for one in values.pop("models")] == ["int8"]
    document = parse_document(EvaluateDocument, json.dumps(values).encode(), where=scores)
    assert (document.files, document.missing) == (9, ())
    assert document.recordings == 9  # files of equal names in the folders of several classes are drawn apart


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
    first = json.loads(scores.read_text())
    assert (first["files"], first["learned"], first["learned_unknown"]) == (9, 0, True)

    files = sorted(path for path in birds.rglob("*.wav") if path.parent.name != "background")
    known = [f"{sha256(path.read_bytes()).hexdigest()}\ttrain" for path in files]
    table = tmp_path / "m_learned_from.tsv"
    table.write_text("\n".join(["sha256\tuse", *known[:2], ""]))
    assert main(line) == 0
    result = json.loads(scores.read_text())
    assert (result["files"], result["learned"], result["learned_unknown"]) == (7, 0, False)
    assert left_out_of(result) == {"from which the model learned": 2}
    assert "left out 2 recordings: from which the model learned" in capsys.readouterr().err

    assert main([*line, "--include_learned"]) == 0
    assert "a model learned from 2 of these recordings" in capsys.readouterr().err
    result = json.loads(scores.read_text())
    assert (result["files"], result["learned"], left_out_of(result)) == (9, 2, {})

    everything = [f"{sha256(path.read_bytes()).hexdigest()}\ttrain" for path in birds.rglob("*.wav")]
    table.write_text("\n".join(["sha256\tuse", *everything, ""]))
    assert main(line) == 2
    said = capsys.readouterr().err
    assert "no recording is left to judge the model by" in said
    assert "left out 9 recordings: from which the model learned" in said


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (("--max_cmap_loss", "-1"), "loss of cmAP from float to int8"),
        (("--min_recall", "1", "--threshold", "0.999"), "recall of recordings, the mean over species"),
        (("--max_false_alarms_per_hour", "0", "--threshold", "0.001"), "false alarms an hour"),
    ],
)
def test_a_missed_limit_is_a_missed_gate(
    limit: tuple[str, ...],
    said: str,
    both: Models,
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ["evaluate", *(f"--model_path={path}" for path in both), "--data_path_test", str(birds)]
    assert main([*line, *limit, "--json", str(tmp_path / "s.json")]) == 1
    printed = capsys.readouterr().err
    assert said in printed
    assert f"at {'least' if limit[0].startswith('--min') else 'most'} {limit[1]}" in printed
    (gate,) = json.loads((tmp_path / "s.json").read_text())["gates"]
    assert (gate["verdict"], gate["title"]) == ("failed", said)


def songs_with_calls(folder: Path, birds: Path) -> None:
    """Write one recording of low, silence and high, 2 s each, and a table of its calls for Audacity."""
    folder.mkdir()
    parts = [soundfile.read(birds / label / "0.wav") for label in ("low", "background", "high")]
    soundfile.write(folder / "night.wav", np.concatenate([audio for audio, _ in parts]), parts[0][1])
    (folder / "night.txt").write_text("0.2\t1.0\tlow\n4.5\t5.5\tHigh\n5.6\t5.9\tOwl\n")


def test_soundscapes_are_judged_call_by_call(
    both: Models, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    songs_with_calls(tmp_path / "scapes", birds)
    scores = tmp_path / "s.json"
    line = ["evaluate", *(f"--model_path={path}" for path in both), "--soundscapes", str(tmp_path / "scapes")]
    assert main([*line, "--threshold", "0.01", "--json", str(scores)]) == 0
    assert "1 call of 1 name that no class of the model has: Owl" in capsys.readouterr().err
    result = json.loads(scores.read_text())
    assert (result["source"], result["unit"], result["files"], result["confusion"]) == (
        "soundscapes",
        "call",
        1,
        None,
    )
    assert result["hours"] == pytest.approx(6 / 3600)
    int8 = forms_of(result)["int8"]
    assert {one["label"]: one["calls"] for one in int8["species"]} == {"high": 1, "low": 1}
    assert int8["recall"]["value"] == 1  # at such a threshold, everything is heard
    assert int8["false_alarms_per_hour"]["value"] > 0
    assert main([*line, "--threshold", "0.999", "--json", str(scores)]) == 0
    int8 = forms_of(json.loads(scores.read_text()))["int8"]
    assert (int8["recall"]["value"], int8["false_alarms_per_hour"]["value"]) == (0, 0)


def test_the_worst_mistakes_are_cut_to_files(both: Models, birds: Path, tmp_path: Path) -> None:
    cuts, scores = tmp_path / "mistakes", tmp_path / "s.json"
    line = ["evaluate", "--model_path", str(both[1]), "--data_path_test", str(birds)]
    assert main([*line, "--threshold", "0.01", "--errors", str(cuts), "--json", str(scores)]) == 0
    mistakes = json.loads(scores.read_text())["mistakes"]
    assert mistakes
    header, rows = rows_of(cuts / "mistakes.csv")
    assert header[:3] == ["file", "species", "kind"]
    assert [(row[1], row[2], row[5]) for row in rows] == [
        (one["label"], one["kind"], one["path"]) for one in mistakes
    ]
    for name, *_ in rows:
        audio, rate_hz = soundfile.read(cuts / name)
        assert (rate_hz, len(audio)) == (8_000, 4_000)  # a window
    assert all(row[0] in (cuts / "index.html").read_text() for row in rows)
    written = {path.name for path in cuts.iterdir() if not path.name.startswith(".")}
    assert written == {"index.html", "mistakes.csv", *(row[0] for row in rows)}


def write_thresholds(folder: Path, of_label: dict[str, float], model: str = "") -> Path:
    species = [
        SpeciesThreshold(
            label=label,
            threshold=threshold,
            recordings=1,
            expected_recall=None,
            expected_precision=None,
            expected_false_alarms_per_hour=None,
            why="",
        )
        for label, threshold in of_label.items()
    ]
    folder.mkdir(exist_ok=True)
    write_document(ThresholdsDocument(aim="", hours=0.0, species=tuple(species), model=model), folder)
    return folder / ThresholdsDocument.FILE


def test_thresholds_of_a_file_decide_what_counts_as_heard(
    both: Models, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = tmp_path / "s.json"
    line = ["evaluate", "--model_path", str(both[1]), "--data_path_test", str(birds), "--json", str(scores)]
    given = write_thresholds(tmp_path / "given", {"low": 0.999, "high": 0.001})
    assert main([*line, "--thresholds", str(given)]) == 0
    species = {one["label"]: one for one in forms_of(json.loads(scores.read_text()))["int8"]["species"]}
    assert {label: one["threshold"] for label, one in species.items()} == {"high": 0.001, "low": 0.999}
    assert (species["high"]["recall"]["value"], species["low"]["recall"]["value"]) == (1, 0)

    assert "another model" not in capsys.readouterr().err
    of_another = write_thresholds(tmp_path / "of_another", {"low": 0.5, "high": 0.5}, model=64 * "0")
    assert main([*line, "--thresholds", str(of_another)]) == 0
    assert "were chosen for another model than model.tflite" in capsys.readouterr().err

    lacking = write_thresholds(tmp_path / "lacking", {"high": 0.5})
    assert main([*line, "--thresholds", str(lacking)]) == 2
    assert "has no threshold for low" in capsys.readouterr().err
    assert main([*line, "--thresholds", str(given), "--threshold", "0.5"]) == 2
    assert "--threshold and --thresholds exclude each other" in capsys.readouterr().err


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
    result = json.loads((tmp_path / "s.json").read_text())
    assert [one["kind"] for one in result["models"]] == ["int8", "firmware"]
    assert {one["windows"] for one in result["forms"]} == {result["windows"]}
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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ((), "there is no model to judge"),
        (("--model_path", "m.tflite"), "there are no recordings to judge by"),
        (
            ("--model_path", "m.tflite", "--data_path_test", "a", "--soundscapes", "b"),
            "--data_path_test and --soundscapes exclude each other",
        ),
        (("--model_path", "m.tflite", "--data_path_test", "a", "--threshold", "1.5"), "--threshold"),
        (("--model_path", "m.tflite", "--data_path_test", "a", "--min_recall", "2"), "--min_recall"),
    ],
)
def test_a_line_that_says_too_little_or_too_much_is_refused(
    line: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *line]) == 2
    assert said in capsys.readouterr().err


def test_models_of_other_classes_are_compared_on_the_common_ones(
    both: Models, contract: ModelContract, birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(both[1].read_bytes())
    write_tree(other.parent, files_beside_model(other, replace(contract, labels=("low", "owl"))))
    line = ["evaluate", "--data_path_test", str(birds), *(f"--model_path={path}" for path in (*both, other))]
    scores = tmp_path / "s.json"
    assert main([*line, "--json", str(scores), "--predictions", str(tmp_path / "p.csv")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "compared on the 1 class that all of them have; left out: high, owl" in said
    result = json.loads(scores.read_text())
    assert left_out_of(result) == {"of a class that the model does not know": 3}  # the high ones
    assert [[one["label"] for one in form["species"]] for form in result["forms"]] == [["low"]] * 3
    header, _ = rows_of(tmp_path / "p.int8.other.tflite.csv")
    assert header[3:] == ["low", "owl"]  # predictions are of all classes of a model

    write_tree(other.parent, files_beside_model(other, replace(contract, labels=("owl", "dog"))))
    assert main(line) == 2
    assert "no class in common" in capsys.readouterr().err
