"""What is heard when in a recording: segments with a label, and what a window of the recording then holds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LEAST_SHARE = 0.5
"""A window holds a segment if it covers at least this share of the segment, or the segment of the window."""


@dataclass(frozen=True, kw_only=True, order=True)
class SegmentRow:
    """A part of a recording in which a class is heard.

    A recording that has such rows holds its classes in these parts only, and a window of it outside all of
    them holds none.

    Args:
        path: the recording, as in the index.
        start_s: start, in seconds from the start of the recording.
        end_s: end, in the same way; after ``start_s`` and not after the end of the recording.
        label: the class.
    """

    path: str
    start_s: float
    end_s: float
    label: str


def labels_between(
    segments: Iterable[SegmentRow], start_s: float, end_s: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels that a window of a recording holds, and those that it holds too little of to judge.

    Args:
        segments: the segments of the recording.
        start_s: start of the window, in seconds from the start of the recording.
        end_s: its end.

    Returns:
        The labels of segments that the window covers by half, or that cover half of the window, sorted; and
        the other labels of segments that it touches, sorted.

    >>> call = SegmentRow(path="a.wav", start_s=2.0, end_s=3.0, label="owl")
    >>> labels_between([call], 0.0, 2.5), labels_between([call], 0.0, 2.1), labels_between([call], 0.0, 2.0)
    ((('owl',), ()), ((), ('owl',)), ((), ()))
    """
    held, touched = set(), set()
    for segment in segments:
        overlap_s = min(end_s, segment.end_s) - max(start_s, segment.start_s)
        if overlap_s <= 0:
            continue
        touched.add(segment.label)
        if overlap_s >= LEAST_SHARE * min(segment.end_s - segment.start_s, end_s - start_s) - 1e-9:
            held.add(segment.label)
    return tuple(sorted(held)), tuple(sorted(touched - held))


def labels_in_windows(
    segments: Sequence[SegmentRow], starts_s: Sequence[float], ends_s: Sequence[float]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield for each window of a recording what :func:`labels_between` returns.

    Only segments that can reach a window are looked at, because an hour can hold thousands of them.

    Args:
        segments: the segments of the recording.
        starts_s: start of each window, in seconds from the start of the recording.
        ends_s: its end.
    """
    ordered = sorted(segments)
    begins = [segment.start_s for segment in ordered]
    longest_s = max((segment.end_s - segment.start_s for segment in ordered), default=0.0)
    for start_s, end_s in zip(starts_s, ends_s, strict=True):
        near = ordered[bisect_left(begins, start_s - longest_s) : bisect_left(begins, end_s)]
        yield labels_between(near, start_s, end_s)
