"""Measure how well a model hears calls in soundscapes, by the rule of docs/benchmarks.md.

A window counts for a call if it covers at least half of the call or half of the window lies in the call. A
false alarm is a window and a species whose call it does not touch. ``birdnet-stm32 evaluate`` counts in a way
of its own, which is stricter about windows that touch a call.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call in a soundscape: the species, from when to when."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a model hears in soundscapes.

    Args:
        recall: share of the calls that are found at the threshold of one false alarm a minute.
        recall_at_half: share of the calls that are found at the threshold 0.5.
        alarms_per_minute_at_half: false alarms a minute at the threshold 0.5.
        average_precision: of all pairs of window and species in one ranking.
    """

    recall: float
    recall_at_half: float
    alarms_per_minute_at_half: float
    average_precision: float


def read_calls(table: Path, labels: Sequence[str]) -> list[Call]:
    """Read the calls of some species from a Raven selection table."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Call(
            label=row["Species"],
            start_s=float(row["Begin Time (s)"]),
            end_s=float(row["End Time (s)"]),
        )
        for row in rows
        if row["Species"] in labels
    ]


def measure_hearing(
    soundscapes: Sequence[tuple[Floats, Sequence[Call]]],
    labels: Sequence[str],
    *,
    window_s: float,
    hop_s: float,
    minutes: float,
) -> Heard:
    """Measure a model by its scores of the windows of soundscapes.

    Args:
        soundscapes: of each soundscape, the probabilities float32 ``[windows, classes]`` and its calls.
        labels: classes of the model.
        window_s: length of a window in seconds.
        hop_s: seconds from the start of one window to the next.
        minutes: length of all soundscapes together.
    """
    best: list[float] = []
    scores, held, untouched = [], [], []
    for probabilities, calls in soundscapes:
        hits = np.zeros(probabilities.shape, bool)
        touched = np.zeros(probabilities.shape, bool)
        starts_s = hop_s * np.arange(len(probabilities))
        for call in calls:
            column = labels.index(call.label)
            covered_s = np.minimum(call.end_s, starts_s + window_s) - np.maximum(call.start_s, starts_s)
            enough = covered_s >= min(call.end_s - call.start_s, window_s) / 2
            hits[enough, column] = True
            touched[covered_s > 0, column] = True
            best.append(float(probabilities[enough, column].max(initial=0)))
        scores.append(probabilities.ravel())
        held.append(hits.ravel())
        untouched.append(probabilities[~touched])
    wrong, found = np.sort(np.concatenate(untouched))[::-1], np.array(best)
    threshold = wrong[int(minutes)]  # as many are above it as there are minutes
    return Heard(
        recall=float(np.mean(found > threshold)),
        recall_at_half=float(np.mean(found >= 0.5)),
        alarms_per_minute_at_half=float(np.sum(wrong >= 0.5) / minutes),
        average_precision=float(average_precision_score(np.concatenate(held), np.concatenate(scores))),
    )
