"""Every rewrite leaves what the float network computes, within 1e-5 of the largest logit.

What remains is how float32 adds up: see the test with the published checkpoint.
"""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
)
from birdnet_stm32.frontend.mixer import split_into_subranges
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.quant.rewriting.equalize import LARGEST_FACTOR, equalizable_pairs, equalize
from birdnet_stm32.quant.rewriting.front_end import split_front_end
from birdnet_stm32.quant.rewriting.keras_io import from_keras, to_keras
from birdnet_stm32.quant.rewriting.network import (
    Network,
    UnitKind,
    scaled_inputs,
    scaled_outputs,
    with_weights,
)
from birdnet_stm32.quant.rewriting.subranges import with_inner_subranges, with_input_subranges

SPEC = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=16_000,
    window_samples=8_000,
    fft_length=256,
    spec_width=32,
    num_mels=16,
)
RNG = np.random.default_rng(0)


def contract(**changes: object) -> ModelContract:
    return ModelContract(
        frontend=replace(SPEC, **changes), labels=("a", "b", "c"), output_activation=OutputActivation.LOGIT
    )


def trained(built: ModelContract) -> keras.Model:
    """A network whose BatchNorms and hinges are not those of its beginning."""
    model = dscnn.build_dscnn(built, seed=1)
    rng = np.random.default_rng(5)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape
            layer.set_weights(
                [rng.uniform(0.5, 2, n), rng.normal(size=n), 0.1 * rng.normal(size=n), rng.uniform(0.5, 2, n)]
            )
        elif "pwl" in layer.name and layer.get_weights():
            layer.set_weights(
                [w * rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for w in layer.get_weights()]
            )
    return model


def outputs(network: Network | keras.Model, inputs: np.ndarray) -> np.ndarray:
    model = to_keras(network) if isinstance(network, Network) else network
    return np.asarray(model(inputs, training=False))


def assert_same(one: np.ndarray, other: np.ndarray) -> None:
    assert np.abs(one - other).max() <= 1e-5 * max(1.0, np.abs(one).max())


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    return (RNG.normal(size=(6, SPEC.window_samples)) * 3_000).astype(np.int16)


@pytest.fixture(scope="module", params=list(InputLayout))
def model_contract(request: pytest.FixtureRequest) -> ModelContract:
    return contract(layout=request.param)


@pytest.fixture(scope="module")
def model(model_contract: ModelContract) -> keras.Model:
    return trained(model_contract)


@pytest.fixture(scope="module")
def backbone(
    model: keras.Model, model_contract: ModelContract, pcm: np.ndarray
) -> tuple[Network, np.ndarray]:
    """The network behind its mel bands, and windows for it."""
    _, network, split = split_front_end(from_keras(model), model_contract)
    return network, features(pcm, split.frontend)


def peaks(network: Network, inputs: np.ndarray) -> dict[str, np.ndarray]:
    model = to_keras(network)
    names = {
        unit.name: unit.name if unit.activation == "linear" else f"{unit.name}_relu" for unit in network.units
    }
    taps = keras.Model(model.inputs[0], {u: model.get_layer(n).output for u, n in names.items()})
    return {n: np.asarray(v).reshape(-1, v.shape[-1]).max(axis=0) for n, v in taps(inputs).items()}


def test_folding_leaves_the_function(
    model: keras.Model, model_contract: ModelContract, pcm: np.ndarray
) -> None:
    inputs = features(pcm, model_contract.frontend)
    network = from_keras(model)
    assert not any(isinstance(x, keras.layers.BatchNormalization) for x in to_keras(network).layers)
    assert_same(outputs(model, inputs), outputs(network, inputs))


def test_the_front_end_comes_off(model: keras.Model, model_contract: ModelContract, pcm: np.ndarray) -> None:
    mixer, network, split = split_front_end(from_keras(model), model_contract)
    assert split.frontend.mixer == mixer
    assert mixer.pieces == 3
    assert mixer.subranges == ()
    assert network.input_shape == split.frontend.input_shape
    expected = outputs(model, features(pcm, model_contract.frontend))
    assert_same(expected, outputs(network, features(pcm, split.frontend)))


def test_a_front_end_without_scaling_comes_off(pcm: np.ndarray) -> None:
    linear = replace(contract(), magnitude_scale=MagnitudeScale.NONE)
    model = trained(linear)
    mixer, network, split = split_front_end(from_keras(model), linear)
    assert mixer.pieces == 0
    assert (mixer.k0 == 1).all()
    expected = outputs(model, features(pcm, linear.frontend))
    assert_same(expected, outputs(network, features(pcm, split.frontend)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (contract(kind=Frontend.RAW), "front end is raw"),
        (replace(contract(), magnitude_scale=MagnitudeScale.DB), "magnitude scale is db"),
    ],
)
def test_other_front_ends_are_refused(changed: ModelContract, message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_front_end(from_keras(trained(contract())), changed)


@pytest.mark.parametrize("shares", [(0.1, 1.0), (0.05, 0.3, 1.0)])
def test_input_subranges_leave_the_function(
    backbone: tuple[Network, np.ndarray], shares: tuple[float, ...]
) -> None:
    network, inputs = backbone
    ends = tuple(share * float(inputs.max()) for share in shares)
    split = with_input_subranges(network, ends)
    assert split.input_shape[-1] == len(shares)
    assert_same(outputs(network, inputs), outputs(split, split_into_subranges(inputs[..., 0], ends)))


def test_inner_subranges_leave_the_function(backbone: tuple[Network, np.ndarray]) -> None:
    network, inputs = backbone
    expected, highest = outputs(network, inputs), peaks(network, inputs)
    for unit in network.units[:2]:
        network = with_inner_subranges(network, unit.name, highest[unit.name], 1 / 6)
    assert [unit.kind for unit in network.units[:3]] == [UnitKind.CONVOLUTION] * 3  # the second was depthwise
    assert_same(expected, outputs(network, inputs))


def test_inner_subranges_of_a_depthwise_layer(backbone: tuple[Network, np.ndarray]) -> None:
    network, inputs = backbone
    unit = network.units[1]
    split = with_inner_subranges(network, unit.name, peaks(network, inputs)[unit.name], 1 / 4)
    assert split.unit(unit.name).kind is UnitKind.DEPTHWISE
    assert split.unit(unit.name).weights[0].shape[-1] == 2
    assert_same(outputs(network, inputs), outputs(split, inputs))


def test_inner_subranges_need_one_reader(backbone: tuple[Network, np.ndarray]) -> None:
    network, _ = backbone
    shared = next(unit.name for unit in network.units if len(network.consumers(unit.name)) == 2)
    with pytest.raises(InputError, match="cannot be split into sub-ranges"):
        with_inner_subranges(network, shared, np.ones(8, np.float32), 0.25)


def quiet(network: Network, factor: float) -> Network:
    """Turn the first unit down, so that its outputs stay clear of 6."""
    first, (second,) = network.units[0], network.consumers(network.units[0].name)
    channels = first.weights[1].size
    factors = np.geomspace(factor, factor / 50, channels).astype(np.float32)
    network = with_weights(network, {first.name: scaled_outputs(first, factors)})
    return with_weights(network, {second.name: scaled_inputs(second, factors)})


def test_equalising_leaves_the_function_and_evens_the_peaks(backbone: tuple[Network, np.ndarray]) -> None:
    network, inputs = backbone
    network = quiet(network, 0.01)
    name, before = network.units[0].name, peaks(network, inputs)
    assert name in dict(equalizable_pairs(network, before))
    equal = equalize(network, before)
    after = peaks(equal, inputs)[name]
    wanted = np.minimum(before[name].max(), LARGEST_FACTOR * before[name])
    audible = wanted > 0
    assert np.abs(np.log2(after[audible] / wanted[audible])).max() < 0.51  # to the nearest power of two
    assert before[name].min() < 0.1 * before[name].max()
    assert np.array_equal(outputs(network, inputs), outputs(equal, inputs))


def test_channels_near_the_limit_of_relu6_are_left_alone(backbone: tuple[Network, np.ndarray]) -> None:
    network, inputs = backbone
    highest = {name: np.full_like(peak, 6.0) for name, peak in peaks(network, inputs).items()}
    assert equalizable_pairs(network, highest) == ()
    assert equalize(network, highest) is network


def test_what_is_not_understood_is_named() -> None:
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.MaxPooling2D(name="pool")(inputs)
    with pytest.raises(InputError, match="layer pool is MaxPooling2D"):
        from_keras(keras.Model(inputs, x))
    x = keras.layers.Conv2D(2, 3, activation="tanh", name="odd")(inputs)
    with pytest.raises(InputError, match="layer odd has the activation 'tanh'"):
        from_keras(keras.Model(inputs, x))
    shared = keras.layers.Conv2D(1, 1, name="shared")(inputs)
    x = keras.layers.Add(name="sum")([keras.layers.BatchNormalization(name="bn")(shared), shared])
    with pytest.raises(InputError, match="layer bn cannot be folded"):
        from_keras(keras.Model(inputs, x))
