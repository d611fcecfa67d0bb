from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from birdnet_stm32 import cli
from birdnet_stm32.npu.stedgeai.compilation import load_compilation

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def here(stand_in: ModuleType, model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEDGEAI_CORE_DIR", str(stand_in.install(tmp_path / "core")))
    (tmp_path / "model.tflite").write_bytes(model)
    return tmp_path


def test_a_model_compiles_into_a_folder(here: Path, capsys: Captured) -> None:
    for _ in range(2):
        assert cli.main(["npu", "model.tflite", "--out", "npu", "--json", "c.json"]) == 0
    said = capsys.readouterr()
    assert "found by STEDGEAI_CORE_DIR" in said.err
    assert "passed  ports: int8 [1, 8, 12, 1], int8 [1, 3]" in said.out
    counted = "2 epochs: 2 hardware, 0 hybrid, 0 software"
    assert said.out.endswith(f"npu: {counted}; the epoch controller runs 2 in 1 blob\n")
    assert load_compilation(here / "npu").weights_file == "network_atonbuf.xSPI2.raw"
    assert json.loads((here / "c.json").read_text(encoding="utf-8"))["symbol"] == "network"
    assert (here / "npu" / "stedgeai.log").is_file()


def test_the_processor_may_start_every_epoch(here: Path, capsys: Captured) -> None:
    assert cli.main(["npu", "model.tflite", "--out", "npu", "--no-epoch-controller"]) == 0
    assert capsys.readouterr().out.endswith("npu: 2 epochs: 2 hardware, 0 hybrid, 0 software\n")
    assert not load_compilation(here / "npu").epoch_controller
    assert not (here / "npu" / "network_ecblobs.h").exists()


def test_a_gate_that_fails_is_exit_1_unless_it_is_waived(
    here: Path, stand_in: ModuleType, capsys: Captured
) -> None:
    stand_in.install(here / "core", fault="stalling-link")
    assert cli.main(["npu", "model.tflite", "--out", "npu"]) == 1
    assert "stream-link: 1 activations stream into a convolution" in capsys.readouterr().err
    assert (here / "npu" / "gates.json").is_file()
    waive = ["--waive", "stream-link=it ran on the bench"]
    assert cli.main(["npu", "model.tflite", "--out", "npu", *waive]) == 0
    assert "waived  stream-link: 1 activations stream" in capsys.readouterr().out


def test_an_analysis_writes_no_code(here: Path, stand_in: ModuleType, capsys: Captured) -> None:
    stand_in.install(here / "core", fault="software-epochs")
    assert cli.main(["npu", "model.tflite", "--out", "npu", "--analyze", "--json", "-"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["epochs"][1]["operators"] == ["Gather"]
    assert "epoch 2: software, Gather" in said.err
    assert sorted(path.name for path in (here / "npu").iterdir()) == [".birdnet-stm32", "stedgeai.log"]


def test_st_compares_the_result_with_the_model(here: Path, capsys: Captured) -> None:
    np.save(here / "inputs.npy", np.zeros((2, 8, 12, 1), np.float32))
    compare = ["--validate", "inputs.npy", "--board", "/dev/ttyACM0"]
    assert cli.main(["npu", "model.tflite", "--out", "npu", *compare]) == 0
    said = "nl_69: cosine 0.962875, mean absolute error 0.012, mean error -0.001, by ST's tool"
    assert said in capsys.readouterr().out
    assert (here / "npu" / "validate.log").is_file()


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        (["--weights-address", "0x70400001"], 2, "--weights-address is 1883242497 (0x70400001)"),
        (
            ["--weights-address", "0x10"],
            2,
            "a multiple of 0x10000 from 0x70200000 to 0x77FF0000",
        ),
        (["--waive", "hyperram"], 2, "expected: GATE=REASON"),
        (["--waive", "hyperrum=because it is so"], 2, "--waive is 'hyperrum'"),
        (["--core-dir", "elsewhere"], 3, "is a folder without stedgeai"),
        (["--out", "core"], 2, "holds files that this command did not write"),
    ],
)
def test_a_wrong_command_says_what_is_right(
    here: Path, capsys: Captured, wrong: list[str], code: int, said: str
) -> None:
    assert cli.main(["npu", "model.tflite", "--out", "npu", *wrong]) == code
    assert said in capsys.readouterr().err
    assert not (here / "npu").exists()


def test_without_the_tool_it_says_which_variable_to_set(
    here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEDGEAI_CORE_DIR")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(here))
    assert cli.main(["npu", "model.tflite", "--out", "npu"]) == 3
    assert "try: set STEDGEAI_CORE_DIR" in capsys.readouterr().err
