"""What is reported of a recording: a species, from when to when, and how sure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Event:
    """One or several calls of a species, without a long pause between them.

    Positions are samples at the model's rate, from the start of the recording.

    Args:
        label: the species.
        start_samples: start of the first window that counts.
        end_samples: end of the last window that counts; never after the end of the recording.
        score: greatest probability of the windows that count, a multiple of 2**-24 from 0 to 1.
    """

    label: str
    start_samples: int
    end_samples: int
    score: float
