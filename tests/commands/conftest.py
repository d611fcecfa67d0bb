"""Small labelled folders, a checkpoint that is built in a moment, and Keras's own warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.commands.files import write_sidecars
from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    ModelContract,
    OutputActivation,
)
from birdnet_stm32.model import checkpoint, dscnn

HERE = Path(__file__).parent
RATE_HZ = 8_000
KNOWN_WARNINGS = (
    # Keras's convert_to_numpy on a TensorFlow variable under NumPy 2.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            for warning in KNOWN_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


def chirps(folder: Path, pitch_hz: float, count: int) -> None:
    """Write recordings of 1.2 s that hold a chirp, or noise alone at 0 Hz."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(round(pitch_hz))
    seconds = np.arange(round(1.2 * RATE_HZ)) / RATE_HZ
    for number in range(count):
        envelope = np.exp(-(((seconds - rng.uniform(0.3, 0.9)) / 0.15) ** 2)) * (pitch_hz > 0)
        tone = np.sin(2 * np.pi * pitch_hz * rng.uniform(0.95, 1.05) * seconds)
        samples = 0.3 * envelope * tone + rng.normal(scale=0.01, size=len(seconds))
        soundfile.write(folder / f"clip{number}.wav", samples, RATE_HZ, subtype="PCM_16")


@pytest.fixture(scope="session")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a class: ``high``, ``low``, and background."""
    root = tmp_path_factory.mktemp("data") / "birds"
    chirps(root / "high", 2_400, 8)
    chirps(root / "low", 700, 8)
    chirps(root / "_background", 0, 5)
    return root


@pytest.fixture(scope="session")
def contract() -> ModelContract:
    """What the checkpoint is."""
    return ModelContract(
        frontend=FrontendSpec(
            kind=Frontend.HYBRID,
            sample_rate_hz=RATE_HZ,
            window_samples=RATE_HZ // 2,
            fft_length=256,
            spec_width=32,
            num_mels=16,
            compression=Compression.SQRT,
        ),
        labels=("high", "low"),
        output_activation=OutputActivation.LOGIT,
        alpha=0.25,
        embedding_size=64,
    )


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory, contract: ModelContract) -> Path:
    """A checkpoint with random weights, its configuration and labels beside it; not to be changed."""
    path = tmp_path_factory.mktemp("checkpoints") / "best_model.keras"
    checkpoint.save(dscnn.build(contract, seed=1), path)
    write_sidecars(path, contract)
    return path


@pytest.fixture
def nothing_written(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Check that no file has appeared below the test's folder since the test began to look."""
    known: set[Path] = set()

    def check() -> None:
        found = set(tmp_path.rglob("*"))
        if not known:
            known.update(found, {tmp_path})
        assert found <= known

    yield check
    check()
