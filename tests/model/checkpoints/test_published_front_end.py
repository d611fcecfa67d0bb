"""The published 0.9 checkpoint against an independent computation, the published int8 file and real audio."""

from __future__ import annotations

import csv
import json
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import soundfile
import soxr
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.tflite import interpreter

pytestmark = [pytest.mark.shared, pytest.mark.slow]

BASE = "checkpoints/birdnet_stm32n6_100"
CLIPS = 150


@pytest.fixture(scope="module")
def contract(shared: Path) -> ModelContract:
    return read_contract(shared / f"{BASE}_model_config.json")


@pytest.fixture(scope="module")
def model(shared: Path, contract: ModelContract) -> keras.Model:
    return checkpoint.load(shared / f"{BASE}.keras", contract)


@pytest.fixture(scope="module")
def clips(shared: Path) -> list[dict[str, str]]:
    """A quarter of the shared clips, a row of the manifest each."""
    with (shared / "data/birds/MANIFEST.tsv").open(encoding="utf-8") as manifest:
        rows = list(csv.DictReader(manifest, delimiter="\t"))
    return [rows[i * len(rows) // CLIPS] for i in range(CLIPS)]


@pytest.fixture(scope="module")
def inputs(shared: Path, clips: list[dict[str, str]], contract: ModelContract) -> np.ndarray:
    """Features of the clips, [n, 257, 256, 1]."""
    spec = contract.frontend
    windows = np.zeros((len(clips), spec.window_samples), np.int16)
    for window, clip in zip(windows, clips, strict=True):
        audio, rate_hz = soundfile.read(shared / "data/birds" / clip["path"], dtype="float32")
        audio = soxr.resample(audio, rate_hz, spec.sample_rate_hz)[: len(window)]
        window[: len(audio)] = np.clip(np.rint(audio * 32_768), -32_768, 32_767)
    return features(windows, spec)


def backbone(config: dict[str, Any], weights: h5py.File, shape: tuple[int, ...]) -> keras.Model:
    """Layer by layer from the checkpoint's own configuration, by nothing but stock Keras."""
    stored = {
        group["vars"].attrs["name"]: [group["vars"][str(i)][()] for i in range(len(group["vars"]))]
        for group in weights["layers"].values()
    }
    outputs = {"audio_frontend": keras.Input(shape)}
    layers = []
    for entry in config["config"]["layers"][2:]:
        references = entry["inbound_nodes"][0]["args"][0]
        if isinstance(references, dict):
            sources = outputs[references["config"]["keras_history"][0]]
        else:
            sources = [outputs[reference["config"]["keras_history"][0]] for reference in references]
        layer = getattr(keras.layers, entry["class_name"]).from_config(entry["config"])
        outputs[entry["name"]] = layer(sources)
        layers.append(layer)
    for layer in layers:
        layer.set_weights(stored[layer.name])
    return keras.Model(outputs["audio_frontend"], outputs["pred"])


def front_end(weights: h5py.File, x: np.ndarray) -> np.ndarray:
    """The front-end layer's formula in float64: [n, bins, frames, 1] to [n, bands, frames, 1]."""
    layer = weights["layers/audio_frontend_layer"]
    time_major = np.pad(x[..., 0].transpose(0, 2, 1).astype(np.float64), ((0, 0), (0, 0), (0, 7)))
    mel = np.maximum(time_major @ layer["mel_mixer/vars/0"][0, 0], 0)
    scaled = layer["_pwl_k0_dw/vars/0"][0, 0, :, 0] * mel
    for suffix in ("", "_1", "_2"):
        shift = layer[f"_pwl_shift_dws/depthwise_conv2d{suffix}/vars"]
        hinge = np.maximum(shift["0"][0, 0, :, 0] * mel + shift["1"][()], 0)
        scaled = scaled + layer[f"_pwl_k_dws/depthwise_conv2d{suffix}/vars/0"][0, 0, :, 0] * hinge
    return scaled.transpose(0, 2, 1)[..., np.newaxis].astype(np.float32)


def test_outputs_equal_the_published_graph(
    shared: Path, model: keras.Model, inputs: np.ndarray, tmp_path: Path
) -> None:
    with zipfile.ZipFile(shared / f"{BASE}.keras") as file:
        config = json.loads(file.read("config.json"))
        file.extract("model.weights.h5", tmp_path)
    rng = np.random.default_rng(0)
    # Real features never reach the knees of the piecewise-linear scaling; these do.
    loud = rng.random((4, *inputs.shape[1:]), dtype=np.float32) * np.float32(
        [[[[1]]], [[[4]]], [[[30]]], [[[60]]]]
    )
    x = np.concatenate([inputs, loud])
    with h5py.File(tmp_path / "model.weights.h5") as weights:
        scaled = front_end(weights, x)
        expected = backbone(config, weights, scaled.shape[1:]).predict(scaled, batch_size=16, verbose=0)
    assert scaled[-1].max() > 0.7
    found = model.predict(x, batch_size=16, verbose=0)
    assert expected.max() > 0.7
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_published_int8_file_agrees_where_both_are_sure(
    shared: Path, model: keras.Model, inputs: np.ndarray, clips: list[dict[str, str]], contract: ModelContract
) -> None:
    scores = model.predict(inputs, batch_size=16, verbose=0)
    sure = scores.max(axis=1) >= 0.5
    top = np.array(contract.labels)[scores.argmax(axis=1)]
    int8 = interpreter.run((shared / f"{BASE}.tflite").read_bytes(), inputs[sure])
    assert sure.sum() >= 8
    assert np.mean(int8.argmax(axis=1) == scores[sure].argmax(axis=1)) >= 0.9
    recorded = np.array([clip["ref_top1"] for clip in clips])  # of the int8 file, by whoever chose the clips
    assert np.mean(recorded[sure] == top[sure]) >= 0.9


def test_it_converts_without_shape_arithmetic_and_padding(model: keras.Model, inputs: np.ndarray) -> None:
    litert = Interpreter(
        model_content=convert(model, inputs[:4]), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    names = Counter(operator["op_name"] for operator in litert._get_ops_details())
    assert set(names) == set(
        "QUANTIZE TRANSPOSE CONV_2D DEPTHWISE_CONV_2D ADD MEAN FULLY_CONNECTED LOGISTIC DEQUANTIZE".split()
    )
    assert (names["TRANSPOSE"], names["CONV_2D"]) == (2, 13)


def test_it_is_made_of_stock_layers_and_saves(
    model: keras.Model, inputs: np.ndarray, contract: ModelContract, tmp_path: Path
) -> None:
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    checkpoint.save(model, tmp_path / "model.keras")
    loaded = checkpoint.load(tmp_path / "model.keras", contract)
    np.testing.assert_array_equal(model(inputs[:2]), loaded(inputs[:2]))


def test_logits_are_its_scores(model: keras.Model, inputs: np.ndarray, contract: ModelContract) -> None:
    logits, _ = checkpoint.as_logits(model, contract)
    scores = 1 / (1 + np.exp(-np.array(logits(inputs[:8]), np.float64)))
    np.testing.assert_allclose(scores, model(inputs[:8]), atol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"), [("num_mels", 72), ("spec_width", 128), ("sample_rate_hz", 24_000)]
)
def test_another_front_end_is_refused(shared: Path, contract: ModelContract, field: str, value: int) -> None:
    spec = replace(contract.frontend, **{field: value})
    with pytest.raises(InputError, match="the front-end layer's"):
        checkpoint.load(shared / f"{BASE}.keras", replace(contract, frontend=spec))
