"""Recordings with events, as the writers of tables take them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from birdnet_stm32.audio.recorders.recorder_details import Certainty, ClockSource, RecorderDetails
from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.recording import DetectedRecording

RATE_HZ = 22_050
WINDOW = 66_150
BLACKBIRD, NUTCRACKER = "Turdus merula_Eurasian Blackbird", "Nucifraga columbiana_Clark's Nutcracker"
SUMMER = timezone(timedelta(hours=2))


def an_event(label: str = BLACKBIRD, start: int = 0, end: int = WINDOW, score: float = 0.5) -> Event:
    return Event(label=label, start_samples=start, end_samples=end, score=score)


def a_recording(path: str = "day 1/a.wav", *events: Event, **more: Any) -> DetectedRecording:
    return DetectedRecording(
        **{
            "path": path,
            "full_path": f"/data/birds/{path}",
            "sample_rate_hz": RATE_HZ,
            "samples": 60 * RATE_HZ + 7,
            "details": RecorderDetails(),
            "events": events,
            **more,
        }
    )


@pytest.fixture
def event() -> Callable[..., Event]:
    """Return a function that makes an event."""
    return an_event


@pytest.fixture
def recording() -> Callable[..., DetectedRecording]:
    """Return a function that makes a recording with events."""
    return a_recording


@pytest.fixture
def three_recordings() -> list[DetectedRecording]:
    """Recordings with date and place, with a date alone, and with neither and without events."""
    dated = RecorderDetails(
        start=datetime(2026, 5, 1, 23, 59, 30, tzinfo=SUMMER),
        start_source=ClockSource.GUANO,
        certainty=Certainty.STATED,
        latitude=48.25,
        longitude=-3.5,
    )
    zoneless = RecorderDetails(
        start=datetime(2026, 5, 3, 4, 30), start_source=ClockSource.NAME, certainty=Certainty.ZONE_UNKNOWN
    )
    return [
        a_recording(
            "day 1/20260501_235930.wav",
            an_event(start=33_075, end=33_075 + 2 * WINDOW, score=0.91796875),
            an_event(NUTCRACKER, 60 * RATE_HZ + 7 - WINDOW, 60 * RATE_HZ + 7, 0.5),
            details=dated,
        ),
        a_recording("day 2/quiet.flac", samples=90 * RATE_HZ),
        a_recording("day 2/20260503_043000.wav", an_event(score=0.75), details=zoneless),
    ]
