"""``codegen`` with label files and configurations that contradict each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.tflite.flatbuffer import pack_model
from birdnet_stm32.tflite.reader import parse_model

NAMES = [f"Avis {letter}_Bird {letter}" for letter in "abcdefghij"]


@pytest.fixture
def model(tmp_path: Path, relu_model: Callable[..., bytes]) -> Path:
    """A network of ten outputs with its configuration beside it."""
    path = tmp_path / "bird.tflite"
    network = parse_model(relu_model(1, 10))
    for tensor in network.subgraphs[0].tensors:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [0.1], [0]
    path.write_bytes(pack_model(network))
    config = {
        "sample_rate": 1_000,
        "chunk_duration": 0.01,
        "audio_frontend": "raw",
        "fft_length": 16,
        "spec_width": 2,
        "num_mels": 8,
        "class_names": NAMES,
        "output_activation": "logit",
    }
    (tmp_path / "bird_model_config.json").write_text(json.dumps(config))
    return path


def shown(folder: Path) -> list[str]:
    return list(json.loads((folder / "network.json").read_text())["output"]["labels"])


@pytest.mark.parametrize("where", ["beside", "option"])
def test_rotated_labels_are_refused(command: Callable[..., Any], model: Path, where: str) -> None:
    labels = model.with_name("bird_labels.txt" if where == "beside" else "other.txt")
    labels.write_text("\n".join([*NAMES[1:], NAMES[0]]))
    options = [] if where == "beside" else ["--labels", labels]
    out = model.parent / "c"
    ended = command("codegen", model, "--out", out, *options)
    assert ended.exit_code == 2
    assert f"{labels.name}: has the names of the model's configuration in another order" in ended.err
    assert not out.exists()
    for order, names in (("labels", [*NAMES[1:], NAMES[0]]), ("configuration", NAMES)):
        assert command("codegen", model, "--out", out, *options, "--label-order", order).exit_code == 0
        assert shown(out) == names


def test_the_labels_of_a_bundle_are_read(command: Callable[..., Any], model: Path) -> None:
    model = model.rename(model.with_name("model.tflite"))
    model.with_name("bird_model_config.json").rename(model.with_name("model_config.json"))
    model.with_name("labels.txt").write_text("\n".join([*NAMES[1:], NAMES[0]]))
    ended = command("codegen", model, "--out", model.parent / "c")
    assert ended.exit_code == 2
    assert "labels.txt: has the names of the model's configuration in another order" in ended.err


def test_doubled_and_other_labels_are_refused(command: Callable[..., Any], model: Path) -> None:
    labels = model.with_name("bird_labels.txt")
    for names, message in (
        ([*NAMES[:9], NAMES[0]], "stands there twice"),
        ([*NAMES[:9], "Corvus corax_Raven"], "lacks 'Avis j_Bird j' of class_names"),
        (NAMES[:9], "holds 9 names for 10 outputs"),
    ):
        labels.write_text("\n".join(names))
        ended = command("codegen", model, "--out", model.parent / "c")
        assert ended.exit_code == 2
        assert message in ended.err
    ended = command("evaluate", "--model_path", model, "--data_path_test", model.parent)
    assert "holds 9 names for 10 outputs" in ended.err


def test_translated_labels_with_a_mark_are_shown(command: Callable[..., Any], model: Path) -> None:
    translated = [name.replace("_Bird", "_Vogel") for name in NAMES]
    model.with_name("bird_labels.txt").write_text("\n".join(translated), encoding="utf-8-sig")
    assert command("codegen", model, "--out", model.parent / "c").exit_code == 0
    assert shown(model.parent / "c") == translated


def test_an_order_without_two_to_compare_is_refused(command: Callable[..., Any], model: Path) -> None:
    ended = command("codegen", model, "--out", model.parent / "c", "--label-order", "labels")
    assert ended.exit_code == 2
    assert "--label-order is given" in ended.err
