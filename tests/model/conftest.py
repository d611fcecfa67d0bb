"""Small contracts, and the warnings of Keras's own code that are not this project's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
)

HERE = Path(__file__).parent

KNOWN_WARNINGS = (
    # Keras's convert_to_numpy on a TensorFlow variable under NumPy 2.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            for warning in KNOWN_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


TINY_SPEC = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=8_000,
    window_samples=4_000,
    fft_length=256,
    spec_width=32,
    num_mels=16,
    compression=Compression.SQRT,
)


@pytest.fixture(scope="session")
def contract() -> ModelContract:
    """A network that builds in a moment."""
    return ModelContract(
        frontend=TINY_SPEC,
        labels=("low", "high"),
        output_activation=OutputActivation.LOGIT,
        alpha=0.25,
        embedding_size=64,
    )


KINDS = [
    pytest.param((kind, scale, layout), id=f"{kind}-{scale}-{layout}")
    for kind in (Frontend.HYBRID, Frontend.MEL)
    for scale in MagnitudeScale
    for layout in InputLayout
]


@pytest.fixture(params=KINDS)
def any_contract(request: pytest.FixtureRequest, contract: ModelContract) -> ModelContract:
    """``contract`` in every combination of front end, scaling and layout."""
    kind, scale, layout = request.param
    return replace(
        contract, frontend=replace(contract.frontend, kind=kind, layout=layout), magnitude_scale=scale
    )
