"""What ``detect`` prints at its end: which species, how often, how sure, and where first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from birdnet_stm32.audio.annotations.species_names import parts_of
from birdnet_stm32.commands.shared.detector import Detector
from birdnet_stm32.detect.allowed_windows import SpeciesFilter
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.terminal_text import counted, printable

RUN = "detect.json"
_MOST_SPECIES = 20
_LONGEST_NAME = 40
_LONGEST_PATH = 50


def run_text(detector: Detector, recordings: Sequence[DetectedRecording], refused: Mapping[str, str]) -> str:
    """Return as JSON what was asked for and what came of it, for those who find the tables later.

    Args:
        detector: the model and its rules.
        recordings: the recordings with their events.
        refused: why each of the others could not be used.
    """
    rules = detector.rules
    return canonical_json(
        {
            "command": "detect",
            "model_sha256": hashlib.sha256(detector.tflite).hexdigest(),
            "rule": rules.sentence,
            "thresholds": dict(zip(rules.labels, rules.thresholds, strict=True)),
            "window_s": rules.shape.window_samples / rules.shape.sample_rate_hz,
            "hop_s": rules.shape.hop_samples / rules.shape.sample_rate_hz,
            "channel": detector.channel or "mix",
            "species": _species(detector.species_filter),
            "recordings": len(recordings),
            "seconds": round(sum(one.duration_s for one in recordings), 3),
            "events": sum(len(one.events) for one in recordings),
            "notes": {printable(one.path): list(one.notes) for one in recordings if one.notes},
            "left_out": {printable(path): reason for path, reason in refused.items()},
        }
    )


def _species(chosen: SpeciesFilter | None) -> str | dict[str, object]:
    """Return which species may be reported; the file ``species.csv`` beside this one says when."""
    if chosen is None:
        return "all"
    listed = chosen.species_list
    return {
        "listed": [listed.labels[index] for index in sorted(listed.species)],
        "unknown": [name for _, name in listed.unknown],
        "place": chosen.place,
        "zone": None if chosen.zone is None else str(chosen.zone),
    }


def summary_lines(recordings: Sequence[DetectedRecording]) -> list[str]:
    """Return a table of the species, the most frequent first; one line if nothing was detected.

    Args:
        recordings: the recordings with their events, sorted by name.
    """
    events: dict[str, int] = {}
    heard_in: dict[str, int] = {}
    best: dict[str, tuple[float, str, float]] = {}
    for recording in recordings:
        for event in recording.events:
            events[event.label] = events.get(event.label, 0) + 1
            start_s = event.start_samples / recording.sample_rate_hz
            if event.label not in best or event.score > best[event.label][0]:
                best[event.label] = (event.score, recording.path, start_s)
        for label in {event.label for event in recording.events}:
            heard_in[label] = heard_in.get(label, 0) + 1
    if not events:
        return ["nothing was detected"]
    shown = sorted(events, key=lambda label: (-events[label], label))[:_MOST_SPECIES]
    names = {label: printable(parts_of(label)[1] or label, longest=_LONGEST_NAME) for label in shown}
    width = max(len("species"), *(len(name) for name in names.values()))
    lines = [f"{'species':<{width}}  events  recordings  best score, at"]
    for label in shown:
        score, path, start_s = best[label]
        lines.append(
            f"{names[label]:<{width}}  {events[label]:>6,}  {heard_in[label]:>10,}  {score:.3f}  "
            f"{_end_of(path)} {clock_text(start_s)}"
        )
    more = len(events) - len(shown)
    return [*lines, f"and {more:,} more species"] if more else lines


def clock_text(seconds: float) -> str:
    """Return a position in a recording as minutes and seconds, or with hours.

    >>> clock_text(75.5), clock_text(4_000)
    ('1:15', '1:06:40')
    """
    whole = int(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02d}"
    return f"{whole // 3_600}:{minutes:0>5}" if whole >= 3_600 else minutes


def _end_of(path: str) -> str:
    """Return a path, or its end if it is long: the end tells recordings apart."""
    shown = printable(path)
    return shown if len(shown) <= _LONGEST_PATH else f"...{shown[3 - _LONGEST_PATH :]}"


def totals_line(recordings: Sequence[DetectedRecording]) -> str:
    """Return how much was heard, and what was found in it."""
    events = sum(len(one.events) for one in recordings)
    species = len({event.label for one in recordings for event in one.events})
    hours = sum(one.duration_s for one in recordings) / 3_600
    length = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"
    places = counted(len(recordings), "recording")
    return f"{counted(events, 'event')} of {species:,} species in {places}, {length}"
