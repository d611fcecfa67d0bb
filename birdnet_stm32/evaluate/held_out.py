"""Join windows, what their recordings hold, and what a model scored: what accuracy is measured from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.windows.window_positions import spread_positions
from birdnet_stm32.evaluate import chance
from birdnet_stm32.evaluate.accuracy_document import LeftOut
from birdnet_stm32.evaluate.chance import Hearing
from birdnet_stm32.evaluate.scored_windows import Call, Floats, Indices, ScoredRecording, ScoredWindows

MOST_SHUFFLED = 4_096  # windows whose classes are shuffled to find chance: a thousand copies are in memory
UNKNOWN_CLASS = "of a class that the model does not know"


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Windows that a model can be judged by.

    Args:
        windows: the windows.
        left_out: recordings that cannot judge it, by reason.
    """

    windows: WindowSet
    left_out: tuple[LeftOut, ...]


def judging_windows(
    windows: WindowSet,
    labels: Sequence[str],
    annotated: Mapping[str, Sequence[Call]],
    learned: Mapping[str, str],
) -> HeldOut:
    """Leave out the recordings that cannot judge a model.

    Args:
        windows: windows that nothing else used.
        labels: classes of the model.
        annotated: calls by the path of an annotated recording.
        learned: recordings that the model is known to have learned from, by SHA-256.
    """
    known = set(labels)
    reasons: list[str] = []
    positives = _positives_of_recordings(windows)
    for number, recording in enumerate(windows.recordings):
        if recording.digest in learned:
            reasons.append("from which the model learned")
        elif (
            recording.background
            or recording.path in annotated
            or known & positives.get(number, frozenset({recording.label}))
        ):
            reasons.append("")
        else:
            reasons.append(UNKNOWN_CLASS)
    present = np.unique(windows.recording_of).tolist()
    counts = Counter(reasons[number] for number in present if reasons[number])
    judging = np.array([not reason for reason in reasons], bool)
    return HeldOut(
        windows=windows.where(judging[windows.recording_of]),
        left_out=tuple(LeftOut(reason=reason, count=count) for reason, count in sorted(counts.items())),
    )


def scored_windows(
    windows: WindowSet,
    probabilities: Mapping[str, Floats],
    labels: tuple[str, ...],
    *,
    annotated: Mapping[str, Sequence[Call]] | None = None,
    sample: Indices | None = None,
    firmware: Floats | None = None,
) -> ScoredWindows:
    """Join windows, what their recordings hold, and what a model scored.

    Args:
        windows: the windows.
        probabilities: float32 ``[windows, classes]`` by form of the model.
        labels: classes of the model.
        annotated: calls by the path of an annotated recording; others are labelled as a whole.
        sample: positions of the windows that the emulated firmware computed.
        firmware: its probabilities for these.
    """
    calls = annotated or {}
    known = set(labels)
    used, recording_of = np.unique(windows.recording_of, return_inverse=True)
    positives, unjudged = _positives_of_recordings(windows), _unjudged_of_recordings(windows)
    recordings = []
    for number in used.tolist():
        one = windows.recordings[number]
        of_one = tuple(call for call in calls[one.path] if call.label in known) if one.path in calls else None
        held = {call.label for call in of_one} if of_one is not None else positives[number] & known
        recordings.append(
            ScoredRecording(
                path=one.path,
                recording=one.recording,
                duration_s=one.duration_s,
                labels=tuple(sorted(held)),
                unjudged=tuple(sorted(unjudged[number] & known - held)),
                calls=of_one,
            )
        )
    return ScoredWindows(
        labels=labels,
        recordings=tuple(recordings),
        recording_of=recording_of.astype(np.int64),
        start_s=windows.start_s,
        window_s=windows.window_shape.window_samples / windows.window_shape.sample_rate_hz,
        probabilities=probabilities,
        sample=np.zeros(0, np.int64) if sample is None else sample,
        firmware=np.zeros((0, len(labels)), np.float32) if firmware is None else firmware,
    )


def held_out_hearing(windows: WindowSet, probabilities: Floats, labels: Sequence[str]) -> Hearing:
    """Compare a model with chance, by windows that are spread over the held-out recordings.

    Args:
        windows: the windows that it scored.
        probabilities: float32 ``[windows, classes]``.
        labels: classes of the model.
    """
    spread = spread_positions(len(windows), MOST_SHUFFLED)
    _, recordings = np.unique(
        [windows.recordings[number].recording for number in windows.recording_of[spread].tolist()],
        return_inverse=True,
    )
    return chance.hearing(
        probabilities[spread], np.maximum(windows.targets(labels)[spread], 0), recordings, split="test"
    )


def _positives_of_recordings(windows: WindowSet) -> dict[int, frozenset[str]]:
    return _labels_of_recordings(windows, [frozenset(one.positives) for one in windows.label_sets])


def _unjudged_of_recordings(windows: WindowSet) -> dict[int, frozenset[str]]:
    return _labels_of_recordings(windows, [frozenset(one.unjudged) for one in windows.label_sets])


def _labels_of_recordings(windows: WindowSet, sets: Sequence[frozenset[str]]) -> dict[int, frozenset[str]]:
    """Return the union of the label sets of each recording's windows."""
    pairs = np.unique(np.stack([windows.recording_of, windows.label_set], axis=1), axis=0)
    found: dict[int, frozenset[str]] = {}
    for number, label_set in pairs.tolist():
        found[number] = found.get(number, frozenset()) | sets[label_set]
    return found
