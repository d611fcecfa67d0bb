"""The stage teacher: what it publishes, what is learned from it, and where it goes on after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine import store
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.run_stage import run_stage
from birdnet_stm32.engine.stage import Outcome
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import read_document
from birdnet_stm32.model.teacher import hear_windows
from birdnet_stm32.model.teacher.teacher_document import TeacherDocument, TeachersDocument
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed
from birdnet_stm32.stages.inputs.windows import open_window_set
from tests.dense_teacher import dense_teacher

pytestmark = pytest.mark.filterwarnings(  # TensorFlow's own
    "ignore:__array__ implementation:DeprecationWarning"
)

RATE_HZ = 8_000
TABLE = {"model": "t.tflite", "labels": "heard.txt", "licence": "MIT", "sample_rate_hz": 4_000}
Run = Callable[..., Outcome]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Six recordings of 2 s for each of two songs and the background, and a teacher of one song."""
    rng, time_s = np.random.default_rng(3), np.arange(2 * RATE_HZ) / RATE_HZ
    for label, pitch_hz in {"Corvus corax": 700, "Parus major": 2_400, "background": 50}.items():
        folder = tmp_path / "recordings" / label
        folder.mkdir(parents=True)
        for take in range(6):
            audio = 0.3 * np.sin(2 * np.pi * (pitch_hz + 30 * take) * time_s) + rng.normal(
                0, 0.02, len(time_s)
            )
            soundfile.write(folder / f"{label[0]}{take}.wav", audio, RATE_HZ)
    (tmp_path / "t.tflite").write_bytes(dense_teacher(1))
    (tmp_path / "heard.txt").write_text("Corvus corax_Raven\nStrix aluco_Tawny Owl\n")
    return tmp_path


@pytest.fixture
def run(place: Path) -> Run:
    def run_one(name: str, teacher: dict[str, Any] | None = None, **tables: Any) -> Outcome:
        fields = {
            "variant": {"title": "Small"},
            "index": {"root": "recordings", "background": ["background"]},
            "teacher": TABLE | (teacher or {}),
            "model": {
                "sample_rate_hz": RATE_HZ,
                "window_s": 0.5,
                "fft_length": 256,
                "spec_width": 32,
                "num_mels": 16,
                "alpha": 0.1,
                "embedding_size": 32,
            },
            "train": {"epochs": 1},
            **tables,
        }
        variant = Variant.model_validate_json(json.dumps(fields), strict=True)
        release = Release(name="v", path=place / "v.toml", build=place / "build", variant=variant)
        return run_stage(BY_NAME[name], release, folders_needed(BY_NAME[name], release))

    run_one("index")
    run_one("windows")
    return run_one


def folder(place: Path) -> Path:
    return place / "build" / "v" / "teacher"


def test_it_publishes_scores_and_what_is_known_of_the_teacher(place: Path, run: Run) -> None:
    outcome = run("teacher")
    assert "t.tflite knows 1 of 2 classes" in outcome.summary
    assert "it does not know Parus major" in outcome.summary
    found = read_document(TeacherDocument, folder(place))
    assert (found.classes, found.unknown_classes) == (("Corvus corax",), ("Parus major",))
    assert (found.licence, found.outputs, found.embedding_size) == ("MIT", 2, 4)
    windows = open_window_set(place / "build" / "v" / "windows")
    scores = np.load(folder(place) / "scores.npy")
    assert scores.shape == (len(windows), 1)
    assert np.isfinite(scores).all()
    assert found.heard_windows == found.windows == len(windows)
    assert np.load(folder(place) / "chosen.npy").all()
    names = {path.name for path in folder(place).iterdir()}
    assert not [name for name in names if "tflite" in name or "heard" in name]  # nothing of the teacher


def test_the_teacher_chooses_windows_and_no_others_are_learned_from(place: Path, run: Run) -> None:
    run("windows", windows={"select": "teacher", "best": 1})
    outcome = run("teacher", windows={"select": "teacher", "best": 1})
    chosen = np.load(folder(place) / "chosen.npy")
    windows = open_window_set(place / "build" / "v" / "windows")
    ravens = np.array([one.label == "Corvus corax" for one in windows.recordings])[windows.recording_of]
    assert windows.chosen.all()
    assert chosen[~ravens].all()
    recordings = len(set(windows.recording_of[ravens].tolist()))
    assert chosen[ravens].sum() == recordings
    assert outcome.measures["left_out"] > 0


@pytest.mark.slow
def test_the_student_learns_from_it_and_says_so(place: Path, run: Run) -> None:
    run("teacher")
    losses = []
    for teacher in ({}, {"weight": 0.0, "embedding_weight": 1.0}):
        run("train", teacher)
        history = json.loads((place / "build" / "v" / "train" / "history.json").read_text())
        losses.append(history["epochs"][0]["loss"])
    assert losses[0] != losses[1]
    (told,) = read_document(TeachersDocument, place / "build" / "v" / "train").teachers
    assert (told.name, told.licence) == ("t.tflite", "MIT")


def test_only_what_changed_is_heard_again(place: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    real = hear_windows.piece_of_audio

    def listen(teacher: Any, shards: Path, recording: Any, *rest: Any) -> Any:
        heard.append(recording.path)
        return real(teacher, shards, recording, *rest)

    monkeypatch.setattr(hear_windows, "piece_of_audio", listen)
    run("teacher")
    assert len(set(heard)) > 10
    scores = np.load(folder(place) / "scores.npy")
    heard.clear()
    run("teacher", {"weight": 0.25})
    assert heard == []
    changed = place / "recordings" / "Corvus corax" / "C0.wav"
    audio, _ = soundfile.read(changed)
    soundfile.write(changed, audio[::-1], RATE_HZ)
    run("index")
    run("windows")
    run("teacher")
    assert set(heard) <= {"Corvus corax/C0.wav"}
    assert np.load(folder(place) / "scores.npy").shape[1] == scores.shape[1]


class KilledError(Exception):
    pass


def test_a_run_that_was_killed_goes_on(place: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, real = 0, hear_windows.piece_of_audio

    def listen(*given: Any) -> Any:
        nonlocal heard
        heard += 1
        if heard == 40:
            raise KilledError
        return real(*given)

    monkeypatch.setattr(hear_windows, "piece_of_audio", listen)
    with pytest.raises(KilledError):
        run("teacher")
    assert not folder(place).exists()
    kept = len(list(store.kept(folder(place)).glob("*.npz")))
    assert kept > 0
    heard = 1_000
    run("teacher")
    monkeypatch.undo()
    again = np.load(folder(place) / "scores.npy")
    run("teacher", {"weight": 0.3})
    assert np.array_equal(np.load(folder(place) / "scores.npy"), again)


def test_a_teacher_that_hears_nothing_is_warned_of(place: Path, run: Run) -> None:
    (place / "deaf.tflite").write_bytes(dense_teacher(1, last="NEG"))
    warnings = [*run("teacher").warnings, *run("teacher", {"model": "deaf.tflite"}).warnings]
    assert all("hears the labelled species in" in warning for warning in warnings)


def test_a_teacher_without_embeddings_to_imitate_is_refused(place: Path, run: Run) -> None:
    (place / "flat.tflite").write_bytes(dense_teacher(1, last="TANH"))
    with pytest.raises(InputError, match="the teacher has no embeddings"):
        run("teacher", {"model": "flat.tflite", "embedding_weight": 0.5})
