"""The pipeline's own models are clean: no errors, no warnings, and only hints that every such network has."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
    read_contract,
)
from birdnet_stm32.npu.lint.check import lint
from birdnet_stm32.npu.lint.rule import LintSeverity
from birdnet_stm32.npu.lint.text import findings_summary
from birdnet_stm32.tflite.reader import read_graph

pytestmark = [
    pytest.mark.slow,
    # Keras's convert_to_numpy on a TensorFlow variable under NumPy 2.
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ),
]

# Hints that a quantized residual network with a float boundary cannot do without.
RESIDUAL = {"add-scales-differ", "depthwise-stride", "float-boundary"}
KINDS = [
    (Frontend.HYBRID, InputLayout.TIME_MAJOR, set()),
    (Frontend.HYBRID, InputLayout.FREQUENCY_MAJOR, {"transpose-of-the-input"}),
    (Frontend.MEL, InputLayout.TIME_MAJOR, set()),
    (Frontend.RAW, InputLayout.TIME_MAJOR, {"explicit-pad"}),
]


def contract_of(kind: Frontend, layout: InputLayout, scale: MagnitudeScale) -> ModelContract:
    """The default sizes of a variant file, with few channels."""
    return ModelContract(
        frontend=FrontendSpec(
            kind=kind,
            sample_rate_hz=24_000,
            window_samples=60_000,
            fft_length=512,
            spec_width=256,
            num_mels=64,
            compression=Compression.SQRT,
            layout=layout,
        ),
        labels=("one", "two", "three"),
        output_activation=OutputActivation.LOGIT,
        magnitude_scale=scale,
        alpha=0.25,
    )


def converted(contract: ModelContract) -> bytes:
    """A network with random weights, quantized over two windows of noise."""
    from birdnet_stm32.model.architecture import dscnn
    from birdnet_stm32.quant.convert import convert

    noise = np.random.default_rng(2).random((2, *contract.frontend.input_shape), dtype=np.float32)
    return convert(dscnn.build_dscnn(contract, seed=1), noise)


@pytest.mark.parametrize(("kind", "layout", "more"), KINDS, ids=lambda value: str(value))
def test_models_of_every_front_end_are_clean(kind: Frontend, layout: InputLayout, more: set[str]) -> None:
    found = lint(read_graph(converted(contract_of(kind, layout, MagnitudeScale.PWL)), where="own"))
    assert findings_summary(found).startswith("clean"), Counter(one.rule.id for one in found)
    assert {one.rule.id for one in found} == RESIDUAL | more


def test_decibels_in_the_network_are_a_warning() -> None:
    contract = contract_of(Frontend.MEL, InputLayout.TIME_MAJOR, MagnitudeScale.DB)
    found = lint(read_graph(converted(contract), where="own"))
    worse = {one.rule.id for one in found if one.rule.severity is not LintSeverity.HINT}
    assert "quantization-before-compression" in worse


@pytest.mark.shared
def test_the_published_checkpoint_converts_to_a_clean_model(shared: Path) -> None:
    from birdnet_stm32.model.checkpoints.checkpoint import load
    from birdnet_stm32.quant.convert import convert

    published = shared / "checkpoints" / "birdnet_stm32n6_100"
    contract = read_contract(published.with_name(f"{published.name}_model_config.json"))
    model = load(published.with_suffix(".keras"), contract)
    noise = np.random.default_rng(2).random((2, *contract.frontend.input_shape), dtype=np.float32)
    found = lint(read_graph(convert(model, noise), where="published"))
    assert findings_summary(found).startswith("clean"), Counter(one.rule.id for one in found)
    assert {one.rule.id for one in found} == RESIDUAL | {"transpose-of-the-input", "transpose-of-data"}


@pytest.mark.shared
def test_the_published_tflite_computes_shapes(shared: Path) -> None:
    path = shared / "checkpoints" / "birdnet_stm32n6_100.tflite"
    found = lint(read_graph(path.read_bytes(), where=path.name))
    worse = Counter(one.rule.id for one in found if one.rule.severity is not LintSeverity.HINT)
    assert worse == {"shape-arithmetic": 3, "open-batch": 1, "unlisted-operator": 1}
