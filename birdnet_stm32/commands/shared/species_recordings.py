"""Read the recordings that teach a model a new species: those with the species, and those without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.audio.index.class_names import decodable, label_of
from birdnet_stm32.audio.index.recording_index import list_recordings
from birdnet_stm32.audio.shards.activity import band_powers, window_activity_db
from birdnet_stm32.audio.windows.window_positions import WindowShape, cut_window, spread_positions
from birdnet_stm32.commands.shared.messages import print_warning
from birdnet_stm32.commands.shared.recording_option import decode_recording
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import sha256_of
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted, printable

Pcm = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True, eq=False)
class SpeciesWindows:
    """The windows of some recordings.

    Args:
        pcm: int16 ``[n, samples]``.
        recordings: the recording of each window, int64 ``[n]``, numbered from 0 without gaps.
        digests: SHA-256 of each recording.
    """

    pcm: Pcm
    recordings: NDArray[np.int64]
    digests: tuple[str, ...]


def read_windows(
    root: Path,
    shape: WindowShape,
    *,
    option: str,
    channel: int,
    per_recording: int,
    most_recordings: int,
    skip: Callable[[str], bool] = lambda label: False,
    known: frozenset[str] = frozenset(),
) -> SpeciesWindows:
    """Return the most active windows of the recordings in a folder and below it.

    Args:
        root: the folder.
        shape: rate, length and hop of the windows.
        option: the option that names the folder, for messages.
        channel: the channel of each recording; 0 for the average.
        per_recording: greatest number of windows of one recording.
        most_recordings: greatest number of recordings; they are evenly spread over the folder.
        skip: returns whether the recordings in a folder of this name are left out.
        known: digests of recordings that are left out.

    Raises:
        InputError: there is no such folder, or no recording in it can be used.
    """
    listed = [
        file for file in list_recordings(root, named=option, expected="audio files") if not file.is_folder
    ]
    wanted = [file for file in listed if not skip(label_of(decodable(file.path)))]
    chosen = [wanted[number] for number in spread_positions(len(wanted), most_recordings)] if wanted else []
    pcm: list[Pcm] = []
    numbers: list[int] = []
    digests: list[str] = []
    unusable: dict[str, str] = {}
    with track(option.lstrip("-")) as report:
        for number, file in enumerate(chosen, start=1):
            path = root / file.path
            decoded: Pcm | Unusable = (
                Unusable(reason=file.problem)
                if file.problem
                else decode_recording(path, sample_rate_hz=shape.sample_rate_hz, channel=channel)
            )
            if isinstance(decoded, Unusable):
                unusable[file.path] = decoded.reason
            elif (digest := sha256_of(path)) not in known and digest not in digests:
                cut = _active_windows(decoded, shape, per_recording)
                numbers.extend([len(digests)] * len(cut))
                digests.append(digest)
                pcm.extend(cut)
            report(number, len(chosen))
    if unusable:
        name, reason = next(iter(unusable.items()))
        print_warning(
            f"{option}: left out {counted(len(unusable), 'recording')}, such as "
            f"{printable(decodable(name))}: {reason}"
        )
    if not pcm:
        raise InputError(
            f"holds no recording that can be used; {counted(len(listed), 'file')} found",
            where=f"{root} ({option})",
            expected="wav, flac, ogg or mp3 files",
        )
    return SpeciesWindows(pcm=np.stack(pcm), recordings=np.array(numbers, np.int64), digests=tuple(digests))


def _active_windows(pcm: Pcm, shape: WindowShape, most: int) -> list[Pcm]:
    """Return the windows in which most can be heard, in the order of the recording."""
    starts = np.array(shape.starts(len(pcm)))
    if len(starts) > most:
        powers = band_powers([pcm], WindowsTable().band_hz, shape.sample_rate_hz)
        activity = window_activity_db(powers, starts, shape.window_samples, shape.sample_rate_hz)
        starts = np.sort(starts[np.argsort(-activity, kind="stable")[:most]])
    return [cut_window(pcm, int(start), shape.window_samples) for start in starts]
