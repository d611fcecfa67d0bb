"""A recording with what was detected in it: what the writers of tables take."""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.audio.recorders.recorder_details import RecorderDetails
from birdnet_stm32.detect.event import Event


@dataclass(frozen=True, kw_only=True)
class DetectedRecording:
    """A recording with its events.

    Args:
        path: its name in tables, with forward slashes: as the user named it, or below the folder that the
            user named.
        full_path: its absolute path, for programs that open the recording from a table.
        sample_rate_hz: rate of the model, in which positions are counted.
        samples: length at that rate.
        details: when, where and with which device it was recorded, as far as its file says.
        events: what was detected, by start.
        notes: what was repaired, guessed or left out while it was read; one line each.
    """

    path: str
    full_path: str
    sample_rate_hz: int
    samples: int
    details: RecorderDetails
    events: tuple[Event, ...]
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.samples / self.sample_rate_hz
