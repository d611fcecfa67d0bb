"""Calls as spans of time: cut at the end of their recording, and joined where they overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from birdnet_stm32.audio.annotations.annotation_table import Annotation
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import printable

_ROUNDING_S = 1e-3  # tables have times in milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnotatedCall:
    """One call of a class of the model.

    Args:
        label: the class.
        start_s: its start, in seconds from the start of the recording.
        end_s: its end, in the same way.
        snr_db: signal-to-noise ratio in dB, if the table has it.
    """

    label: str
    start_s: float
    end_s: float
    snr_db: float | None = None


def clipped(
    annotation: Annotation, duration_s: float, window_s: float, *, recording: str, where: str
) -> float:
    """Return the end of a call, or that of its recording if the call ends a little after it.

    Args:
        annotation: the call.
        duration_s: length of the recording in seconds.
        window_s: how much later than its recording a call may end, in seconds.
        recording: name of the recording in errors.
        where: table and line in errors.

    Raises:
        InputError: the call starts after the recording, or ends more than ``window_s`` after it. The table
            then belongs to another recording.
    """
    if annotation.end_s <= duration_s + _ROUNDING_S:
        return annotation.end_s
    if annotation.start_s < duration_s and annotation.end_s <= duration_s + window_s:
        return duration_s
    raise InputError(
        f"a call from {annotation.start_s:g} to {annotation.end_s:g} s lies beyond the recording "
        f"{printable(recording, longest=120)}, which lasts {duration_s:g} s",
        where=where,
        expected=f"calls within the recording, or ending at most {window_s:g} s after it",
        remedy="check that the table belongs to this recording, and that times count from its start",
    )


def merged(calls: Iterable[AnnotatedCall]) -> tuple[AnnotatedCall, ...]:
    """Return calls in which those of one class do not overlap.

    Overlapping ones become one call, from the first start to the last end, with the greater of the
    signal-to-noise ratios, because the louder one is heard.

    Args:
        calls: the calls of one recording, in any order.

    Returns:
        The calls by start, end and label.
    """
    last: dict[str, AnnotatedCall] = {}
    found: list[AnnotatedCall] = []
    for call in sorted(calls, key=lambda one: (one.start_s, one.end_s, one.label)):
        before = last.get(call.label)
        if before is not None and call.start_s < before.end_s:
            ratios = [one.snr_db for one in (before, call) if one.snr_db is not None]
            last[call.label] = replace(
                before, end_s=max(before.end_s, call.end_s), snr_db=max(ratios, default=None)
            )
            continue
        if before is not None:
            found.append(before)
        last[call.label] = call
    return tuple(sorted([*found, *last.values()], key=lambda one: (one.start_s, one.end_s, one.label)))
