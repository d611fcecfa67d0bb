"""Checkpoints: exact round trips, and refusal of everything that is damaged, foreign or runs code."""

from __future__ import annotations

import io
import json
import warnings
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
from birdnet_stm32.frontend.contract import Frontend, MagnitudeScale, ModelContract, OutputActivation
from birdnet_stm32.model.architecture.dscnn import build_dscnn
from birdnet_stm32.model.checkpoints import checkpoint, keras_archive
from birdnet_stm32.model.probabilities import probabilities

Config = dict[str, Any]


@pytest.fixture(scope="module")
def original(contract: ModelContract, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A checkpoint of this project."""
    path = tmp_path_factory.mktemp("checkpoint") / "model.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # see conftest.py, whose marks spare fixtures
        checkpoint.save(build_dscnn(contract, seed=1), path)
    return path.read_bytes()


@pytest.fixture
def saved(original: bytes, tmp_path: Path) -> Path:
    """A checkpoint to change."""
    path = tmp_path / "model.keras"
    path.write_bytes(original)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def rewrite(path: Path, changed: dict[str, bytes | None]) -> Path:
    """Replace members of an archive; None leaves one out."""
    content = {**members(path), **changed}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            if data is not None:
                file.writestr(name, data)
    return path


def edit_config(path: Path, edit: Callable[[Config], None]) -> Path:
    config = json.loads(members(path)["config.json"])
    edit(config)
    return rewrite(path, {"config.json": json.dumps(config).encode()})


def edit_weights(path: Path, edit: Callable[[h5py.File], None]) -> Path:
    buffer = io.BytesIO(members(path)["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        edit(file)
    return rewrite(path, {"model.weights.h5": buffer.getvalue()})


def random_inputs(contract: ModelContract) -> np.ndarray:
    return np.random.default_rng(0).random((3, *contract.frontend.input_shape), dtype=np.float32)


@pytest.mark.parametrize("scale", list(MagnitudeScale))
def test_round_trip_is_exact(contract: ModelContract, scale: MagnitudeScale, tmp_path: Path) -> None:
    contract = replace(contract, magnitude_scale=scale)
    model = build_dscnn(contract, seed=1)
    checkpoint.save(model, tmp_path / "model.keras")
    loaded = checkpoint.load(tmp_path / "model.keras", contract)
    inputs = random_inputs(contract)
    np.testing.assert_array_equal(model(inputs), loaded(inputs))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]


def test_stock_keras_loads_it(contract: ModelContract, saved: Path) -> None:
    inputs = random_inputs(contract)
    stock = keras.saving.load_model(saved, safe_mode=True)
    np.testing.assert_array_equal(stock(inputs), checkpoint.load(saved, contract)(inputs))


def test_equal_weights_give_equal_bytes(contract: ModelContract, saved: Path, tmp_path: Path) -> None:
    keras.layers.Dense(3)  # moves Keras's counters of automatic names
    checkpoint.save(build_dscnn(contract, seed=1), tmp_path / "again.keras")
    checkpoint.save(checkpoint.load(saved, contract), tmp_path / "loaded.keras")
    assert (tmp_path / "again.keras").read_bytes() == saved.read_bytes()
    assert (tmp_path / "loaded.keras").read_bytes() == saved.read_bytes()
    checkpoint.save(build_dscnn(contract, seed=2), tmp_path / "other.keras")
    assert (tmp_path / "other.keras").read_bytes() != saved.read_bytes()


def test_a_layer_of_ours_is_stored_under_a_name_that_does_not_move(
    contract: ModelContract, tmp_path: Path
) -> None:
    model = build_dscnn(replace(contract, magnitude_scale=MagnitudeScale.DB))
    checkpoint.save(model, tmp_path / "model.keras")
    layers = json.loads(members(tmp_path / "model.keras")["config.json"])["config"]["layers"]
    stored = [layer["module"] for layer in layers if layer["class_name"] == "Decibel"]
    assert stored == ["birdnet_stm32.model.layers"]


def test_optimizer_and_compilation_are_not_saved(contract: ModelContract, tmp_path: Path) -> None:
    model = build_dscnn(contract)
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    checkpoint.save(model, tmp_path / "model.keras")
    assert "compile_config" not in json.loads(members(tmp_path / "model.keras")["config.json"])
    assert b"optimizer" not in members(tmp_path / "model.keras")["model.weights.h5"]


@pytest.mark.parametrize(
    "foreign",
    [
        {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "evil"}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp/x"}},  # noqa: S108
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
        {"module": "os", "class_name": "system", "config": {}},
        {"module": "keras.src.utils.file_utils", "class_name": "get_file", "config": {}},
        {"module": "keras.layers", "class_name": "ReLU", "config": {}, "registered_name": "other>ReLU"},
        {"module": "elsewhere", "class_name": "Decibel", "registered_name": "birdnet_stm32>Decibel"},
        {"class_name": "__lambda__", "config": {"value": ["", None, None]}},
        {"class_name": ["Lambda"], "config": {}},
        {"class_name": "Dense", "config": {}},
    ],
    ids=lambda foreign: str(foreign["class_name"]),
)
@pytest.mark.parametrize("place", ["layer", "activation"])
def test_code_is_refused_before_anything_is_built(
    contract: ModelContract, saved: Path, foreign: Config, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(config: Config) -> None:
        layer = next(layer for layer in config["config"]["layers"] if layer["name"] == "stem")
        if place == "layer":
            inbound = layer["inbound_nodes"]
            layer.clear()
            layer.update(foreign, name="stem", inbound_nodes=inbound)
        else:
            layer["config"]["activation"] = foreign

    def untouched(*arguments: object, **keywords: object) -> None:
        pytest.fail("Keras saw the configuration")

    edit_config(saved, edit)
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", untouched)
    with pytest.raises(InputError, match="layer stem uses"):
        checkpoint.load(saved, contract)


def test_a_lambda_saved_by_keras_is_refused_by_name(contract: ModelContract, tmp_path: Path) -> None:
    inputs = keras.Input(contract.frontend.input_shape)
    outputs = keras.layers.Dense(2)(
        keras.layers.Flatten()(keras.layers.Lambda(lambda x: x, name="evil")(inputs))
    )
    path = tmp_path / "lambda.keras"
    keras.Model(inputs, outputs).save(path)
    with pytest.raises(InputError, match=r"layer evil uses 'Lambda'.*code of its own"):
        checkpoint.load(path, contract)
    with pytest.raises(InputError, match="layer evil uses 'Lambda'"):
        checkpoint.save(keras.Model(inputs, outputs), path)


def test_how_it_was_compiled_is_ignored(contract: ModelContract, saved: Path) -> None:
    def edit(config: Config) -> None:
        config["compile_config"] = {"loss": {"class_name": "function", "module": "os", "config": "system"}}

    checkpoint.load(edit_config(saved, edit), contract)


def test_a_missing_file_is_named(contract: ModelContract, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.keras: there is no such file"):
        checkpoint.load(tmp_path / "gone.keras", contract)


def test_no_archive(contract: ModelContract, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"not a zip")
    with pytest.raises(InputError, match="is damaged"):
        checkpoint.load(path, contract)


def test_a_truncated_or_flipped_archive_is_refused(contract: ModelContract, saved: Path) -> None:
    whole = saved.read_bytes()
    rng = np.random.default_rng(0)
    for cut in rng.integers(0, len(whole), 5):
        saved.write_bytes(whole[:cut])
        with pytest.raises(InputError):
            checkpoint.load(saved, contract)
    for position in rng.integers(1_000, len(whole) * 9 // 10, 5):
        flipped = bytearray(whole)
        flipped[position] ^= 0xFF
        saved.write_bytes(flipped)
        with pytest.raises(InputError):
            checkpoint.load(saved, contract)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_missing_member_is_named(contract: ModelContract, saved: Path, member: str) -> None:
    with pytest.raises(InputError, match=f"holds no {member}"):
        checkpoint.load(rewrite(saved, {member: None}), contract)


@pytest.mark.parametrize(
    "config", [b"{", b"[]", b"[" * 100_000, b"\xff", b"{}", b'{"config": {"layers": 3}}']
)
def test_a_broken_configuration(contract: ModelContract, saved: Path, config: bytes) -> None:
    with pytest.raises(InputError):
        checkpoint.load(rewrite(saved, {"config.json": config}), contract)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_zip_bomb_is_refused_by_its_declared_size(
    contract: ModelContract, saved: Path, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_archive, "MAX_CONFIG_BYTES", 1 << 20)
    monkeypatch.setattr(keras_archive, "MAX_WEIGHTS_BYTES", 1 << 20)
    with pytest.raises(InputError, match=f"{member} unpacks to"):
        checkpoint.load(rewrite(saved, {member: bytes(2 << 20)}), contract)


@pytest.mark.parametrize(
    ("key", "size"), [("units", 10**12), ("filters", 10**9), ("kernel_size", [10**6, 10**6])]
)
def test_a_layer_larger_than_the_weights_takes_no_memory(
    contract: ModelContract, saved: Path, key: str, size: object
) -> None:
    def edit(config: Config) -> None:
        next(one for one in config["config"]["layers"] if key in one["config"])["config"][key] = size

    with pytest.raises(InputError, match=f"has {key} .*1") as refused:
        checkpoint.load(edit_config(saved, edit), contract)
    assert "weights that are stored" in str(refused.value)


def test_weights_that_unpack_to_too_much(contract: ModelContract, saved: Path) -> None:
    def edit(file: h5py.File) -> None:
        file.create_dataset(
            "layers/huge", shape=(1 << 40,), chunks=(1 << 20,), dtype="f4", compression="gzip"
        )

    with pytest.raises(InputError, match="unpacks to too much"):
        checkpoint.load(edit_weights(saved, edit), contract)


@pytest.mark.parametrize("link", [h5py.ExternalLink("/etc/passwd", "/x"), h5py.SoftLink("/layers/conv2d")])
def test_links_to_other_places(contract: ModelContract, saved: Path, link: object) -> None:
    def edit(file: h5py.File) -> None:
        file["layers/elsewhere"] = link

    with pytest.raises(InputError, match="holds a link"):
        checkpoint.load(edit_weights(saved, edit), contract)


def vars_of(file: h5py.File, layer: str) -> h5py.Group:
    return next(group["vars"] for group in file["layers"].values() if group["vars"].attrs["name"] == layer)


def test_missing_weights_are_named(contract: ModelContract, saved: Path) -> None:
    def edit(file: h5py.File) -> None:
        del vars_of(file, "stem")["0"]

    with pytest.raises(InputError, match="layer stem has stored weights of shapes"):
        checkpoint.load(edit_weights(saved, edit), contract)


def test_left_over_weights_are_named(contract: ModelContract, saved: Path) -> None:
    def edit(file: h5py.File) -> None:
        vars_of(file, "stem").attrs["name"] = "other"

    with pytest.raises(InputError, match="holds weights of other"):
        checkpoint.load(edit_weights(saved, edit), contract)


def test_weights_that_are_no_numbers(contract: ModelContract, saved: Path) -> None:
    def edit(file: h5py.File) -> None:
        vars_of(file, "stem")["0"][0, 0, 0, 0] = np.nan

    with pytest.raises(InputError, match="layer stem are not finite"):
        checkpoint.load(edit_weights(saved, edit), contract)


def test_contradictions_to_the_contract(contract: ModelContract, saved: Path) -> None:
    with pytest.raises(InputError, match="1 class,"):
        checkpoint.load(saved, replace(contract, labels=("one",)))
    with pytest.raises(InputError, match="its input is"):
        checkpoint.load(saved, replace(contract, frontend=replace(contract.frontend, spec_width=64)))
    with pytest.raises(InputError, match="with activation 'linear'"):
        checkpoint.load(saved, replace(contract, output_activation=OutputActivation.SIGMOID))


def test_a_sigmoid_is_taken_off(contract: ModelContract) -> None:
    model = build_dscnn(contract, seed=1)
    dense = keras.layers.Dense(2, activation="sigmoid", name="scores")
    scores = keras.Model(model.inputs[0], dense(model.layers[-1].input), name="scores")
    sigmoid = replace(contract, output_activation=OutputActivation.SIGMOID)
    logits, logit_contract = checkpoint.as_logits(scores, sigmoid)
    inputs = random_inputs(contract)
    assert logit_contract == contract
    np.testing.assert_allclose(probabilities(np.array(logits(inputs)), contract), scores(inputs), atol=1e-6)
    assert checkpoint.as_logits(model, contract) == (model, contract)


def test_a_configuration_with_other_bands_is_refused(contract: ModelContract, tmp_path: Path) -> None:
    for kind, layer in ((Frontend.HYBRID, "mel_mixer"), (Frontend.RAW, "bands")):
        spec = replace(contract.frontend, kind=kind)
        path = tmp_path / f"{kind}.keras"
        checkpoint.save(build_dscnn(replace(contract, frontend=spec)), path)
        with pytest.raises(InputError, match=f"its layer {layer} makes 16 bands"):
            checkpoint.load(path, replace(contract, frontend=replace(spec, num_mels=24)))
