"""Pictures of recordings of any length, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.detect import plot

RATE_HZ = 22_050


@pytest.mark.parametrize("seconds", [0.2, 3, 60])
def test_a_tone_is_a_line_in_the_spectrogram(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(plot, "_MOST_COLUMNS", 300)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 4_000 * time_s), RATE_HZ)
    found = plot.spectrogram_db(tmp_path / "tone.wav", len(time_s), sample_rate_hz=RATE_HZ)
    assert not isinstance(found, Unusable)
    assert found.shape[0] == 257
    assert found.shape[1] == -(-len(time_s) // max(256, -(-len(time_s) // 300)))
    loudest_hz = found.argmax(axis=0) * RATE_HZ / 512
    assert np.abs(loudest_hz[:-1] - 4_000).max() < 50


def test_equal_events_give_equal_bytes(recording: Callable[..., Any], event: Callable[..., Any]) -> None:
    one = recording("$a_b$.wav", event(), event("owl", 80_000, 160_000, 0.9))
    spectrogram = np.random.default_rng(0).normal(-60, 9, (257, 40)).astype(np.float32)
    assert plot.plot_events(one, spectrogram) == plot.plot_events(one, spectrogram)


def test_twenty_species_at_most_are_drawn(recording: Callable[..., Any], event: Callable[..., Any]) -> None:
    events = [event(f"species {number}", number) for number in range(30)]
    drawn = plot.most_frequent(recording("a.wav", *events, event("species 29", 100)))
    assert (len(drawn), drawn[0], drawn[-1]) == (20, "species 0", "species 29")
