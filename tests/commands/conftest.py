"""Commands run in this process, and a folder of files good and bad to run them on."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32 import cli

RATE_HZ = 8_000
CONFIG = """{
 "sample_rate": 8000, "chunk_duration": 0.5, "audio_frontend": "hybrid", "fft_length": 256,
 "spec_width": 32, "num_mels": 16, "input_compression": "sqrt", "class_names": ["low", "high"]
}"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

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
    """Return a function that writes recordings, one folder a class."""
    return write_songs


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with files good and bad."""
    monkeypatch.chdir(tmp_path)
    write_songs(tmp_path / "songs")
    (tmp_path / "folder").mkdir()
    for name in ("empty.tflite", "empty.keras", "empty.wav", "empty.bin", "empty.json"):
        (tmp_path / name).touch()
    noise = np.random.default_rng(6).bytes(4_000)
    for name in ("noise.tflite", "noise.keras", "noise.wav", "noise.bin", "noise.json", "noise.txt"):
        (tmp_path / name).write_bytes(noise)
    for name in ("empty", "noise", "gone"):
        (tmp_path / f"{name}_model_config.json").write_text(CONFIG)
    (tmp_path / "config.json").write_text(CONFIG)
    (tmp_path / "object.json").write_text("{}")
    (tmp_path / "list.json").write_text("[]")
    # A stack pointer and an entry in thumb mode, as an application's vector table begins.
    (tmp_path / "firmware.bin").write_bytes(struct.pack("<II", 0x3410_0000, 0x3400_0801) + bytes(2_000))
    return tmp_path
