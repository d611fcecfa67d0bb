"""Every kind of network: it builds, is aligned, and converts to the operators that the NPU takes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.architecture import Architecture
from birdnet_stm32.frontend.contract import Frontend, InputLayout, MagnitudeScale, ModelContract
from birdnet_stm32.frontend.mixer import Mixer
from birdnet_stm32.frontend.spectrogram import features, mel_bank
from birdnet_stm32.model.architecture.dscnn import build_dscnn
from birdnet_stm32.quant.convert import convert

BASE_OPERATORS = {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESHAPE", "MEAN", "FULLY_CONNECTED"}
KEPT_BY_A_SEED = {
    *("name", "filters", "kernel_size", "strides", "padding", "use_bias", "activation", "momentum", "rate"),
    *("kernel_initializer", "depthwise_initializer", "max_value", "target_shape", "units", "seed"),
}


def operators(contract: ModelContract) -> Counter[str]:
    """Operators of the network's .tflite, less the QUANTIZE and DEQUANTIZE at its ends."""
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (4, 4_000), dtype=np.int16)
    tflite = convert(build_dscnn(contract), features(windows, contract.frontend))
    interpreter = Interpreter(model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    names = [operator["op_name"] for operator in interpreter._get_ops_details()]
    assert (names[0], names[-1]) == ("QUANTIZE", "DEQUANTIZE")
    return Counter(names[1:-1])


def test_every_kind_builds_and_gives_logits(any_contract: ModelContract) -> None:
    model = build_dscnn(any_contract)
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (2, 4_000), dtype=np.int16)
    logits = model(features(windows, any_contract.frontend))
    assert logits.shape == (2, 2)
    assert np.isfinite(logits).all()
    assert np.ptp(logits) > 0


def test_a_front_end_with_a_float_part_is_refused(contract: ModelContract) -> None:
    spec = contract.frontend
    nothing = np.zeros((0, spec.num_mels), np.float32)
    mixer = Mixer(
        mel=np.ones((spec.bins, spec.num_mels), np.float32),
        k0=np.ones(spec.num_mels, np.float32),
        k=nothing,
        w=nothing,
        b=nothing,
        subranges=(1.0,),
    )
    with pytest.raises(InputError, match="this float front end holds"):
        build_dscnn(replace(contract, frontend=replace(spec, mixer=mixer)))


def test_every_channel_count_is_a_multiple_of_8(contract: ModelContract) -> None:
    model = build_dscnn(replace(contract, alpha=0.3, depth_multiplier=2, embedding_size=100))
    inside = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(inside) > 20
    assert all(layer.filters % 8 == 0 for layer in inside)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "scale", "layout", "more"),
    [
        (Frontend.HYBRID, MagnitudeScale.NONE, InputLayout.TIME_MAJOR, set()),
        (Frontend.HYBRID, MagnitudeScale.DB, InputLayout.TIME_MAJOR, {"LOG", "MUL"}),
        (Frontend.HYBRID, MagnitudeScale.PWL, InputLayout.FREQUENCY_MAJOR, {"TRANSPOSE"}),
        (Frontend.MEL, MagnitudeScale.PWL, InputLayout.TIME_MAJOR, set()),
    ],
)
def test_operators_of_other_kinds(
    contract: ModelContract, kind: Frontend, scale: MagnitudeScale, layout: InputLayout, more: set[str]
) -> None:
    spec = replace(contract.frontend, kind=kind, layout=layout)
    counted = operators(replace(contract, frontend=spec, magnitude_scale=scale))
    assert set(counted) <= BASE_OPERATORS | more
    assert counted["TRANSPOSE"] <= 1


@pytest.mark.slow
def test_the_default_kind_moves_no_data(contract: ModelContract) -> None:
    # Large enough for the last map to be more than one element, over which the converter turns a mean
    # into a RESHAPE.
    counted = operators(replace(contract, frontend=replace(contract.frontend, spec_width=64, num_mels=24)))
    assert set(counted) <= BASE_OPERATORS
    assert (counted["RESHAPE"], counted["MEAN"]) == (1, 1)


def test_depth_multiplier_repeats_blocks(contract: ModelContract) -> None:
    def depthwise(model: keras.Model) -> int:
        return sum(layer.name.startswith("stage") and layer.name.endswith("_dw") for layer in model.layers)

    assert depthwise(build_dscnn(contract)) == 11
    assert depthwise(build_dscnn(replace(contract, depth_multiplier=2))) == 22


def test_stages_have_their_widths_depths_and_kernels(contract: ModelContract) -> None:
    stages = Architecture(
        stage_widths=(32, 32, 64, 96), stage_depths=(1, 2, 1, 3), depthwise_kernels=(5, 3, 5, 3)
    )
    model = build_dscnn(replace(contract, alpha=1.5, architecture=stages))
    found: dict[str, list[tuple[int, int]]] = {}
    for layer in model.layers:
        stage, _, part = layer.name.partition("_block")
        if part.endswith("_dw"):
            found.setdefault(stage, []).append((layer.kernel_size[0], 0))
        elif part.endswith("_pw"):
            found[stage][-1] = (found[stage][-1][0], layer.filters)
    assert found == {
        "stage1": [(5, 48)],
        "stage2": [(3, 48)] * 2,
        "stage3": [(5, 96)],
        "stage4": [(3, 144)] * 3,
    }


def test_the_default_network_is_the_one_that_was_always_built(contract: ModelContract) -> None:
    """Layers, their options and the seeds of their weights: a model trained anew gets the same bytes."""
    layers = [
        {key: value for key, value in layer.get_config().items() if key in KEPT_BY_A_SEED}
        for layer in build_dscnn(contract, seed=7).layers
    ]
    digest = hashlib.sha256(json.dumps(layers, sort_keys=True).encode()).hexdigest()
    assert digest == "0ad30e7927f4818d39f00151ac18399296619e069ddfccdf38b39220199550eb"


def test_embedding_has_its_width(contract: ModelContract) -> None:
    for size in (64, 128):
        model = build_dscnn(replace(contract, embedding_size=size))
        assert model.get_layer("logits").input.shape == (None, size)


def test_layouts_compute_the_same(contract: ModelContract) -> None:
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (3, 4_000), dtype=np.int16)
    for kind in (Frontend.HYBRID, Frontend.MEL):
        logits = []
        for layout in InputLayout:
            spec = replace(contract.frontend, kind=kind, layout=layout)
            model = build_dscnn(replace(contract, frontend=spec), seed=4)
            logits.append(model(features(windows, spec)))
        np.testing.assert_allclose(*logits, atol=1e-5)


def test_the_mel_bank_is_in_the_network(contract: ModelContract) -> None:
    kernel = build_dscnn(contract).get_layer("mel_mixer").get_weights()[0][0, 0]
    bank = mel_bank(contract.frontend).T
    np.testing.assert_allclose(kernel, bank / bank.sum(axis=0).max(), rtol=1e-6)


def test_equal_seeds_equal_weights(contract: ModelContract) -> None:
    keras.utils.set_random_seed(1)
    first = build_dscnn(contract, seed=5).get_weights()
    keras.utils.set_random_seed(2)
    again, other = build_dscnn(contract, seed=5).get_weights(), build_dscnn(contract, seed=6).get_weights()
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(first, other, strict=True))
