"""Cut windows from indexed recordings, and note where each window came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding import decode, levels
from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.recording_roots import RecordingsFolder
from birdnet_stm32.errors import InputError
from birdnet_stm32.pcm import FULL_SCALE


@dataclass(frozen=True, kw_only=True)
class WindowRow:
    """Where a window came from.

    Args:
        path: the file, relative to the root.
        recording: the recording that the file belongs to, as in the index.
        label: the class.
        background: the class is not a target species.
        start_sample: first sample of the window, at the model's rate.
        set: what the window is for. It is cut for ``calibration`` or ``validation``; the module
            ``window_roles`` then divides the former into its ``ROLES``.
        rms_db: level of the window, in dB of full scale.
        snr_db: signal-to-noise estimate of the window, in dB.
    """

    path: str
    recording: str
    label: str
    background: bool
    start_sample: int
    set: str
    rms_db: float
    snr_db: float


@dataclass(frozen=True, kw_only=True)
class CutWindows:
    """Windows and where they came from, in the same order.

    Args:
        pcm: int16 ``[n, samples]``.
        rows: one for each window.
    """

    pcm: NDArray[np.int16]
    rows: tuple[WindowRow, ...]


CutWindow = tuple[WindowRow, NDArray[np.int16]]
"""One window, int16 ``[samples]``, with its row."""


def samples_of(row: IndexRow, sample_rate_hz: int) -> int:
    """Return how many samples an indexed recording has at ``sample_rate_hz``."""
    return decode.decoded_samples(row.duration_s, row.rate_hz, sample_rate_hz)


def decode_indexed(root: RecordingsFolder, row: IndexRow, sample_rate_hz: int) -> NDArray[np.int16]:
    """Decode an indexed recording.

    Returns:
        int16 ``[samples]`` at ``sample_rate_hz``.

    Raises:
        InputError: the file changed since it was indexed, or is silent at this rate.
    """
    # The index applies the least length that is wanted.
    pcm = decode.decode(
        root / row.path, sample_rate_hz=sample_rate_hz, channel=row.channel, min_duration_s=0.0
    )
    if isinstance(pcm, Unusable) or len(pcm) != samples_of(row, sample_rate_hz):
        length_s = 0.0 if isinstance(pcm, Unusable) else len(pcm) / sample_rate_hz
        raise changed_since_indexed(root / row.path, pcm, length_s)
    return pcm


def changed_since_indexed(path: Path, decoded: object, length_s: float) -> InputError:
    """Return the error about an indexed recording that cannot be decoded as the index says.

    Args:
        path: the recording.
        decoded: an :class:`~birdnet_stm32.audio.decoding.decode.Unusable` if decoding failed.
        length_s: what was decoded, in seconds.
    """
    if isinstance(decoded, Unusable) and decoded.reason.startswith(decode.SILENT_AT):
        return InputError(
            decoded.reason,
            where=path,
            remedy=("take it out of its folder", "raise [model] sample_rate_hz"),
        )
    found = decoded.reason if isinstance(decoded, Unusable) else f"{length_s:.3f} s long"
    return InputError(f"changed since it was indexed: now {found}", where=path, remedy="run again")


def window_row(
    row: IndexRow, purpose: str, start: int, window: NDArray[np.int16], sample_rate_hz: int
) -> WindowRow:
    """Describe a window of an indexed recording, with its levels.

    Args:
        row: the recording.
        purpose: for ``WindowRow.set``.
        start: first sample of the window in the recording.
        window: int16 ``[samples]``.
        sample_rate_hz: rate of the window.
    """
    powers = levels.frame_powers(window.astype(np.float32) / np.float32(FULL_SCALE), sample_rate_hz)
    return WindowRow(
        path=row.path,
        recording=row.recording,
        label=row.label,
        background=row.background,
        start_sample=start,
        set=purpose,
        rms_db=levels.rms_db(powers),
        snr_db=levels.snr_db(powers),
    )
