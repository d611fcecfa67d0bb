"""The stages that read the shards: what train learns from, and what representative cuts."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.index.learned_from import learned_from_text, read_learned_from
from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.config.training_tables import TrainTable
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.run_stage import run_stage
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import read_document
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.files.regular_file import sha256_of
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    ModelContract,
    OutputActivation,
    contract_to_json,
    read_contract,
)
from birdnet_stm32.model.architecture.dscnn import build_dscnn
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.stages import train
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed
from birdnet_stm32.stages.inputs.training_progress import TrainingProgress
from birdnet_stm32.stages.inputs.windows import load_windows, open_window_set

pytestmark = pytest.mark.filterwarnings(  # TensorFlow's own
    "ignore:__array__ implementation:DeprecationWarning"
)

RATE_HZ = 8_000
START_CONTRACT = ModelContract(
    frontend=FrontendSpec(
        kind=Frontend.HYBRID,
        sample_rate_hz=RATE_HZ,
        window_samples=4_000,
        fft_length=256,
        spec_width=32,
        num_mels=16,
    ),
    labels=("Strix aluco_Tawny Owl", "Turdus merula"),
    output_activation=OutputActivation.LOGIT,
    alpha=0.1,
    embedding_size=32,
)
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

    def run(*stages: str, model: Mapping[str, object] | None = None, **settings: object) -> Path:
        small = {"fft_length": 256, "spec_width": 32, "num_mels": 16, "alpha": 0.1, "embedding_size": 32}
        fields = {
            "variant": {"title": "Small"},
            "index": {"root": "recordings", "background": ["background"]},
            "model": {"sample_rate_hz": RATE_HZ, "window_s": 0.5, **small} if model is None else model,
            "train": {"epochs": 1, **settings} if model is None else settings,
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


@pytest.mark.slow
def test_a_stopped_training_goes_on_in_the_next_build(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second epoch; the next run begins there, and makes the same bytes."""
    settings = {"epochs": 3, "average": 0.9}
    whole = build("train", **settings) / "train"
    expected = {path.name: sha256_of(path) for path in whole.glob("model*")}
    shutil.rmtree(whole)
    seen: list[int] = []

    def press(progress: TrainingProgress, done: int, total: int) -> None:
        seen.append(done)
        if done == total // 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TrainingProgress, "on_step", press)
    with pytest.raises(KeyboardInterrupt, match=r"^in epoch 2, after "):
        build("train", **settings)
    assert not whole.exists()
    assert list(whole.with_name("train.unfinished").rglob("*.state"))
    stopped_at = seen[-1]
    seen.clear()
    monkeypatch.setattr(TrainingProgress, "on_step", lambda _, done, total: seen.append(done))
    build("train", **settings)
    assert seen[0] == stopped_at + 1
    assert {path.name: sha256_of(path) for path in whole.glob("model*")} == expected
    assert not whole.with_name("train.unfinished").exists()


@pytest.mark.slow
def test_what_other_settings_came_to_is_removed(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(progress: TrainingProgress, done: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TrainingProgress, "on_step", press)
    kept = []
    for rate in (1e-3, 2e-3):
        with pytest.raises(KeyboardInterrupt):
            build("train", learning_rate=rate)
        kept += list((build() / "train.unfinished").rglob("*.state"))
    assert [path.exists() for path in kept] == [False, True]


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A network to start from, with its configuration."""
    path = tmp_path / "start.keras"
    checkpoint.save(build_dscnn(START_CONTRACT, seed=2), path)
    fields = canonical_json(contract_to_json(START_CONTRACT))
    (tmp_path / "start_model_config.json").write_text(fields, encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_linear_probe_is_a_whole_training(build: Build, start: Path) -> None:
    folder = build("train", model={"sample_rate_hz": RATE_HZ}, start="start.keras", learn="head", refit=True)
    contract = read_contract(folder / "train" / "model_config.json")
    assert contract.frontend == START_CONTRACT.frontend, "not the front end that the variant would have"
    assert contract.labels == ("Parus major", "Strix aluco")
    history = read_document(HistoryDocument, folder / "train")
    assert history.epochs == ()
    assert history.start is not None
    assert history.start.model == sha256_of(start)
    assert history.start.known_classes == ("Strix aluco",)
    assert max(history.start.probe_scores) > 0.9, "two whistles of different pitch"
    trained = checkpoint.load(folder / "train" / "model.keras", contract)
    for one, other in zip(trained.layers[:-1], checkpoint.load(start, START_CONTRACT).layers, strict=False):
        assert all(map(np.array_equal, one.get_weights(), other.get_weights()))
    learned = read_learned_from(folder / "train" / "model_learned_from.tsv")
    assert learned["others"] == "unknown", "nobody knows from what the other network learned"


@pytest.mark.slow
def test_training_goes_on_from_a_start(build: Build, start: Path) -> None:
    table = start.with_name("start_learned_from.tsv")
    table.write_text(learned_from_text({"a" * 64: "train"}), encoding="utf-8")
    folder = build("train", model={}, start="start.keras", epochs=1, head="new")
    learned = read_learned_from(folder / "train" / "model_learned_from.tsv")
    assert learned["a" * 64] == "train"
    assert "others" not in learned
    assert len(read_document(HistoryDocument, folder / "train").epochs) == 1


def test_a_variant_that_contradicts_its_start_is_refused(build: Build, start: Path) -> None:
    assert start.is_file()
    with pytest.raises(InputError, match="sample_rate_hz is 24000, and training starts from a model"):
        build(model={"sample_rate_hz": 24_000}, start="start.keras")


def test_a_network_that_the_start_fixes_cannot_be_asked_for(build: Build, start: Path) -> None:
    assert start.is_file()
    with pytest.raises(InputError, match=r"alpha is 0\.5, and training starts"):
        build("train", model={"alpha": 0.5}, start="start.keras")


def test_a_start_without_configuration_is_refused(build: Build, start: Path) -> None:
    start.with_name("start_model_config.json").unlink()
    with pytest.raises(InputError, match="configuration of the model to start from is missing"):
        build(model={}, start="start.keras")
