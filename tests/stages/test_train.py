"""The stages that read the shards: what train learns from, and what representative cuts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.index.learned_from import read_learned_from
from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.config.training_tables import TrainTable
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.run_stage import run_stage
from birdnet_stm32.files.document import read_document
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.stages import train
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed
from birdnet_stm32.stages.inputs.windows import load_windows, open_window_set

RATE_HZ = 8_000
Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a function that runs stages on recordings of two species and background."""
    rng = np.random.default_rng(0)
    for label, pitch_hz in (("Parus major", 2_500), ("Strix aluco", 700), ("background", 0)):
        for number in range(8):
            time_s = np.arange(2 * RATE_HZ) / RATE_HZ
            song = 0.2 * np.sin(2 * np.pi * pitch_hz * time_s) + rng.normal(0, 0.02, len(time_s))
            path = tmp_path / "recordings" / label / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, song, RATE_HZ)

    def run(*stages: str, **settings: object) -> Path:
        small = {"fft_length": 256, "spec_width": 32, "num_mels": 16, "alpha": 0.1, "embedding_size": 32}
        fields = {
            "variant": {"title": "Small"},
            "index": {"root": "recordings", "background": ["background"]},
            "model": {"sample_rate_hz": RATE_HZ, "window_s": 0.5, **small},
            "train": {"epochs": 1, **settings},
            "representative": {"calibration_windows": 40, "validation_windows": 20},
        }
        variant = Variant.model_validate_json(json.dumps(fields), strict=True)
        release = Release(name="v", path=tmp_path / "v.toml", build=tmp_path / "build", variant=variant)
        for name in ("index", "windows", *stages):
            run_stage(BY_NAME[name], release, folders_needed(BY_NAME[name], release))
        return tmp_path / "build" / "v"

    return run


def test_representative_windows_are_parts_of_the_decoded_recordings(build: Build, tmp_path: Path) -> None:
    windows = load_windows(build("representative") / "representative")
    assert len(windows.calibration) + len(windows.held_out) == 40
    for pcm, row in zip(windows.validation, windows.validation_rows, strict=True):
        whole = decode.decode(tmp_path / "recordings" / row.path, sample_rate_hz=RATE_HZ)
        np.testing.assert_array_equal(pcm, cut_window(whole, row.start_sample, 4_000))


def test_what_a_model_learned_from_has_no_test_recording(build: Build) -> None:
    windows = open_window_set(build() / "windows")
    assert train.classes_to_train(windows) == ("Parus major", "Strix aluco")
    splits = {one.digest: one.split for one in windows.recordings}
    assert set(splits.values()) == {"train", "validation"}, "test recordings have shards of their own"
    learned = train.learned_recordings(windows.recordings, TrainTable())
    assert learned == splits
    refitted = train.learned_recordings(windows.recordings, TrainTable(refit=True))
    assert refitted == dict.fromkeys(learned, "train")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_a_model_that_is_refitted_says_so(build: Build) -> None:
    folder = build("train", refit=True, calibrate="platt")
    history = read_document(HistoryDocument, folder / "train")
    assert history.refitted
    assert len(history.refit_losses) == history.best_epoch == 1
    assert history.calibration == "platt"
    assert len(history.logit_scale) == len(history.logit_offset) == 2
    windows = open_window_set(folder / "windows")
    assert history.training_windows == len(windows.in_split("train", "validation"))
    assert set(read_learned_from(folder / "train" / "model_learned_from.tsv").values()) == {"train"}
