"""Accuracy in a real pipeline: which recordings measure it, what stops a release, and what runs again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.index.learned_from import read_learned_from
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument, FormAccuracy
from birdnet_stm32.files.document import read_document
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.stages.inputs.index import read_index
from birdnet_stm32.stages.inputs.windows import open_window_set

pytestmark = [pytest.mark.slow, pytest.mark.emulated]

TAKES = 8  # of each class: a quarter of them is tested


@pytest.fixture(scope="module")
def tested(programs: None, new_checkout: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A checkout with a test split, in which the bundle has been built: to look at, not to build in."""
    made = new_checkout(tmp_path_factory.mktemp("accuracy") / "checkout", takes=TAKES)
    ended = made.doit("bundle:tiny")
    assert ended.returncode == 0, ended.stdout
    (made.root / "printed.txt").write_text(ended.stdout, encoding="utf-8")
    return made


@pytest.fixture
def copied(tested: Any, tmp_path: Path) -> Any:
    """A copy of the built checkout, to do anything with."""
    subprocess.run(["cp", "-a", tested.root, tmp_path / "checkout"], check=True)
    return type(tested)(root=tmp_path / "checkout", build=tmp_path / "checkout" / "build")


def without_emulator(checkout: Any, text: str, threshold: float = 0.5) -> None:
    """Add text to the variant and take out the emulated board, so that ``evaluate`` waits for no firmware."""
    before, emulate, _ = checkout.variant.read_text(encoding="utf-8").partition("[emulate]")
    assert emulate
    board = f'[firmware]\nboards = ["stm32n6570_dk"]\nthreshold = {threshold}\n'
    checkout.variant.write_text(before + text + board, encoding="utf-8")


def accuracy_of(checkout: Any) -> EvaluateDocument:
    return read_document(EvaluateDocument, checkout.folder("evaluate"))


def forms_of(document: EvaluateDocument) -> dict[str, FormAccuracy]:
    return {one.form: one for one in document.forms}


def rows_of(checkout: Any, split: str) -> list[IndexRow]:
    return [row for row in read_index(checkout.folder("index")) if row.split == split]


def scored_paths(checkout: Any, stage: str = "evaluation_windows") -> list[str]:
    """Return the recording of each window that was scored, in the order of the scores."""
    windows = open_window_set(checkout.folder(stage))
    scores = np.load(checkout.folder("evaluate") / "scores.npz", allow_pickle=False)
    assert len(scores["float"]) == len(scores["int8"]) == len(scores["recording"])
    return [windows.recordings[number].path for number in scores["recording"].tolist()]


def test_every_build_measures_float_int8_and_firmware_on_recordings_that_nothing_used(tested: Any) -> None:
    document = accuracy_of(tested)
    test = rows_of(tested, "test")
    assert len(test) == 3 * TAKES // 4
    assert {row.label for row in test} == {"Corvus corax", "Parus major", "background"}
    assert (document.source, document.unit, document.files) == ("test split", "recording", len(test))
    assert set(scored_paths(tested)) == {row.path for row in test}
    forms = forms_of(document)
    assert list(forms) == ["float", "int8", "firmware"]
    assert forms["float"].windows == forms["int8"].windows == document.windows == 7 * len(test)
    assert forms["firmware"].windows == min(32, document.windows)
    assert [one.label for one in forms["int8"].species] == ["Corvus corax", "Parus major"]
    assert (document.learned, document.learned_unknown, document.missing) == (0, False, ())

    learned = read_learned_from(tested.folder("train") / "model_learned_from.tsv")
    assert not learned.keys() & {row.digest for row in test}
    windows = json.loads((tested.folder("emulate") / "emulate.json").read_text(encoding="utf-8"))
    assert windows["windows"] > document.forms[-1].windows  # the firmware computed windows to verify it too


def test_the_page_the_card_and_the_bundle_say_what_was_measured(tested: Any) -> None:
    document = accuracy_of(tested)
    page = (tested.folder("report") / "report.html").read_text(encoding="utf-8")
    with zipfile.ZipFile(tested.bundle_path) as bundle:
        names = {name.rpartition("/")[2]: name for name in bundle.namelist()}
        assert json.loads(bundle.read(names["evaluate.json"])) == json.loads(
            (tested.folder("evaluate") / "evaluate.json").read_text(encoding="utf-8")
        )
        card = bundle.read(names["MODEL_CARD.md"]).decode()
    for text in (page, card):
        assert document.statements[0] in " ".join(text.split())
    printed = (tested.root / "printed.txt").read_text(encoding="utf-8")
    assert "evaluate:tiny" in printed


def test_the_command_evaluate_judges_a_variant_by_the_same_recordings(tested: Any, tmp_path: Path) -> None:
    written = tmp_path / "scores.json"
    ended = subprocess.run(
        [sys.executable, "-m", "birdnet_stm32", "evaluate", "tiny", "--json", str(written)],
        cwd=tested.root,
        env=tested.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    document = accuracy_of(tested)
    found = json.loads(written.read_text(encoding="utf-8"))
    assert (found["source"], found["files"], found["learned"]) == ("test split", document.files, 0)
    forms = {one["form"]: one for one in found["forms"]}
    for name in ("float", "int8"):
        expected = forms_of(document)[name].class_mean_average_precision
        assert expected is not None
        assert forms[name]["class_mean_average_precision"]["value"] == pytest.approx(expected.value)
    assert [one["threshold"] for one in forms["int8"]["species"]] == [0.5, 0.5]


def test_a_changed_test_recording_makes_no_other_model(copied: Any) -> None:
    before = (copied.folder("verify") / "model.tflite").read_bytes()
    path = next(row.path for row in rows_of(copied, "test") if row.path.endswith(".wav"))
    noise = np.random.default_rng(8).normal(0, 0.02, 32_000)
    soundfile.write(copied.root / "recordings" / path, noise, 16_000)
    ran = copied.ran()
    assert ran >= {"index", "evaluation_windows", "emulate", "evaluate", "report", "bundle"}
    assert not ran & {"train", "candidate/ptq", "convert", "verify", "layers", "codegen", "firmware"}
    assert (copied.folder("verify") / "model.tflite").read_bytes() == before
    assert copied.ran() == set()


def test_a_missed_gate_stops_before_the_bundle_and_explains(copied: Any) -> None:
    for stage in ("report", "bundle"):
        shutil.rmtree(copied.folder(stage))
    gates = "[evaluate]\nmin_recall = 0.5\nmax_false_alarms_per_hour = 1.0\n"
    without_emulator(copied, gates, threshold=0.99)
    ended = copied.doit("bundle:tiny")
    said = " ".join(ended.stdout.split())
    assert ended.returncode == 1, ended.stdout
    assert "the model is not accurate enough" in said
    assert "recall of recordings, the mean over species is 0 expected" in said
    assert "recall of recordings, the mean over species at least 0.5" in said
    assert "give more recordings of the species that it misses" in said
    assert not {"evaluate", "report", "bundle"} & copied.published()
    refused = read_document(EvaluateDocument, copied.folder("evaluate.failed"))
    assert {gate.name: gate.verdict for gate in refused.gates} == {
        "recall": "failed",
        "false_alarms_per_hour": "passed",
    }


def test_folds_score_every_recording_once_by_a_model_that_did_not_see_it(copied: Any) -> None:
    without_emulator(copied, "[evaluate]\nfolds = 3\n")
    ran = copied.ran("evaluate:tiny")
    assert ran >= {"fold/1", "fold/2", "fold/3", "train", "evaluate"}
    assert not rows_of(copied, "test")
    windows = open_window_set(copied.folder("windows"))
    document = accuracy_of(copied)
    assert (document.source, document.files) == ("folds", 3 * TAKES)
    assert list(forms_of(document)) == ["float", "int8"]
    assert scored_paths(copied, "windows") == [
        windows.recordings[one].path for one in windows.recording_of.tolist()
    ]
    scores = np.load(copied.folder("evaluate") / "scores.npz", allow_pickle=False)
    for fold in (1, 2, 3):
        of_fold = np.load(copied.folder(f"fold/{fold}") / "scores.npz", allow_pickle=False)
        for form in ("float", "int8"):
            np.testing.assert_array_equal(scores[form][windows.folds == fold], of_fold[form])
    assert {one.fold for one in windows.recordings} == {1, 2, 3}
    assert copied.ran("evaluate:tiny") == set()


def test_recordings_of_their_own_judge_a_model_that_learned_from_all_others(
    copied: Any, recordings: Callable[..., None]
) -> None:
    recordings(copied.root / "held", 2, seed=8)
    text = copied.variant.read_text(encoding="utf-8").replace("[train]\n", "[train]\nrefit = true\n")
    copied.variant.write_text(text, encoding="utf-8")
    without_emulator(copied, '[evaluate]\nroot = "../held"\n')
    assert "train" in copied.ran("evaluate:tiny")
    document = accuracy_of(copied)
    assert (document.source, document.unit, document.files) == ("folder", "recording", 3 * 2)
    test = rows_of(copied, "test")
    assert {row.path.split("/")[0] for row in test} == {"[evaluate]"}
    assert len(rows_of(copied, "train")) + len(rows_of(copied, "validation")) == 3 * TAKES

    learned = read_learned_from(copied.folder("train") / "model_learned_from.tsv")
    assert len(learned) == 3 * TAKES
    assert set(learned.values()) == {"train"}  # also those that chose the epoch
    assert not learned.keys() & {row.digest for row in test}
    history = read_document(HistoryDocument, copied.folder("train"))
    assert history.refitted
    assert history.training_windows == 3 * TAKES * 7


def test_annotated_soundscapes_judge_a_model_call_by_call(copied: Any) -> None:
    folder = copied.root / "soundscapes"
    folder.mkdir()
    parts = [
        soundfile.read(copied.root / "recordings" / label / "take_0.wav")[0]
        for label in ("background", "Corvus corax", "background", "Parus major")
    ]
    soundfile.write(folder / "night.flac", np.concatenate(parts), 16_000)
    (folder / "night.txt").write_text("2.2\t3.0\tcorvus corax\n3.1\t3.8\tRaven\n6.5\t7.5\tParus major\n")
    (copied.root / "names.csv").write_text("label,common_name\nCorvus corax,Raven\n")
    without_emulator(copied, '[evaluate]\nsoundscapes = "../soundscapes"\nnames = "../names.csv"\n')
    copied.ran("evaluate:tiny")
    document = accuracy_of(copied)
    assert (document.source, document.unit, document.files) == ("soundscapes", "call", 1)
    assert document.hours == pytest.approx(8 / 3600)
    assert {one.label: one.calls for one in document.forms[0].species} == {
        "Corvus corax": 2,
        "Parus major": 1,
    }
    assert set(scored_paths(copied)) == {"[evaluate]/night.flac"}
    assert len(scored_paths(copied)) == 31  # half a second each, every quarter of one
