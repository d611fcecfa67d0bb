"""Real audio files, written where a test wants them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

WriteTone = Callable[..., Path]


@pytest.fixture
def write_tone() -> WriteTone:
    """Write a 1 kHz tone in a little noise; the name's suffix decides the format."""

    def write(
        path: Path,
        *,
        seconds: float = 1.0,
        rate_hz: int = 24_000,
        channels: int = 1,
        subtype: str | None = None,
        peak: float = 0.5,
        seed: int = 0,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        noise = np.random.default_rng(seed).normal(0, 0.01, len(time_s))
        tone = peak * np.sin(2 * np.pi * 1_000 * time_s) + noise * (peak < 1)
        soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate_hz, subtype=subtype)
        return path

    return write


@pytest.fixture
def collection(tmp_path: Path, write_tone: WriteTone) -> Path:
    """Two species and background, each with four recordings of three clips; and one hopeless file."""
    root = tmp_path / "recordings"
    for number, label in enumerate(("Parus major", "Strix aluco", "background")):
        for recording in range(4):
            for clip in range(3):
                name = f"{label.split()[0].lower()}{recording}__t{clip:03d}.wav"
                write_tone(
                    root / label / name, seconds=2.5, rate_hz=8_000, seed=100 * number + 10 * recording + clip
                )
    (root / "Parus major" / "broken.flac").write_bytes(b"fLaC and then nothing that makes sense")
    return root
