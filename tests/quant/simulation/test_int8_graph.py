"""The graph that is trained and simulated is the converted network, bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from birdnet_stm32.audio.decoding.decode import decode
from birdnet_stm32.audio.windows.window_positions import center_crop
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant import verify
from birdnet_stm32.quant.arithmetic import fixed_point
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.ranges.clipping import clip_ranges
from birdnet_stm32.quant.ranges.limits import limit_ranges
from birdnet_stm32.quant.rewriting.equalize import equalize
from birdnet_stm32.quant.rewriting.front_end import split_front_end
from birdnet_stm32.quant.rewriting.keras_io import from_keras, to_keras
from birdnet_stm32.quant.rewriting.network import Network, weights, with_weights
from birdnet_stm32.quant.rewriting.subranges import with_inner_subranges
from birdnet_stm32.quant.simulation import float_graph, int8_graph
from birdnet_stm32.quant.simulation.grids import Ranges, grids, ranges_in_order
from birdnet_stm32.quant.simulation.run_network import observe_network, run_network, sigmoid
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import parse_model


@pytest.fixture(scope="module")
def network(build_model: Callable[..., keras.Model]) -> Network:
    return from_keras(build_model())


@pytest.fixture(scope="module")
def many(windows: np.ndarray) -> np.ndarray:
    """100 windows, quiet and loud."""
    rng = np.random.default_rng(2)
    varied = np.tile(windows, (5, 1, 1, 1))[:100] * rng.uniform(0, 1, (100, *windows.shape[1:]))
    return (varied * 10 ** rng.uniform(-1, 1.5, (100, 1, 1, 1))).astype(np.float32)


def to_tflite(network: Network, windows: np.ndarray, given: Ranges) -> bytes:
    return convert(to_keras(network), windows[:1], ranges=ranges_in_order(network, given))


def goal(reference: np.ndarray, logits: np.ndarray) -> dict[str, object]:
    """Every measure, over all windows and over the confident ones."""
    comparison = verify.compare(reference, sigmoid(logits))
    assert comparison.confident is not None
    return asdict(comparison.agreement)


def int8_tensors(tflite: bytes, window: np.ndarray) -> list[np.ndarray]:
    """What the reference kernels make: the input, and the output of every unit."""
    operators = parse_model(tflite).subgraphs[0].operators[:-1]
    values = interpreter.tensors(tflite, window)
    return [values[operator.outputs[0]][0] for operator in operators]


def with_dead_channels(network: Network) -> Network:
    """Channels whose kernel training has decayed to nothing, beside biases as large as ever."""
    kernel, bias = (values.copy() for values in network.unit("dw").weights)
    kernel[:, :, 0], kernel[:, :, 1], kernel[:, :, 2] = 0, 1e-12, 1e-39
    bias[:3] = 0.3, -0.02, 5
    return with_weights(network, {"dw": (kernel, bias)})


def with_lively_logits(network: Network, windows: np.ndarray) -> Network:
    """Logits around -1 that differ from window to window."""
    logits = run_network(network, windows)
    gains = 2 / logits.std(axis=0)
    kernel, bias = network.unit("classifier").weights
    return with_weights(network, {"classifier": (kernel * gains, (bias - logits.mean(axis=0)) * gains - 1)})


@pytest.mark.slow
@pytest.mark.parametrize(("shares", "fused"), [({}, False), ({"stem": 0.5, "dw": 0.7, "input": 0.6}, True)])
def test_every_logit_is_the_converted_ones(
    network: Network, many: np.ndarray, shares: dict[str, float], fused: bool
) -> None:
    network = with_lively_logits(with_dead_channels(network), many)
    given = clip_ranges(limit_ranges(network, observe_network(network, many).ranges), shares)
    tflite = to_tflite(network, many, given)
    expected = interpreter.run(tflite, many)
    assert len(np.unique(expected)) > 50
    assert np.array_equal(run_network(network, many, given), expected)
    reference = sigmoid(run_network(network, many))
    assert goal(reference, run_network(network, many, given)) == goal(reference, expected)
    with_grids = grids(network, given)
    steps = int8_graph.forward(network, float_graph.constants(network), many, with_grids, fused=fused)
    for window in range(3):
        for name, tensor in zip(network.tensors, int8_tensors(tflite, many[window]), strict=True):
            assert np.array_equal(steps[name][window] + with_grids[name][1], tensor)


def test_ranges_wider_than_relu6(network: Network, windows: np.ndarray) -> None:
    given = dict(observe_network(network, windows).ranges)
    wide = given | dict.fromkeys(("stem", "dw", "add"), (-1.0, 9.0))
    expected = interpreter.run(to_tflite(network, windows, wide), windows)
    assert np.array_equal(run_network(network, windows, wide), expected)


@pytest.mark.parametrize("real", [0.75, 2.0**-9, 0.0037, 1.3, 5.1e-5, 1 - 2.0**-40])
@pytest.mark.parametrize("fused", [False, True])
def test_two_roundings_are_the_schemes(real: float, fused: bool) -> None:
    rng = np.random.default_rng(0)
    multiplier = fixed_point.quantize_multiplier(real)
    near_ties = np.round((np.arange(-150, 150) + 0.5) / real)
    accumulators = np.concatenate(
        [near_ties + step for step in (-1, 0, 1)] + [rng.integers(-(10**5), 10**5, 10**4)]
    )
    accumulators = accumulators[np.abs(accumulators) < 2**24].astype(np.float32)
    expected = np.clip(fixed_point.multiply(accumulators.astype(np.int64), multiplier), -100, 90)
    ends = (tf.constant(-100.0, tf.float64), tf.constant(90.0, tf.float64))
    factor = int8_graph._factor(tf.constant(real, tf.float64))
    assert (factor.significand.numpy(), factor.shift.numpy()) == (multiplier.significand, multiplier.shift)
    rounded = int8_graph._rounded(accumulators, factor, ends, signed=True, once=False, fused=fused)
    assert np.array_equal(rounded, expected)


def test_gradients_pass_roundings_and_stop_at_the_ends(network: Network, windows: np.ndarray) -> None:
    """Close to those of the float network, whose kinks are the same."""
    given = observe_network(network, windows).ranges
    with_grids = grids(network, given)
    variables = {name: (tf.Variable(k), tf.Variable(b)) for name, (k, b) in weights(network).items()}
    flat = [variable for pair in variables.values() for variable in pair]
    with tf.GradientTape(persistent=True) as tape:
        steps = int8_graph.forward(network, variables, windows, with_grids)["classifier"]
        rounded = tf.reduce_mean(tf.sigmoid(steps * with_grids["classifier"][0])[:, 0])
        exact = tf.reduce_mean(
            tf.sigmoid(float_graph.forward(network, variables, windows)["classifier"])[:, 0]
        )
    for one, other in zip(tape.gradient(rounded, flat), tape.gradient(exact, flat), strict=True):
        one, other = one.numpy().ravel(), other.numpy().ravel()
        norms = np.linalg.norm(one) * np.linalg.norm(other)
        assert norms == 0 or one @ other > 0.98 * norms


def test_no_gradient_beyond_the_grid() -> None:
    accumulators = tf.Variable([-300.0, -100.0, 0.0, 100.0, 300.0])
    factor = int8_graph._factor(tf.constant(0.5, tf.float64))
    ends = (tf.constant(-128.0, tf.float64), tf.constant(127.0, tf.float64))
    with tf.GradientTape() as tape:
        steps = int8_graph._rounded(accumulators, factor, ends, signed=True, once=False, fused=False)
    assert steps.numpy().tolist() == [-128, -50, 0, 50, 127]
    assert tape.gradient(steps, accumulators).numpy().tolist() == [0, 0.5, 0.5, 0.5, 0]


def real_windows(shared: Path, contract: ModelContract) -> np.ndarray:
    spec = contract.frontend
    paths = sorted((shared / "data/birds").rglob("*.flac"))[::5][:100]
    decoded = [decode(path, sample_rate_hz=spec.sample_rate_hz) for path in paths]
    return np.stack([center_crop(pcm, spec.window_samples) for pcm in decoded if isinstance(pcm, np.ndarray)])


@pytest.mark.slow
@pytest.mark.shared
def test_on_the_published_checkpoint(shared: Path) -> None:
    """100 recordings, the backbone as it is and rewritten: all logits, hence all measures, are the same."""
    base = shared / "checkpoints"
    contract = read_contract(base / "birdnet_stm32n6_100_model_config.json")
    model, contract = checkpoint.as_logits(
        checkpoint.load(base / "birdnet_stm32n6_100.keras", contract), contract
    )
    _, plain, contract = split_front_end(from_keras(model), contract)
    inputs = features(real_windows(shared, contract), contract.frontend)
    assert len(inputs) == 100
    peaks = observe_network(plain, inputs).peaks
    rewritten = equalize(plain, peaks)
    rewritten = with_inner_subranges(
        rewritten, "stem_conv", observe_network(rewritten, inputs).peaks["stem_conv"], 1 / 6
    )
    expected = sigmoid(run_network(plain, inputs))
    for network in (plain, rewritten):
        given = limit_ranges(network, observe_network(network, inputs).ranges)
        logits = interpreter.run(to_tflite(network, inputs, given), inputs)
        simulated = run_network(network, inputs, given)
        assert np.array_equal(simulated, logits)
        assert goal(expected, simulated) == goal(expected, logits)
