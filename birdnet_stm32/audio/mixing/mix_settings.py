"""What is drawn for a soundscape, and from which recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class MixSettings:
    """How soundscapes are mixed.

    Args:
        files: number of soundscapes.
        minutes: length of each.
        events_per_minute: number of calls a minute, of all species together.
        others_share: share of the calls that are of other species, in [0, 1].
        snr_db: least and greatest signal-to-noise ratio in dB. It is the power of a call over that of the
            background while it lasts, both in ``band_hz``.
        length_s: least and greatest length of a call in seconds.
        band_hz: lowest and highest frequency in which the ratio is measured.
        sample_rate_hz: sample rate of the soundscapes.
        seed: of all draws.
    """

    files: int = 6
    minutes: float = 1.0
    events_per_minute: float = 14.0
    others_share: float = 1 / 3
    snr_db: tuple[float, float] = (0.0, 18.0)
    length_s: tuple[float, float] = (1.5, 3.0)
    band_hz: tuple[float, float] = (1_000.0, 11_000.0)
    sample_rate_hz: int = 24_000
    seed: int = 42

    @property
    def samples(self) -> int:
        """Number of samples of each soundscape."""
        return round(self.minutes * 60 * self.sample_rate_hz)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A recording from which calls or background are taken.

    Args:
        root: folder that the user named.
        path: relative to it.
        label: its class, or the kind of background.
        digest: SHA-256 of its bytes.
    """

    root: str
    path: str
    label: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class MixedCall:
    """A call in a soundscape.

    Args:
        start_s: its start in seconds; a whole number of milliseconds.
        end_s: its end, in the same way.
        source: the recording that it was taken from.
        target: whether it is one of the species to find.
        snr_db: its signal-to-noise ratio in dB, a multiple of 0.1.
    """

    start_s: float
    end_s: float
    source: Source
    target: bool
    snr_db: float


ReadSource = Callable[[Source], NDArray[np.float32]]
"""Returns the samples of a recording, float32 ``[n]`` in [-1, 1], at the sample rate of the soundscapes."""
