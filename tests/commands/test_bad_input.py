"""A command reports bad input in one message and ends with 2."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONVERT = "convert --checkpoint_path noise.keras --data_path_train songs"
EVALUATE = "evaluate --model_path noise.tflite --data_path_test songs"
FRONTEND = "frontend songs/low/0.wav --model-config config.json"

QUICK = {
    # The model is not a model.
    "codegen gone.tflite --out c": "gone.tflite: there is no such file",
    "codegen folder --out c": "folder: is a folder",
    "codegen empty.tflite --out c": "empty.tflite: is not a TFLite model",
    "codegen noise.tflite --out c": "noise.tflite: is not a TFLite model",
    "codegen songs/low/0.wav --out c": "songs/low/0.wav: is not a TFLite model",
    "emulate gone.tflite --audio songs": "gone.tflite: there is no such file",
    "emulate noise.tflite --audio songs": "noise.tflite: is not a TFLite model",
    "evaluate --model_path gone.tflite --data_path_test songs": "gone.tflite: there is no such file",
    "profile gone.tflite": "gone.tflite: there is no such file",
    "profile noise.tflite": "noise.tflite: is not a TFLite model",
    "profile noise.tflite --timeout 0": "--timeout is 0.0",
    # The output cannot be written.
    "codegen noise.tflite --out config.json": "config.json: is a file",
    "codegen noise.tflite --out config.json/c": "config.json: is a file",
    "codegen noise.tflite --out songs": "songs: holds files that this command did not write",
    "codegen noise.tflite --out c --json folder": "folder: is a folder",
    f"{FRONTEND} --json config.json/x": "config.json: is a file",
    f"{FRONTEND} --json folder": "folder: is a folder",
    "image firmware.bin --out config.json/x.hex": "config.json: is a file",
    "image firmware.bin --out x.elf": "the output is x.elf",
    "profile noise.tflite --json folder": "folder: is a folder",
    "train --data_path_train songs --checkpoint_path config.json/m.keras": "config.json: is a file",
    "train --data_path_train songs --linear_probe": "--linear_probe is given without --start",
    "train --data_path_train songs --start gone.keras": "gone.keras: there is no such file",
    "train --data_path_train songs --start noise.keras --linear_probe --learn all": "--learn is all",
    "train --data_path_train songs --start noise.keras --linear_probe --epochs 3": "not trained in epochs",
    "train --data_path_train songs --start noise.keras --sample_rate 9000": "--sample_rate is 9000, but the",
    "train --qat --data_path_train songs --start noise.keras": "--start is given with --qat",
    "train --data_path_train songs --data_path_val songs": "songs: holds 9 recordings of --data_path_train",
    "train --data_path_train songs --data_path_val gone": "gone: there is no such folder",
    "species add --checkpoint_path noise.keras --name owl --output o.h5": "the model to write is o.h5",
    "species add --checkpoint_path gone.keras --name owl --output o.keras": "there is no such file",
    "train --data_path_train songs --checkpoint_path m.h5": "the checkpoint is m.h5",
    f"{CONVERT} --output_path folder": "folder: is a folder",
    f"{EVALUATE} --json folder": "folder: is a folder",
    f"{EVALUATE} --report_html config.json/r.html": "config.json: is a file",
    f"{EVALUATE} --predictions folder": "folder: is a folder",
    "train --qat --data_path_train songs --checkpoint_path noise.keras --json folder": "folder: is a folder",
    # The recording is not a recording.
    "frontend gone.wav --model-config config.json": "gone.wav: there is no such file",
    "frontend folder --model-config config.json": "folder: is a folder",
    "frontend empty.wav --model-config config.json": "empty.wav: the file is empty",
    "frontend noise.wav --model-config config.json": "noise.wav: unreadable: ",
    "train --data_path_train gone": "gone: there is no such folder",
    "train --data_path_train folder": "folder: holds no audio file",
    "train --data_path_train songs --background nope": "no recordings in the background folder nope",
    "train --data_path_train songs --recording (": "--recording is '(', which is not a regular expression",
    # The configuration is not a configuration.
    "frontend songs/low/0.wav --model-config gone.json": "gone.json: there is no such file",
    "frontend songs/low/0.wav --model-config folder": "folder: is a folder",
    "frontend songs/low/0.wav --model-config empty.json": "empty.json: is empty",
    "frontend songs/low/0.wav --model-config noise.json": "noise.json:1: holds NUL bytes",
    "frontend songs/low/0.wav --model-config list.json": "list.json: holds a list",
    "frontend songs/low/0.wav --model-config object.json": "object.json: sample_rate",
    f"{FRONTEND} --json x.json --compare gone.json": "gone.json: there is no such file",
    f"{FRONTEND} --json x.json --compare object.json": "object.json: is not what this command writes",
    "emulate songs/low/0.wav --audio songs": "songs/low/0.wav: has no model configuration beside it",
    # The binary is not a binary.
    "image gone.bin --out x.hex": "gone.bin: there is no such file",
    "image folder --out x.hex": "folder: is a folder",
    "image empty.bin --out x.hex": "empty.bin: the application is 0 bytes long",
    "image noise.bin --out x.hex": "noise.bin: the stack pointer, first word of the vector table, is 0x",
    # An option out of range.
    "train --data_path_train songs --epochs 0": "--epochs is 0\n  expected: ",
    "train --data_path_train songs --alpha 9": "--alpha is 9.0\n  expected: ",
    "train --data_path_train songs --sample_rate 10": "--sample_rate is 10\n  expected: ",
    "train --data_path_train songs --audio_frontend raw --sample_rate 48000": (
        "birdnet-stm32 train: --audio_frontend raw has windows of 120000 samples"
    ),
    "train --data_path_train songs --epochs few": "argument --epochs: invalid int value: 'few'",
    f"{CONVERT} --num_samples -1": "--num_samples is -1\n  expected: ",
    f"{CONVERT} --min_cosine_sim 3": "--min_cosine_sim is 3.0\n  expected: ",
    "emulate noise.tflite --audio songs --most 0": "argument --most: 0 is less than 1",
    "emulate noise.tflite --audio songs --timeout 0": "--timeout is 0.0",
    "image firmware.bin --out x.hex --type loader": "argument --type: invalid choice: 'loader'",
    f"{EVALUATE} --threshold 1": "--threshold is 1.0\n  expected: ",
    f"{EVALUATE} --seed -1": "--seed is -1\n  expected: ",
    f"{EVALUATE} --timeout 0": "--timeout is 0.0",
    "train --qat --data_path_train songs --learning_rate 1": "--learning_rate is 1.0\n  expected: ",
    # The variant is not a variant.
    "why nope": "variants: there is no such folder",
    "why nope:demo": "there is no stage 'nope'",
}
WITH_TENSORFLOW = {
    "convert --checkpoint_path gone.keras --data_path_train songs": "gone.keras: there is no such file",
    "convert --checkpoint_path folder --data_path_train songs": "folder: is a folder",
    "convert --checkpoint_path empty.keras --data_path_train songs": "empty.keras: is damaged",
    CONVERT: "noise.keras: is damaged",
    "convert --checkpoint_path noise.tflite --data_path_train songs": "noise.tflite: is damaged",
    "evaluate --model_path noise.keras --data_path_test songs": "noise.keras: is damaged",
}


def check(command: Callable[..., Any], line: str, message: str) -> None:
    name, *arguments = shlex.split(line) if "(" not in line else line.split()
    ended = command(name, *arguments)
    assert ended.exit_code == 2
    assert message in ended.err
    assert ended.err.count(f"birdnet-stm32 {name}: ") == 1
    assert ended.out == ""


@pytest.mark.parametrize("line", QUICK)
def test_bad_input_is_one_message_and_exit_code_2(
    command: Callable[..., Any], files: Path, line: str
) -> None:
    check(command, line, QUICK[line])


@pytest.mark.slow
@pytest.mark.parametrize("line", WITH_TENSORFLOW)
def test_bad_checkpoints_are_one_message_too(command: Callable[..., Any], files: Path, line: str) -> None:
    check(command, line, WITH_TENSORFLOW[line])


def test_nothing_is_left_behind(
    command: Callable[..., Any], files: Path, nothing_written: Callable[[], None]
) -> None:
    nothing_written()
    for line in (
        "codegen noise.tflite --out c",
        "image noise.bin --out new/x.hex",
        f"{FRONTEND} --json folder",
    ):
        assert command(*line.split()).exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(command: Callable[..., Any], files: Path) -> None:
    (files / "folder").chmod(0o555)
    ended = command("image", "firmware.bin", "--out", "folder/x.hex")
    assert ended.exit_code == 2
    assert "folder/x.hex cannot be written: the folder is read-only" in ended.err
