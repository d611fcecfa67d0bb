"""Run commands in this process, on folders of recordings, a small checkpoint, and good and bad files."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32 import cli
from birdnet_stm32.commands.shared.model_files import files_beside_model
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    ModelContract,
    OutputActivation,
    contract_to_json,
)

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


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The exit code and the output of a command."""

    exit_code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Return a function that runs a command line."""

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        try:
            exit_code = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:  # argparse
            exit_code = int(str(ended.code))
        printed = capsys.readouterr()
        return Ended(exit_code=exit_code, out=printed.out, err=printed.err)

    return run


def write_songs(root: Path) -> None:
    """Write three recordings of 2 s for a low and a high song and for background."""
    rng = np.random.default_rng(5)
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    for label, pitch_hz in {"low": 500, "high": 2_500, "background": 0}.items():
        (root / label).mkdir(parents=True)
        for take in range(3):
            song = np.sin(2 * np.pi * (pitch_hz + 20 * take) * time_s) * (np.sin(9 * time_s) > 0)
            audio = 0.3 * song * (pitch_hz > 0) + rng.normal(0, 0.02, len(time_s))
            soundfile.write(root / label / f"{take}.wav", audio, RATE_HZ)


@pytest.fixture(scope="session")
def songs() -> Callable[[Path], None]:
    """Return a function that writes recordings, with one folder for each class."""
    return write_songs


@pytest.fixture(scope="session")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recordings. Tests must not change them."""
    root = tmp_path_factory.mktemp("data") / "birds"
    write_songs(root)
    return root


@pytest.fixture(scope="session")
def contract() -> ModelContract:
    """The contract of the checkpoint."""
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
    """A checkpoint with random weights, with its configuration and labels. Tests must not change it."""
    from birdnet_stm32.model.architecture import dscnn
    from birdnet_stm32.model.checkpoints import checkpoint

    path = tmp_path_factory.mktemp("checkpoints") / "best_model.keras"
    checkpoint.save(dscnn.build_dscnn(contract, seed=1), path)
    write_tree(path.parent, files_beside_model(path, contract))
    return path


@pytest.fixture(scope="session")
def int8_model(untrained: Path, contract: ModelContract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint as int8, with its configuration and labels. Tests must not change it."""
    from birdnet_stm32.model.checkpoints import checkpoint
    from birdnet_stm32.quant.convert import convert

    shape = contract.frontend.input_shape
    calibration = np.random.default_rng(0).random((8, *shape)).astype(np.float32)
    path = tmp_path_factory.mktemp("int8") / "model.tflite"
    path.write_bytes(convert(checkpoint.load(untrained, contract), calibration))
    write_tree(path.parent, files_beside_model(path, contract))
    return path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: ModelContract) -> Path:
    """The current folder, with good and bad files."""
    monkeypatch.chdir(tmp_path)
    write_songs(tmp_path / "songs")
    (tmp_path / "folder").mkdir()
    for name in ("empty.tflite", "empty.keras", "empty.wav", "empty.bin", "empty.json"):
        (tmp_path / name).touch()
    noise = np.random.default_rng(6).bytes(4_000)
    for name in ("noise.tflite", "noise.keras", "noise.wav", "noise.bin", "noise.json", "noise.txt"):
        (tmp_path / name).write_bytes(noise)
    config = canonical_json(contract_to_json(contract))
    for name in ("empty_model_config", "noise_model_config", "gone_model_config", "config"):
        (tmp_path / f"{name}.json").write_text(config)
    (tmp_path / "object.json").write_text("{}")
    (tmp_path / "labels.csv").write_text("file,label\n")
    (tmp_path / "learned_from.tsv").write_text("sha256\tuse\n")
    (tmp_path / "list.json").write_text("[]")
    # A stack pointer and an entry in thumb mode, as an application's vector table begins.
    (tmp_path / "firmware.bin").write_bytes(struct.pack("<II", 0x3410_0000, 0x3400_0801) + bytes(2_000))
    return tmp_path


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
