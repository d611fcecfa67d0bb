from __future__ import annotations

import json
from pathlib import Path

import pytest

from birdnet_stm32.cli import main
from birdnet_stm32.commands.shared.legacy_config import LegacyConfig, read_legacy_config
from birdnet_stm32.errors import InputError

# The keys of the 0.9 line's config.example.json.
EXAMPLE = {
    "compiler_type": "gcc",
    "cubeide_path": "/opt/stm32cubeide",
    "x_cube_ai_path": "/opt/X-CUBE-AI.10.2.0",
    "model_path": "checkpoints/best_model_quantized.tflite",
    "output_dir": "validation/st_ai_output",
    "workspace_dir": "validation/st_ai_ws",
    "n6_loader_config": "config_n6l.json",
}
TOML = """
[deploy]
x_cube_ai_path = ""
model_path = "model.tflite"
[build]
compiler_type = "gcc"
arm_toolchain_path = "/usr"
[n6_loader]
"network.c" = "validation/st_ai_output/network.c"
project_build_conf = "N6-DK"
"""


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_the_json_of_the_09_line_is_read(tmp_path: Path) -> None:
    config = read_legacy_config(write(tmp_path, "config.json", json.dumps(EXAMPLE)), {}, {})
    assert config == LegacyConfig(**EXAMPLE)


def test_the_toml_of_the_09_line_is_read(tmp_path: Path) -> None:
    config = read_legacy_config(write(tmp_path, "config.toml", TOML), {}, {})
    assert (config.model_path, config.arm_toolchain_path) == ("model.tflite", "/usr")
    assert config.x_cube_ai_path == "", "an empty text is as good as none"
    assert config.n6_loader["project_build_conf"] == "N6-DK"


def test_options_win_over_variables_and_variables_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "config.json", json.dumps(EXAMPLE))
    variables = {"X_CUBE_AI_PATH": "/from/variable", "BIRDNET_MODEL_PATH": "variable.tflite"}
    config = read_legacy_config(path, {"model_path": "option.tflite", "output_dir": None}, variables)
    assert (config.x_cube_ai_path, config.model_path) == ("/from/variable", "option.tflite")
    assert config.output_dir == EXAMPLE["output_dir"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("config.json", '{"x_cube_ai_pth": "x"}', "x_cube_ai_pth is not a known key"),
        ("config.json", '{"model_path": 3}', "model_path is 3"),
        ("config.json", '{"compiler_type": "iar"}', "compiler_type is 'iar'"),
        ("config.json", "[1]", "holds a list"),
        ("config.json", "{", "not valid JSON"),
        ("config.toml", "[deploy", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_legacy_config(write(tmp_path, name, text), {}, {})


def test_a_dry_run_prints_every_command_and_runs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "config.json", json.dumps(EXAMPLE))
    assert main(["deploy", "--dry_run"]) == 0
    printed = capsys.readouterr().out
    order = [
        "/opt/X-CUBE-AI.10.2.0/Utilities/linux/stedgeai generate",
        "cmake --preset release",
        "scripts/N6_scripts/n6_loader.py --n6-loader-config config_n6l.json",
        "stedgeai validate",
        "images/weights.hex",
        "images/application.hex",
    ]
    places = [printed.index(text) for text in order]
    assert places == sorted(places)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json"]
    assert main(["deploy", "--dry_run", "--skip_validate"]) == 0
    assert "validate" not in capsys.readouterr().out.replace("validation/", "")


@pytest.mark.parametrize("place", ["scripts", "Utilities/scripts"])
def test_a_dry_run_names_the_loader_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("Utilities/linux/stedgeai", f"{place}/N6_scripts/n6_loader.py"):
        (tmp_path / "core" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "core" / name).touch()
    config = {**EXAMPLE, "x_cube_ai_path": str(tmp_path / "core")}
    write(tmp_path, "config.json", json.dumps(config))
    assert main(["deploy", "--dry_run"]) == 0
    assert f"{tmp_path / 'core' / place}/N6_scripts/n6_loader.py --n6-loader" in capsys.readouterr().out
    (tmp_path / "core" / place / "N6_scripts" / "n6_loader.py").unlink()
    assert main(["deploy", "--dry_run"]) == 3
    assert "n6_loader.py, which loads the validation firmware, is missing" in capsys.readouterr().err


def test_a_variant_and_a_legacy_option_contradict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "demo", "--model_path", "m.tflite"]) == 2
    assert "--model_path and the variant demo are both given" in capsys.readouterr().err


def test_a_model_without_recordings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["deploy", "--model_path", "missing.tflite"]) == 2
    assert "missing.tflite" in capsys.readouterr().err
