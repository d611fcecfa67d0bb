import json
from pathlib import Path

import pytest

from birdnet_stm32.cli import main


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
    assert {one["label"] for one in result["classes"]} == {
        "Parus major_Great Tit",
        "Turdus migratorius_American Robin",
    }
    assert result["class_mean_average_precision"] > 0.95
    assert result["top1_accuracy"] > 0.8


def test_a_model_of_unknown_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    code = main(["evaluate", "--model_path", str(tmp_path / "model.onnx"), "--data_path_test", str(tmp_path)])
    assert code == 2
    assert "model configuration" in capsys.readouterr().err
