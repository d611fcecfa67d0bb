"""Checkpoints of Keras 2, sequential ones and such of other precision: the same function, or what helps."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    InputLayout,
    ModelContract,
    OutputActivation,
    read_contract,
)
from birdnet_stm32.model.checkpoints import checkpoint, keras_archive

SPEC = FrontendSpec(
    kind=Frontend.MEL,
    sample_rate_hz=1_000,
    window_samples=1_200,
    fft_length=64,
    spec_width=12,
    num_mels=16,
    layout=InputLayout.FREQUENCY_MAJOR,
)
CONTRACT = ModelContract(frontend=SPEC, labels=("a", "b"), output_activation=OutputActivation.LOGIT)
INPUTS = np.random.default_rng(0).random((3, *SPEC.input_shape), dtype=np.float32)

LOGIT = OutputActivation.LOGIT

Config = dict[str, Any]


def network() -> keras.Model:
    """Return a model with two layers of a kind, so that their weights could be swapped, and a branch."""
    layers = keras.layers
    inputs = keras.Input(SPEC.input_shape, name="spectrogram")
    x = layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    y = layers.Conv2D(4, 3, padding="same", name="another")(layers.ReLU(6.0, name="relu")(x))
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(y)
    y = layers.SeparableConv2D(4, 3, padding="same", name="separable")(y)
    x = layers.Add(name="add")([x, layers.SpatialDropout2D(0.1, name="drop")(y)])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(inputs, layers.Dense(2, name="classifier")(x))
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.1, 1, weight.shape) for weight in model.get_weights()])
    return model


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def pack(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)
    return path


def edited(path: Path, edit: Callable[[Config], None]) -> Path:
    content = members(path)
    config = json.loads(content[keras_archive.CONFIG])
    edit(config)
    return pack(path, {**content, keras_archive.CONFIG: json.dumps(config).encode()})


def unnamed(content: bytes) -> bytes:
    """Return weights as Keras 2 writes them: no layer's name is in the file."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        for group in file["layers"].values():
            del group["vars"].attrs["name"]
    return buffer.getvalue()


def as_keras_2(config: Config, package: str = "keras") -> None:
    """Bring a configuration of Keras 3 into the form of Keras 2.15."""
    config["module"] = f"{package}.src.engine.functional"
    graph = config["config"]
    for key in ("input_layers", "output_layers"):
        graph[key] = [graph[key]]
    for layer in graph["layers"]:
        own, kind = layer["config"], layer["class_name"]
        if kind == "InputLayer":
            own["batch_input_shape"] = own.pop("batch_shape")
        else:
            own["dtype"] = "float32"
        if kind == "BatchNormalization":
            own["axis"] = [own["axis"]]
            own.pop("renorm", None)
        if kind in ("DepthwiseConv2D", "SeparableConv2D"):
            own["groups"] = 1
        if kind == "SeparableConv2D":
            own |= {"kernel_initializer": {"class_name": "GlorotUniform"}, "kernel_regularizer": None}
        if kind == "SpatialDropout2D":
            own |= {"trainable": True, "noise_shape": None}
        layer["inbound_nodes"] = [[*map(legacy, _tensors(node["args"]))] for node in layer["inbound_nodes"]]


def _tensors(args: list[Any]) -> list[Config]:
    return args[0] if isinstance(args[0], list) else args


def legacy(tensor: Config) -> list[Any]:
    return [*tensor["config"]["keras_history"], {}]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    network().save(path)
    return path


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_model_of_keras_2_computes_the_same(saved: Path, package: str) -> None:
    expected = checkpoint.load(saved, CONTRACT)(INPUTS)
    edited(saved, lambda config: as_keras_2(config, package))
    content = members(saved)
    pack(saved, {**content, keras_archive.WEIGHTS: unnamed(content[keras_archive.WEIGHTS])})
    model = checkpoint.load(saved, CONTRACT)
    np.testing.assert_array_equal(model(INPUTS), expected)
    checkpoint.save(model, saved.with_name("again.keras"))
    again = checkpoint.load(saved.with_name("again.keras"), CONTRACT)
    np.testing.assert_array_equal(again(INPUTS), expected)


def test_weights_of_no_layer_are_named_in_files_without_names(saved: Path) -> None:
    content = members(saved)
    config = json.loads(content[keras_archive.CONFIG])
    config["config"]["layers"][1]["class_name"] = "Dense"
    pack(
        saved,
        {
            **content,
            keras_archive.CONFIG: json.dumps(config).encode(),
            keras_archive.WEIGHTS: unnamed(content[keras_archive.WEIGHTS]),
        },
    )
    with pytest.raises(InputError):
        checkpoint.load(saved, CONTRACT)


@pytest.mark.parametrize("built", [True, False])
def test_a_sequential_model_becomes_a_functional_one(tmp_path: Path, built: bool) -> None:
    stack = [keras.layers.Conv2D(4, 3), keras.layers.Dropout(0.5), keras.layers.GlobalMaxPooling2D()]
    model = keras.Sequential([*stack, keras.layers.Dense(2)])
    model.build((None, *SPEC.input_shape))
    path = tmp_path / "model.keras"
    model.save(path)
    if not built:
        edited(path, lambda config: config.pop("build_config", None))
    loaded = checkpoint.load(path, CONTRACT)
    assert not isinstance(loaded, keras.Sequential)
    np.testing.assert_array_equal(loaded(INPUTS), model(INPUTS))
    checkpoint.save(loaded, path)
    np.testing.assert_array_equal(checkpoint.load(path, CONTRACT)(INPUTS), model(INPUTS))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_computed_in_float32_and_said(saved: Path, policy: str) -> None:
    expected = checkpoint.load(saved, CONTRACT)(INPUTS)

    def edit(config: Config) -> None:
        for layer in config["config"]["layers"]:
            if isinstance(layer["config"].get("dtype"), dict):
                layer["config"]["dtype"]["config"]["name"] = policy

    notes: list[str] = []
    model = checkpoint.load(edited(saved, edit), CONTRACT, on_note=notes.append)
    np.testing.assert_array_equal(model(INPUTS), expected)
    assert len(notes) == 1
    assert f"{len(model.layers) - 2} layers becomes float32" in notes[0]


def test_other_precision_is_refused_by_its_name(saved: Path) -> None:
    def edit(config: Config) -> None:
        config["config"]["layers"][1]["config"]["dtype"] = {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "int8_from_float32"},
            "registered_name": None,
        }

    with pytest.raises(InputError, match="layer first has the dtype policy 'int8_from_float32'"):
        checkpoint.load(edited(saved, edit), CONTRACT)


def test_a_model_in_a_model_is_named(tmp_path: Path) -> None:
    inner = network()
    inputs = keras.Input(SPEC.input_shape)
    path = tmp_path / "model.keras"
    keras.Model(inputs, inner(inputs)).save(path)
    with pytest.raises(InputError, match=f"layer {inner.name} is a model of its own"):
        checkpoint.load(path, CONTRACT)


def test_a_cause_comes_first_and_is_short(saved: Path) -> None:
    def edit(config: Config) -> None:
        config["config"]["layers"][1]["config"] |= {"sharpness": 3, "padding": "same"}

    with pytest.raises(InputError) as refused:
        checkpoint.load(edited(saved, edit), CONTRACT)
    text = str(refused.value)
    assert (
        "cannot build its layers: Unrecognized keyword arguments passed to Conv2D: {'sharpness': 3}" in text
    )
    assert len(text) < 800


def test_everything_that_is_not_taken_is_listed(tmp_path: Path) -> None:
    inputs = keras.Input(SPEC.input_shape)
    x = keras.layers.Conv2DTranspose(2, 3, name="up")(inputs)
    x = keras.layers.GaussianNoise(0.1, name="noise")(x)
    x = keras.layers.Lambda(lambda y: y, output_shape=x.shape[1:], name="code")(x)
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(x * 2.0))
    path = tmp_path / "model.keras"
    keras.Model(inputs, outputs).save(path)
    with pytest.raises(InputError) as refused:
        checkpoint.load(path, CONTRACT)
    text = str(refused.value)
    assert text.index("layer code uses 'Lambda'") < text.index("layer up uses 'Conv2DTranspose'")
    assert "layer noise uses 'GaussianNoise'" in text
    assert "keras.layers.Multiply()" in text
    assert len(text) < 2_000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)), "is a HDF5 file"),
        (lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(100)), "is a .tflite"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: (path.mkdir(), (path / "saved_model.pb").touch()), "is a SavedModel folder"),
        (lambda path: (path.mkdir(), (path / "config.json").touch()), "is an unpacked .keras archive"),
        (lambda path: pack(path, {"archive/data.pkl": b""}), "it looks like a PyTorch file"),
        (lambda path: pack(path, {"weights.npy": b""}), "it looks like an .npz of NumPy"),
        (lambda path: pack(path, {"m/config.json": b""}), "zipped with its folder"),
        (lambda path: path.write_bytes(b""), "is damaged"),
    ],
)
def test_other_files_are_called_what_they_are(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"
    make(path)
    with pytest.raises(InputError, match=message):
        checkpoint.load(path, CONTRACT)


def test_members_twice_or_outside_are_refused(saved: Path) -> None:
    for name, message in (
        ("../../x", "a member outside of itself"),
        ("/etc/x", "a member outside of itself"),
        ("C:\\x", "a member outside of itself"),
    ):
        pack(saved.with_name("bad.keras"), {**members(saved), name: b""})
        with pytest.raises(InputError, match=message):
            checkpoint.load(saved.with_name("bad.keras"), CONTRACT)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(saved, "a") as file:
        file.writestr(keras_archive.CONFIG, b"{}")
    with pytest.raises(InputError, match=r"holds config\.json 2 times"):
        checkpoint.load(saved, CONTRACT)


@pytest.mark.parametrize(
    "text", ["[" * 5_000 + "]" * 5_000, '{"a": ' + "9" * 5_000 + "}", '{"a": 1, "a": 2}']
)
def test_configurations_that_break_readers(saved: Path, text: str) -> None:
    pack(saved, {**members(saved), keras_archive.CONFIG: text.encode()})
    with pytest.raises(InputError, match=r"config\.json"):
        checkpoint.load(saved, CONTRACT)


@pytest.mark.parametrize("name", ["keras2_15_functional", "mixed_float16"])
def test_those_of_the_trials_load(shared: Path, name: str) -> None:
    base = shared / "data/trials/checkpoints" / name
    contract = read_contract(Path(f"{base}_model_config.json"))
    model = checkpoint.load(Path(f"{base}.keras"), contract, on_note=lambda note: None)
    outputs = model(np.zeros((1, *contract.frontend.input_shape), np.float32))
    assert outputs.shape == (1, 2)


def test_the_sequential_one_of_the_trials_loads_with_its_own_shape(shared: Path) -> None:
    base = shared / "data/trials/checkpoints/sequential"
    contract = read_contract(Path(f"{base}_model_config.json"))
    three = replace(contract, frontend=SPEC, labels=("a", "b", "c"), output_activation=LOGIT)
    assert checkpoint.load(Path(f"{base}.keras"), three).output_shape == (None, 3)
    with pytest.raises(InputError, match=r"its input is \[16, 12, 1\]"):
        checkpoint.load(Path(f"{base}.keras"), contract)
