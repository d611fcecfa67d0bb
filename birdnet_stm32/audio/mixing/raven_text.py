"""Write the calls of a soundscape as a Raven selection table."""

from __future__ import annotations

from collections.abc import Iterable

from birdnet_stm32.audio.mixing.mix_settings import MixedCall
from birdnet_stm32.files.parquet_table import to_text

HEADER = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)"),
    *("Species", "Target", "SNR (dB)", "Recording"),
)


def raven_text(calls: Iterable[MixedCall], band_hz: tuple[float, float]) -> str:
    """Return a Raven selection table, with columns of its own after those of Raven.

    ``Target`` is 1 for a species to find and 0 for another one, ``Recording`` the file that the call was
    taken from.

    Args:
        calls: the calls, by start.
        band_hz: lowest and highest frequency, which are the same for all calls.
    """
    low, high = (f"{one:g}" for one in band_hz)
    rows = [
        (
            *(number, "Spectrogram 1", 1, f"{call.start_s:.3f}", f"{call.end_s:.3f}", low, high),
            *(call.source.label, int(call.target), f"{call.snr_db:.1f}", call.source.path),
        )
        for number, call in enumerate(calls, start=1)
    ]
    return to_text(HEADER, rows)
