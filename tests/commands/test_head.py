"""``birdnet-stm32 head`` as a user meets it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    ModelContract,
    OutputActivation,
    contract_to_json,
)
from birdnet_stm32.quant.head import replace_head

SPEC = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=8_000,
    window_samples=8_000,
    fft_length=256,
    spec_width=32,
    num_mels=16,
)
CONTRACT = ModelContract(
    frontend=SPEC, labels=("Merle", "Höckerschwan", "wren"), output_activation=OutputActivation.LOGIT
)

Command = Callable[..., Any]


def model(seed: int, classes: int = 3) -> bytes:
    """Return an int8 model with a random backbone."""
    import keras

    from birdnet_stm32.quant.convert import convert

    keras.utils.set_random_seed(seed)
    inputs = keras.Input(SPEC.input_shape)
    x = keras.layers.Conv2D(8, 3, strides=4, padding="same", activation="relu6")(inputs)
    x = keras.layers.Dense(classes)(keras.layers.GlobalAveragePooling2D()(x))
    windows = np.random.default_rng(1).uniform(0, 1, (2, *SPEC.input_shape)).astype(np.float32)
    return convert(keras.Model(inputs, x), windows)


def save(folder: Path, name: str, tflite: bytes, contract: ModelContract) -> None:
    (folder / f"{name}.tflite").write_bytes(tflite)
    (folder / f"{name}_model_config.json").write_text(json.dumps(contract_to_json(contract)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model, the same with one more class, and a model with another backbone."""
    folder = tmp_path_factory.mktemp("models")
    first = model(1)
    save(folder, "first", first, CONTRACT)
    kernel = np.random.default_rng(4).normal(0, 0.2, (8, 4)).astype(np.float32)
    four = replace(CONTRACT, labels=(*CONTRACT.labels, "new one"))
    save(folder, "more", replace_head(first, kernel, np.zeros(4, np.float32)), four)
    save(folder, "other", model(2), CONTRACT)
    return folder


@pytest.fixture
def models(made: Path, files: Path) -> Path:
    """The same beside the files of the command."""
    for path in made.iterdir():
        (files / path.name).write_bytes(path.read_bytes())
    return files


@pytest.fixture
def firmware(command: Command, models: Path) -> Path:
    ended = command("codegen", "first.tflite", "--split-head", "--head-classes", "5", "--out", "c")
    assert ended.exit_code == 0, ended.err
    return models / "c"


def test_a_head_is_built_shown_and_fits(command: Command, firmware: Path) -> None:
    ended = command("head", "build", "more.tflite", "--for", "c", "--out", "head.bin", "--threshold", "0.3")
    assert ended.exit_code == 0, ended.err
    assert ended.out.startswith("head.bin: version 2, 4 classes, ")
    assert (firmware.parent / "head.bin").stat().st_size < 2_000
    ended = command("head", "check", "c/head.json", "head.bin")
    assert (ended.exit_code, ended.out) == (0, "head.bin fits: 4 of at most 5 classes\n")
    ended = command("head", "show", "head.bin")
    assert "Höckerschwan  threshold 0.3" in ended.out
    ended = command("head", "show", "head.bin", "--json", "-")
    shown = json.loads(ended.out)
    assert shown["classes"] == ["Merle", "Höckerschwan", "wren", "new one"]
    assert shown["is_logit"] is True


def test_the_same_model_gives_the_head_that_was_generated(command: Command, firmware: Path) -> None:
    assert command("head", "build", "first.tflite", "--out", "head.bin").exit_code == 0
    assert (firmware.parent / "head.bin").read_bytes() == (firmware / "head.bin").read_bytes()


def test_another_backbone_is_refused(command: Command, firmware: Path) -> None:
    ended = command("head", "build", "other.tflite", "--for", "c", "--out", "head.bin")
    assert ended.exit_code == 1
    assert "made for the backbone" in ended.err
    assert not (firmware.parent / "head.bin").exists()
    assert command("head", "build", "other.tflite", "--out", "head.bin").exit_code == 0
    ended = command("head", "check", "c", "head.bin")
    assert ended.exit_code == 1
    assert "docs/how-to/update-the-head.md" in ended.err


def test_too_many_classes_are_refused(command: Command, models: Path) -> None:
    assert (
        command("codegen", "first.tflite", "--split-head", "--head-classes", "3", "--out", "c").exit_code == 0
    )
    ended = command("head", "build", "more.tflite", "--for", "c", "--out", "head.bin")
    assert ended.exit_code == 1
    assert "it has 4 classes" in ended.err


def test_a_bundle_says_what_fits(command: Command, firmware: Path) -> None:
    with zipfile.ZipFile("release.zip", "w") as bundle:
        bundle.write(firmware / "head.json", "release/c/head.json")
    assert command("head", "build", "more.tflite", "--out", "head.bin").exit_code == 0
    assert command("head", "check", "release.zip", "head.bin").exit_code == 0


def test_a_hex_file_has_the_address_in_the_flash(command: Command, models: Path) -> None:
    assert command("head", "build", "first.tflite", "-o", "head.hex").exit_code == 0
    assert (models / "head.hex").read_text().startswith(":020000047020")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("build", "first.tflite"), "--out is missing"),
        (("build", "first.tflite", "--out", "head.txt"), "ends in .bin or .hex"),
        (("build", "--out", "head.bin"), "has 0 arguments"),
        (("check", "head.bin"), "has 1 arguments"),
        (("show", "first.tflite"), "is not a head"),
        (("show", "none.bin"), "none.bin"),
        (("show", "head.bin", "--threshold", "0.5"), "--threshold belongs to head build"),
        (("build", "first.tflite", "--out", "head.bin", "--threshold", "2"), "threshold of class 0"),
        (("build", "first.tflite", "--out", "head.bin", "--for", "none.elf"), "no such file"),
        (("build", "first.tflite", "--out", "head.bin", "--for", "first.tflite"), "ELF"),
        (
            ("build", "first.tflite", "--out", "head.bin", "--for", "."),
            "was not built with a head of its own",
        ),
        (("build", "first.tflite", "--out", "head.bin", "--head-version", "0"), "--head-version is 0"),
        (("build", "nothing", "--out", "head.bin"), "NAME.toml"),
        (("build", "first.tflite", "--out", "head.bin", "--thresholds", "t.json"), "t.json"),
    ],
)
def test_mistakes_are_named(command: Command, models: Path, arguments: tuple[str, ...], what: str) -> None:
    ended = command("head", *arguments)
    assert ended.exit_code == 2, ended.err
    assert what in ended.err


def test_thresholds_come_from_the_document_of_the_pipeline(command: Command, models: Path) -> None:
    species = [
        {
            "label": label,
            "threshold": 0.2 + 0.1 * number,
            "recordings": 0,
            "expected_recall": None,
            "expected_precision": None,
            "expected_false_alarms_per_hour": None,
            "why": "",
        }
        for number, label in enumerate(CONTRACT.labels)
    ]
    document = {"aim": "", "hours": 0.0, "species": species, "model": ""}
    (models / "thresholds.json").write_text(json.dumps(document))
    command("head", "build", "first.tflite", "--out", "head.bin", "--thresholds", "thresholds.json")
    shown = json.loads(command("head", "show", "head.bin", "--json", "-").out)
    assert shown["thresholds"] == pytest.approx([0.2, 0.3, 0.4])
    ended = command("head", "build", "more.tflite", "--out", "head.bin", "--thresholds", "thresholds.json")
    assert ended.exit_code == 2
    assert "thresholds for 3 species" in ended.err
