"""Have a teacher hear windows: the audio around the centre of each window, as much as the teacher takes.

A teacher that takes more than a window hears what the recording holds around it, and zeros where the
recording ends. A teacher that takes less hears the window in several places; the highest score of a class
counts, and the mean of the embeddings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import ShardedRecording, read_samples
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.model.teacher.network import Floats
from birdnet_stm32.model.teacher.teacher import Teacher
from birdnet_stm32.pcm import FULL_SCALE

Starts = NDArray[np.int64]

_AT_A_TIME = 16  # pieces of audio in memory


@dataclass(frozen=True, kw_only=True)
class HeardWindows:
    """What a teacher says of windows.

    Args:
        scores: probabilities of the classes that were asked for, float16 ``[windows, classes]``; NaN where
            the teacher says nothing.
        first: number of the teacher's output with the highest score, of all its outputs, int32 ``[windows]``;
            -1 where it says nothing.
        embeddings: embeddings of length 1, float16 ``[windows, dim]``; a row of NaN where there is none; dim
            is 0 if the teacher has none.
    """

    scores: NDArray[np.float16]
    first: NDArray[np.int32]
    embeddings: NDArray[np.float16]


def hear_windows(
    teacher: Teacher,
    outputs: NDArray[np.int64],
    folder: Path,
    recording: ShardedRecording,
    starts: Starts,
    shape: WindowShape,
) -> HeardWindows:
    """Have a teacher hear windows of one recording.

    Args:
        teacher: the teacher.
        outputs: numbers of the outputs to keep, int64 ``[classes]``.
        folder: the folder of the shards.
        recording: the recording.
        starts: first sample of each window, int64 ``[windows]``.
        shape: rate and length of the windows.

    Raises:
        InputError: the shard is damaged, or the outputs are not what the teacher says.
    """
    places = window_places(shape, teacher.window_s)
    scores, embeddings = [], []
    for audio in _batches(teacher, folder, recording, (starts[:, np.newaxis] + places).reshape(-1), shape):
        heard = teacher.hear(audio)
        scores.append(heard.values)
        embeddings.append(
            np.zeros((len(audio), 0), np.float32) if heard.embeddings is None else heard.embeddings
        )
    values = _highest(np.concatenate(scores).reshape(len(starts), len(places), -1))
    vectors = np.concatenate(embeddings).reshape(len(starts), len(places), -1).mean(axis=1)
    kept = values[:, outputs]
    return HeardWindows(
        scores=np.where(np.isfinite(kept), kept, np.nan).astype(np.float16),
        first=first_class(values),
        embeddings=unit_length(vectors),
    )


def window_places(shape: WindowShape, heard_s: float) -> Starts:
    """Return where a teacher listens, in samples from the start of a window, so that it hears all of it.

    Args:
        shape: rate and length of the windows.
        heard_s: how much the teacher hears at a time, in seconds.

    >>> shape = WindowShape(sample_rate_hz=10, window_samples=20, hop_samples=10)
    >>> window_places(shape, 3.0).tolist(), window_places(shape, 1.0).tolist()
    ([-5], [0, 10])
    """
    heard = heard_samples(shape, heard_s)
    count = max(1, math.ceil(shape.window_samples / heard))
    room = shape.window_samples - heard
    if count == 1:
        return np.array([room // 2], np.int64)
    return np.rint(np.linspace(0, room, count)).astype(np.int64)


def heard_samples(shape: WindowShape, heard_s: float) -> int:
    """Return how many samples of a recording, at the rate of the windows, the teacher hears at a time."""
    return round(heard_s * shape.sample_rate_hz)


def _batches(
    teacher: Teacher, folder: Path, recording: ShardedRecording, starts: Starts, shape: WindowShape
) -> Iterator[Floats]:
    for begin in range(0, len(starts), _AT_A_TIME):
        part = starts[begin : begin + _AT_A_TIME].tolist()
        yield np.stack([piece_of_audio(teacher, folder, recording, start, shape) for start in part])


def piece_of_audio(
    teacher: Teacher, folder: Path, recording: ShardedRecording, start: int, shape: WindowShape
) -> Floats:
    """Return what a teacher hears from one place of a recording on, at its own rate.

    Args:
        teacher: the teacher.
        folder: the folder of the shards.
        recording: the recording.
        start: the first sample at the rate of the windows; it may lie before the recording.
        shape: rate and length of the windows.

    Returns:
        float32 ``[window_samples]`` of the teacher, in [-1, 1]; zeros outside of the recording.
    """
    count = heard_samples(shape, teacher.window_s)
    inside = read_samples(folder, recording, max(0, start), count - max(0, -start))
    piece = np.zeros(count, np.float32)
    begin = max(0, -start)
    piece[begin : begin + len(inside)] = inside.astype(np.float32) / FULL_SCALE
    if shape.sample_rate_hz != teacher.sample_rate_hz:
        piece = soxr.resample(piece, shape.sample_rate_hz, teacher.sample_rate_hz)
    heard = np.zeros(teacher.window_samples, np.float32)
    whole = min(len(piece), len(heard))
    heard[:whole] = piece[:whole]
    return heard


def _highest(values: Floats) -> Floats:
    """Return the highest score of each class over several places; NaN only where all of them are."""
    if values.shape[1] == 1:
        return values[:, 0]
    found: Floats = np.fmax.reduce(values, axis=1)
    return found


def first_class(values: Floats) -> NDArray[np.int32]:
    """Return the class of the highest score, int32 ``[n]``; -1 where there is no score."""
    known = np.isfinite(values)
    best = np.where(known, values, -1).argmax(axis=1)
    return np.where(known.any(axis=1), best, -1).astype(np.int32)


def unit_length(vectors: Floats) -> NDArray[np.float16]:
    """Return vectors scaled to length 1, since only their direction is taught; NaN where there is none.

    Args:
        vectors: float32 ``[n, dim]``.
    """
    lengths = np.sqrt(np.sum(vectors.astype(np.float64) ** 2, axis=1, keepdims=True))
    usable = np.isfinite(lengths) & (lengths > 0)
    found: NDArray[np.float16] = np.where(usable, vectors / np.where(usable, lengths, 1), np.nan).astype(
        np.float16
    )
    return found
