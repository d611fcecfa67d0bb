"""Keep the calls of annotated recordings in a Parquet table, for later stages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.audio.annotations.annotated_folder import AnnotatedRecording
from birdnet_stm32.audio.annotations.call_spans import AnnotatedCall
from birdnet_stm32.files import parquet_table


@dataclass(frozen=True, kw_only=True)
class CallRow:
    """One call; or a recording without calls, which has one row with an empty label.

    Args:
        path: the recording, relative to its folder.
        label: the class of the model.
        start_s: start of the call in seconds.
        end_s: its end, in the same way.
        snr_db: its signal-to-noise ratio in dB; NaN if it is not known.
    """

    path: str
    label: str
    start_s: float
    end_s: float
    snr_db: float


def write_calls(recordings: Iterable[AnnotatedRecording], path: Path, *, below: str = "") -> None:
    """Write the calls of annotated recordings.

    Args:
        recordings: the recordings.
        path: the Parquet table.
        below: what to put before the path of each recording, such as ``soundscapes/``.
    """
    rows: list[CallRow] = []
    for one in recordings:
        if not one.calls:
            rows.append(CallRow(path=below + one.path, label="", start_s=0.0, end_s=0.0, snr_db=math.nan))
        for call in one.calls:
            ratio = math.nan if call.snr_db is None else call.snr_db
            rows.append(
                CallRow(
                    path=below + one.path,
                    label=call.label,
                    start_s=call.start_s,
                    end_s=call.end_s,
                    snr_db=ratio,
                )
            )
    parquet_table.write(rows, CallRow, path)


def read_calls(path: Path) -> dict[str, tuple[AnnotatedCall, ...]]:
    """Return the calls of each annotated recording by its path; none for a recording without calls.

    Args:
        path: a table that :func:`write_calls` wrote.

    Raises:
        InputError: it is missing or damaged.
    """
    found: dict[str, list[AnnotatedCall]] = {}
    for row in parquet_table.read(path, CallRow):
        calls = found.setdefault(row.path, [])
        if row.label:
            calls.append(
                AnnotatedCall(
                    label=row.label,
                    start_s=row.start_s,
                    end_s=row.end_s,
                    snr_db=None if math.isnan(row.snr_db) else row.snr_db,
                )
            )
    return {name: tuple(calls) for name, calls in found.items()}
