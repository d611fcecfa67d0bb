"""The front end ``raw`` from real recordings to the emulated board."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from birdnet_stm32.cli import main

SPECIES = ("Gavia immer_Common Loon", "Parus major_Great Tit", "Turdus migratorius_American Robin")
RECORDING = r"^(?P<recording>.+?)(__t\d+)?$"


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.emulated
def test_it_trains_converts_and_runs_as_firmware(shared: Path, tmp_path: Path) -> None:
    data = tmp_path / "birds"
    for label in SPECIES:
        (data / label).mkdir(parents=True)
        for path in sorted((shared / "data" / "birds" / label).glob("*.flac"))[:12]:
            (data / label / path.name).symlink_to(path)
    model = tmp_path / "raw.keras"
    folder = ["--recording", RECORDING, "--data_path_train", str(data)]
    train = ["train", *folder, "--audio_frontend", "raw", "--sample_rate", "16000", "--chunk_duration", "1"]
    train += ["--alpha", "0.1", "--epochs", "12", "--learning_rate", "0.005", "--batch_size", "16"]
    assert main([*train, "--checkpoint_path", str(model)]) == 0
    convert = ["convert", *folder, "--checkpoint_path", str(model), "--num_samples", "32"]
    assert main([*convert, "--validate_samples", "30", "--report_json", str(tmp_path / "report.json")]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["all"]["cosine_p05"] >= 0.9

    heard = tmp_path / "heard"
    for label in SPECIES[:2]:
        shutil.copytree(data / label, heard / label, ignore=lambda _, names: sorted(names)[2:])
    scores = tmp_path / "scores.json"
    evaluate = [
        "evaluate",
        "--data_path_test",
        str(heard),
        "--model_path",
        str(model),
        "--firmware",
        "--include_learned",
    ]
    evaluate += ["--model_path", str(tmp_path / "raw_quantized.tflite"), "--max_roc_auc_loss", "0.1"]
    assert main([*evaluate, "--json", str(scores)]) == 0
    assert [one["kind"] for one in json.loads(scores.read_text())["models"]] == ["float", "int8", "firmware"]
