"""Whatever is given as a path, a command ends with a message, without a traceback or a hang."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.cli import COMMANDS, parser_of

# Every command with every option that takes a path. Only the model is bad. A slash begins another line of a
# command, for options that exclude each other.
LINES = {
    "board": "demo --variants variants --build build --json out.json",
    "check": "demo --variants variants --build build --json out.json",
    "codegen": "noise.tflite --out c --model-config config.json --labels labels.txt --json out.json",
    "completion": "bash",
    "convert": "--checkpoint_path noise.keras --model_config config.json --data_path_train songs "
    "--output_path out.tflite --report_json out.json",
    "deploy": "demo --variants variants --build build --fsbl firmware.bin --recordings songs/low/0.wav",
    "detect": "songs --model noise.tflite --model-config config.json --thresholds object.json "
    "--names labels.csv --species-list labels.csv --output o --clips c --embeddings e.parquet --plot p",
    "doctor": "--checkpoint_path noise.keras --model_config config.json --data_path_train songs "
    "--json out.json",
    "emulate": "noise.tflite --audio songs --model-config config.json --json out.json",
    "evaluate": "--model_path noise.tflite --model_config config.json --data_path_test songs "
    "--report_html out.html --predictions out.csv --json out.json",
    "evaluate/soundscapes": "--model_path noise.tflite --model_config config.json --soundscapes songs "
    "--names labels.csv --thresholds object.json --errors mistakes",
    "flash": "--folder folder --fsbl firmware.bin --variants variants --build build",
    "frontend": "songs/low/0.wav --model-config config.json --json out.json --compare object.json",
    "head": "build noise.tflite --model-config config.json --thresholds object.json --out head.bin "
    "--json out.json",
    "image": "firmware.bin --out out.hex --json out.json",
    "layers": "--checkpoint_path noise.keras --model_config config.json --model_path noise.tflite "
    "--data_path_train songs --json out.json",
    "lint": "noise.tflite --variant variants/demo.toml --json out.json",
    "npu": "noise.tflite --out c --core-dir folder --validate noise.bin --json out.json",
    "profile": "noise.tflite --json out.json",
    "sizes": "demo --variants variants --build build --json out.json",
    "soundscape": "--birds songs --others songs --background songs/background --labels labels.csv "
    "--learned_from learned_from.tsv --sample_rate 8000 --minutes 0.1 --files 1 --out s --json out.json",
    "species": "add --checkpoint_path noise.keras --model_config config.json --name owl --others songs "
    "--recordings songs/low --output o.keras --json out.json",
    "train/start": "--data_path_train songs --data_path_val songs --start noise.keras "
    "--start_config config.json --checkpoint_path o.keras",
    "train": "--qat --checkpoint_path noise.keras --model_config config.json --data_path_train songs "
    "--json out.json",
    "why": "demo --variants variants --build build --json out.json",
}
OLD_PATHS = (
    *("--config", "--x_cube_ai_path", "--stedgeai_path", "--model_path", "--output_dir", "--workspace_dir"),
    *("--n6_loader_config", "--cubeide_path", "--arm_toolchain_path"),
)
BAD = {
    "nul": "a\0b",
    "half": "a\ud800b",
    "long": "a" * 5_000,
    "long-part": f"{'a' * 300}/b",
    "deep": "a/" * 3_000,
    "escape": "\x1b[2Jgone",
    "not-utf-8": os.fsdecode(b"gr\xf6n"),
    "pipe": "pipe",
    "device": "/dev/zero",
    "folder": "folder",
    "loop": "loop",
    "below-a-file": "config.json/x",
    "empty": "empty.json",
    "nested": "nested.json",
    "digits": "digits.json",
    "latin-1": "latin1.txt",
    "utf-16": "utf16.txt",
}


def command_of(name: str) -> str:
    """Return the command of a line, by its name in ``LINES``."""
    return name.split("/")[0]


def places(name: str) -> Iterator[tuple[str, int]]:
    """Yield every argument of a line that is a path, by its option and its position."""
    arguments = LINES[name].split()
    actions = {
        text: action for action in parser_of(command_of(name))._actions for text in action.option_strings
    }
    for number, argument in enumerate(arguments):
        before = arguments[number - 1] if number else ""
        action = actions.get(before)
        if action is None and not argument.startswith("--"):
            yield "positional", number
        elif action is not None and action.type is Path:
            yield before, number


PLACES = [
    pytest.param(name, number, id=f"{name}-{option}") for name in LINES for option, number in places(name)
]
NO_PATHS = ("nul", "half", "long", "long-part", "deep")


def test_every_command_and_every_path_is_tried() -> None:
    assert set(map(command_of, LINES)) == set(COMMANDS)
    for name in COMMANDS:
        options = [one for one in parser_of(name)._actions if one.type is Path and one.option_strings]
        tried = {word for line, words in LINES.items() if command_of(line) == name for word in words.split()}
        untried = {one.option_strings[0] for one in options if not {*one.option_strings} & tried}
        assert untried <= {"--config", "--recordings", "--folder", "--variants", "--build"}, name


@pytest.fixture
def bad_files(files: Path) -> Path:
    os.mkfifo(files / "pipe")
    (files / "loop").symlink_to("loop")
    (files / "labels.txt").write_text("high\nlow\n")
    (files / "nested.json").write_text("[" * 100_000)
    (files / "digits.json").write_text('{"sample_rate": ' + "9" * 5_000 + "}")
    (files / "latin1.txt").write_bytes("Gr\u00f6\u00dfe\n".encode("latin-1"))
    (files / "utf16.txt").write_text("high\nlow\n", encoding="utf-16")
    return files


def ends_in_words(command: Callable[..., Any], arguments: list[str]) -> Any:
    started = time.monotonic()
    ended = command(*arguments)
    assert ended.exit_code in (0, 1, 2, 3)
    assert time.monotonic() - started < 60
    assert "Traceback" not in ended.err
    assert "\x1b" not in ended.err
    assert len(ended.err) < 8_000
    return ended


@pytest.mark.parametrize(("name", "number"), PLACES)
def test_what_no_path_can_be_ends_in_a_message(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    monkeypatch.chdir(tmp_path)
    for bad in NO_PATHS:
        arguments = [command_of(name), *LINES[name].split()]
        arguments[number + 1] = BAD[bad]
        ended = ends_in_words(command, arguments)
        assert (ended.exit_code, ended.out) == (2, "")
    assert not list(tmp_path.iterdir())


def lock(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let the system refuse everything below a folder ``locked``, as it does for all users except root."""
    real = getattr(module, name)

    def refuse(path: Any, *given: Any, **more: Any) -> Any:
        if isinstance(path, str | Path) and "locked" in Path(path).parent.parts:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *given, **more)

    monkeypatch.setattr(module, name, refuse)


@pytest.mark.parametrize(("name", "number"), PLACES)
def test_a_folder_that_may_not_be_read_ends_in_a_message(
    command: Callable[..., Any], files: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    (files / "locked").mkdir()
    (files / "variants").mkdir()
    (files / "variants/demo.toml").write_text('[variant]\ntitle = "t"\n[index]\nroot = "../songs"\n')
    for name_of_call in ("stat", "lstat", "open", "scandir", "listdir"):
        lock(monkeypatch, os, name_of_call)
    lock(monkeypatch, io, "open")
    arguments = [command_of(name), *LINES[name].split()]
    arguments[number + 1] = "locked/x"
    ended = ends_in_words(command, arguments)
    assert not re.search("locked.*there is no", ended.err)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), PLACES)
def test_a_bad_file_ends_in_a_message(
    command: Callable[..., Any], bad_files: Path, name: str, number: int
) -> None:
    for bad in BAD.keys() - {*NO_PATHS}:
        arguments = [command_of(name), *LINES[name].split()]
        arguments[number + 1] = BAD[bad]
        if bad == "pipe" and arguments[number].startswith(("--json", "--report", "--out", "--pred")):
            continue  # writing into a pipe waits for its reader, as everywhere
        ends_in_words(command, arguments)
    assert (bad_files / "pipe").is_fifo()
    assert Path("/dev/zero").is_char_device()


@pytest.mark.slow
@pytest.mark.parametrize("option", OLD_PATHS)
def test_the_old_options_of_deploy_too(command: Callable[..., Any], bad_files: Path, option: str) -> None:
    for bad in BAD.values():
        line = ["deploy", "--dry_run", "--model_path", "noise.tflite", option, bad]
        ends_in_words(command, line)
        if option != "--config":
            ends_in_words(command, ["deploy", *line[2:], "--recordings", "songs/low/0.wav"])


NUMBERS = ("9" * 5_000, "0x" + "f" * 5_000, "nan", "inf", "1e400", "-1", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("profile noise.tflite --timeout {}", "--timeout"),
        ("train --data_path_train songs --epochs {}", "--epochs"),
        ("train --data_path_train songs --seed {}", "--seed"),
        ("emulate noise.tflite --audio songs --most {}", "--most"),
        ("detect songs --model noise.tflite --workers {}", "--workers"),
        ("detect songs --model noise.tflite --clip-before {}", "--clip-before"),
        ("npu noise.tflite --out c --weights-address {}", "--weights-address"),
        ("soundscape --birds songs --background songs --out s --minutes {}", "--minutes"),
        ("soundscape --birds songs --background songs --out s --files {}", "--files"),
        ("soundscape --birds songs --background songs --out s --snr 0 {}", "--snr"),
    ],
)
def test_numbers_that_no_option_takes(command: Callable[..., Any], files: Path, line: str, said: str) -> None:
    name, *arguments = line.split()
    for number in NUMBERS:
        ended = ends_in_words(command, [name, *(one.replace("{}", number) for one in arguments)])
        assert ended.exit_code == 2
        assert said in ended.err
        assert len(ended.err) < 3_000


def test_wrong_types_in_a_configuration_are_said(command: Callable[..., Any], files: Path) -> None:
    for value in ("null", "[]", "{}", '"a"', "true", "1e300", "-1", '"' + "x" * 9_999 + '"'):
        for key in (
            "sample_rate",
            "chunk_duration",
            "fft_length",
            "spec_width",
            "num_mels",
            "audio_frontend",
        ):
            text = (files / "config.json").read_text()
            broken = text.replace(f'"{key}":', f'"{key}": {value}, "{key}_":', 1)
            (files / "broken.json").write_text(broken)
            ended = ends_in_words(command, ["frontend", "songs/low/0.wav", "--model-config", "broken.json"])
            assert ended.exit_code in (0, 2)
            assert len(ended.err) < 1_000
