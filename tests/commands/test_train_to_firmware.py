"""One small model goes through every command: train, convert, evaluate, codegen, emulate."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32 import cli
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.commands.shared import emulation

pytestmark = [pytest.mark.slow]
SMALL = "--sample_rate 8000 --chunk_duration 0.5 --alpha 0.1 --epochs 1".split()
ANY_COSINE = "--min_cosine_sim 0 --min_cosine_p05 0".split()


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """A folder with ``bird.keras`` and ``bird.tflite``, made from songs."""

    root: Path
    songs: Path

    @property
    def keras(self) -> Path:
        return self.root / "bird.keras"

    @property
    def tflite(self) -> Path:
        return self.root / "bird.tflite"

    def train(self, checkpoint: Path) -> int:
        return cli.main(
            ["train", "--data_path_train", str(self.songs), "--checkpoint_path", str(checkpoint), *SMALL]
        )

    def convert(self, *options: str) -> int:
        fixed = ["--checkpoint_path", str(self.keras), "--data_path_train", str(self.songs)]
        return cli.main(["convert", *fixed, *options])


def need_programs() -> None:
    for program in ("arm-none-eabi-gcc", "cmake", "ninja", "qemu-system-arm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="module")
def workplace(songs: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    root = tmp_path_factory.mktemp("workplace")
    songs(root / "songs")
    place = Workplace(root=root, songs=root / "songs")
    assert place.train(place.keras) == 0
    # What train writes beside the checkpoint serves a .tflite of the same name, too.
    assert place.convert(*ANY_COSINE, "--output_path", str(place.tflite)) == 0
    return place


def test_train_writes_the_model_its_configuration_and_labels(workplace: Workplace) -> None:
    config = json.loads((workplace.root / "bird_model_config.json").read_text())
    assert config["class_names"] == ["high", "low"]
    assert config["sample_rate"] == 8_000
    assert (workplace.root / "bird_labels.txt").read_text() == "high\nlow\n"


def test_the_same_seed_gives_the_same_bytes(workplace: Workplace) -> None:
    assert workplace.train(workplace.root / "again.keras") == 0
    assert (workplace.root / "again.keras").read_bytes() == workplace.keras.read_bytes()


def test_a_missed_gate_ends_with_1_and_writes_no_model(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    output = workplace.root / "refused.tflite"
    gates = ["--min_cosine_sim", "1", "--min_cosine_p05", "1"]
    assert workplace.convert(*gates, "--output_path", str(output), "--json", "-") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["all"]["cosine_mean"] < 1
    assert "bird.keras, " in printed.err
    assert "the int8 model is too far from the float model" in printed.err
    assert "expected: mean cosine of the probabilities at least 1" in printed.err
    assert not output.exists()


@pytest.mark.parametrize("suffix", ["keras", "tflite"])
def test_evaluate_scores_both_kinds(
    workplace: Workplace, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    model = workplace.root / f"bird.{suffix}"
    options = ["--model_path", str(model), "--data_path_test", str(workplace.songs), "--json", "-"]
    assert cli.main(["evaluate", "--include_learned", *options]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["files"] == 9
    (form,) = scores["forms"]
    assert form["form"] == {"keras": "float", "tflite": "int8"}[suffix]
    assert [one["label"] for one in form["species"]] == ["high", "low"]


def test_codegen_takes_what_lies_beside_the_model(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    out = workplace.root / "c"
    assert cli.main(["codegen", str(workplace.tflite), "--out", str(out), "--json", "-"]) == 0
    printed = capsys.readouterr()
    network = json.loads(printed.out)
    assert network == json.loads((out / "network.json").read_text())
    assert printed.err.startswith(f"{out}: ")
    assert (out / "birdnet_frontend_config.c").is_file()
    assert '"high",\n' in (out / "birdnet_labels.c").read_text()
    first = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert cli.main(["codegen", str(workplace.tflite), "--out", str(out)]) == 0  # generated before: fine
    assert {path: path.read_bytes() for path in first} == first


def test_codegen_does_without_and_says_so(
    workplace: Workplace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copy(workplace.tflite, tmp_path / "alone.tflite")
    assert cli.main(["codegen", str(tmp_path / "alone.tflite"), "--out", str(tmp_path / "c")]) == 0
    assert "no label file beside" in capsys.readouterr().err
    assert '"output_1",\n' in (tmp_path / "c" / "birdnet_labels.c").read_text()
    assert not (tmp_path / "c" / "birdnet_frontend_config.c").exists()


def test_codegen_refuses_labels_that_do_not_fit(
    workplace: Workplace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "three.txt").write_text("a\nb\nc\n")
    wrong = ["codegen", str(workplace.tflite), "--out", str(tmp_path / "c"), "--labels"]
    assert cli.main([*wrong, str(tmp_path / "three.txt")]) == 2
    assert "three.txt: holds 3 names for 2 outputs" in capsys.readouterr().err
    (tmp_path / "three.txt").write_bytes(b"\xe4\n")
    assert cli.main([*wrong, str(tmp_path / "three.txt")]) == 2
    assert "three.txt:1: is not UTF-8" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_a_truncated_model_is_refused(
    workplace: Workplace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "half.tflite").write_bytes(workplace.tflite.read_bytes()[:-20_000])
    assert cli.main(["codegen", str(tmp_path / "half.tflite"), "--out", str(tmp_path / "c")]) == 2
    assert "half.tflite: is damaged" in capsys.readouterr().err


@pytest.mark.emulated
def test_the_emulated_firmware_equals_the_references(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    need_programs()
    (workplace.songs / "low" / "broken.wav").write_bytes(b"no audio")
    options = ["--audio", str(workplace.songs), "--json", "-", "--most", "4"]
    assert cli.main(["emulate", str(workplace.tflite), *options]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["windows"] >= 12
    assert result["outputs_compared"] == 2 * result["windows"]
    assert result["outputs_differing"] == 0
    assert result["front_end_max_relative_error"] < 1e-4


@pytest.mark.emulated
def test_a_firmware_with_a_wrong_weight_is_found(
    workplace: Workplace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_bias(*arguments: Any, **named: Any) -> dict[str, bytes]:
        files = generate_c(*arguments, **named)
        biases = re.compile(rb"(_bias\[4\] = \{\s*)-?\d+, -?\d+")  # two classes, padded to four
        files["birdnet_weights.c"], changed = biases.subn(rb"\g<1>0, 0", files["birdnet_weights.c"])
        assert changed == 1
        return files

    monkeypatch.setattr(emulation, "generate_c", without_bias)
    need_programs()
    options = ["--audio", str(workplace.songs), "--json", "-", "--most", "1"]
    assert cli.main(["emulate", str(workplace.tflite), *options]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["outputs_differing"] > 0
    assert "birdnet-stm32 emulate: " in printed.err


@pytest.mark.emulated
def test_an_emulation_without_qemu_names_the_package(
    workplace: Workplace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert cli.main(["emulate", str(workplace.tflite), "--audio", str(workplace.songs)]) == 3
    assert "apt-get install" in capsys.readouterr().err
