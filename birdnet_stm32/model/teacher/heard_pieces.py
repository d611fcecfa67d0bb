"""Keep what a teacher said, piece by piece on disk, so that nothing is heard twice.

A piece is a part of a recording: at most ``WINDOWS_IN_A_PIECE`` windows. Its file is named by a digest of
everything that the scores depend on: the samples of the recording, the windows, the teacher and its outputs.
So a run that was killed goes on where it was, and only a recording that changed is heard again.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import ShardedRecording, WindowSet
from birdnet_stm32.audio.shards.write_shards import decoder_fingerprint
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.model.teacher.hear_windows import HeardWindows
from birdnet_stm32.model.teacher.teacher import Teacher

WINDOWS_IN_A_PIECE = 128
_FORMAT = 1  # raised when other scores come out of the same audio
_SUFFIX = ".npz"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Windows of one recording that are heard together.

    Args:
        recording: the recording.
        rows: numbers of the windows in their set, int64 ``[windows]``.
        starts: first sample of each window, int64 ``[windows]``.
        key: digest of everything that their scores depend on.
    """

    recording: ShardedRecording
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    key: str


def cut_pieces(windows: WindowSet, teacher: Teacher, outputs: NDArray[np.int64]) -> list[Piece]:
    """Divide the windows that may be learned from into pieces, in the order of the windows.

    Args:
        windows: the windows.
        teacher: the teacher.
        outputs: numbers of the outputs to keep.
    """
    asked = hashlib.sha256(
        canonical_json(
            {
                "format": _FORMAT,
                "teacher": teacher.digest,
                "outputs": outputs.tolist(),
                "decoder": decoder_fingerprint(),
            }
        ).encode()
    ).hexdigest()
    rows = np.flatnonzero(windows.chosen)
    pieces = []
    changes = np.flatnonzero(np.diff(windows.recording_of[rows])) + 1
    for of_one in np.split(rows, changes) if len(rows) else []:
        recording = windows.recordings[windows.recording_of[of_one[0]]]
        for begin in range(0, len(of_one), WINDOWS_IN_A_PIECE):
            part = of_one[begin : begin + WINDOWS_IN_A_PIECE]
            starts = windows.start_sample[part]
            key = _key(asked, recording, starts, windows.window_shape)
            pieces.append(Piece(recording=recording, rows=part, starts=starts, key=key))
    return pieces


def _key(asked: str, recording: ShardedRecording, starts: NDArray[np.int64], shape: WindowShape) -> str:
    text = canonical_json(
        {
            "asked": asked,
            "recording": recording.digest,
            "channel": recording.channel,
            "sample_rate_hz": shape.sample_rate_hz,
            "window_samples": shape.window_samples,
            "starts": starts.tolist(),
        }
    )
    return hashlib.sha256(text.encode()).hexdigest()


def read_piece(folder: Path, piece: Piece) -> HeardWindows | None:
    """Return what the teacher said of a piece; None if it did not hear it yet, or the file is damaged."""
    try:
        with (
            (folder / (piece.key + _SUFFIX)).open("rb") as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            found = HeardWindows(
                scores=stored["scores"], first=stored["first"], embeddings=stored["embeddings"]
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # a cache that is missing or damaged: the piece is heard again
    count = len(piece.rows)
    kinds = [array.dtype.name for array in (found.scores, found.first, found.embeddings)]
    whole = len(found.scores) == len(found.first) == len(found.embeddings) == count
    return found if whole and kinds == ["float16", "int32", "float16"] else None


def write_piece(folder: Path, piece: Piece, heard: HeardWindows) -> None:
    """Keep what the teacher said of a piece. A file is there as a whole or not at all."""
    partial = folder / f".{piece.key}.{os.getpid()}"
    with partial.open("wb") as file:
        np.savez(file, scores=heard.scores, first=heard.first, embeddings=heard.embeddings)
    partial.replace(folder / (piece.key + _SUFFIX))


def remove_other_pieces(folder: Path, pieces: Iterable[Piece]) -> None:
    """Remove what the teacher said of recordings, windows or outputs that nobody asks for any more."""
    wanted = {piece.key + _SUFFIX for piece in pieces}
    for path in folder.iterdir():
        if path.is_file() and path.name not in wanted:
            path.unlink()
