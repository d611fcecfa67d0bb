"""What a teacher is given to hear, what is kept of its answers, and that nothing is heard twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.teacher import teacher_scores
from birdnet_stm32.model.teacher.hear_window_set import hear_window_set
from birdnet_stm32.model.teacher.hear_windows import (
    first_class,
    hear_windows,
    piece_of_audio,
    unit_length,
    window_places,
)
from birdnet_stm32.model.teacher.heard_pieces import WINDOWS_IN_A_PIECE, cut_pieces
from birdnet_stm32.model.teacher.teacher import Teacher
from birdnet_stm32.model.teacher.teacher_classes import map_classes
from birdnet_stm32.model.teacher.teacher_scores import TeacherScores, open_scores
from tests.model.teacher.conftest import PITCHES_HZ, SAMPLES, SHAPE, Floats, tone, window_set

OWL, TIT = "Strix aluco_Waldkauz", "Parus major_Kohlmeise"
CLASSES = (TIT, OWL, "Corvus corax_Raven")


def song(pitch_hz: float, samples: int = 12_000) -> Floats:
    return tone(pitch_hz, samples)


@pytest.fixture
def known(teacher: Teacher) -> object:
    return map_classes(CLASSES, teacher.labels)


def two_songs(folder: Path, owl_hz: float = PITCHES_HZ[1]) -> object:
    return window_set(
        folder, [(OWL, "train", song(owl_hz)), ("", "train", song(50)), (TIT, "train", song(PITCHES_HZ[2]))]
    )


def heard(windows: object, teacher: Teacher, out: Path, kept: Path) -> tuple[TeacherScores, int]:
    out.mkdir()
    classes = map_classes(CLASSES, teacher.labels)
    return hear_window_set(windows, teacher, classes, out, pieces_folder=kept, n_jobs=2)  # type: ignore[arg-type]


def test_a_longer_window_takes_what_is_around(tmp_path: Path, teacher: Teacher) -> None:
    audio = np.linspace(-0.5, 0.5, 9_000, dtype=np.float32)
    windows = window_set(tmp_path / "shards", [(OWL, "train", audio)])
    recording, places = windows.recordings[0], window_places(SHAPE, teacher.window_s)
    assert places.tolist() == [(SHAPE.window_samples - SAMPLES) // 2]
    inside = piece_of_audio(teacher, windows.folder, recording, 2_000 + int(places[0]), SHAPE)
    assert np.allclose(inside, audio[1_000:7_000], atol=1e-4)
    before = piece_of_audio(teacher, windows.folder, recording, int(places[0]), SHAPE)
    assert not before[:1_000].any()
    assert np.allclose(before[1_000:], audio[:5_000], atol=1e-4)
    after = piece_of_audio(teacher, windows.folder, recording, 5_000 + int(places[0]), SHAPE)
    assert np.allclose(after[:5_000], audio[4_000:], atol=1e-4)
    assert not after[5_000:].any()


def test_another_sample_rate_is_resampled(tmp_path: Path, teacher: Teacher) -> None:
    windows = window_set(tmp_path / "shards", [(OWL, "train", song(400))])
    fast = replace(teacher, sample_rate_hz=16_000)
    start = int(window_places(SHAPE, fast.window_s)[0]) + 4_000
    found = piece_of_audio(fast, windows.folder, windows.recordings[0], start, SHAPE)
    wanted = tone(400, 40_000, rate_hz=16_000)[2 * start :][:SAMPLES]
    assert np.abs(found - wanted)[200:-200].max() < 0.01


def test_a_shorter_window_is_heard_in_several_places(tmp_path: Path, teacher: Teacher) -> None:
    audio = np.concatenate([np.zeros(2_000, np.float32), tone(PITCHES_HZ[1], 2_000)])
    windows = window_set(tmp_path / "shards", [(OWL, "train", audio)])
    short = replace(teacher, sample_rate_hz=24_000)  # hears 0.25 s, half of the student's window
    assert window_places(SHAPE, short.window_s).tolist() == [0, 2_000]
    found = hear_windows(
        short, np.arange(3), windows.folder, windows.recordings[0], windows.start_sample, SHAPE
    )
    assert found.scores.shape == (1, 3)


def test_scores_are_in_the_order_of_the_windows(tmp_path: Path, teacher: Teacher) -> None:
    windows = two_songs(tmp_path / "shards")
    scores, count = heard(windows, teacher, tmp_path / "out", tmp_path / "kept")
    assert scores.labels == (TIT, OWL)
    assert count == len(windows) == 15  # type: ignore[arg-type]
    rows = scores.rows_of(windows)  # type: ignore[arg-type]
    found = scores.scores[rows]
    assert found.dtype == np.float16
    assert (found[:5, 1] > 0.9).all()
    assert (found[10:, 0] > 0.9).all()
    assert found[5:10].max() < 0.1
    assert scores.first[:5].tolist() == [1] * 5  # the teacher's output, not the student's class
    lengths = np.linalg.norm(scores.embeddings[rows].astype(np.float32), axis=1)
    assert np.allclose(lengths, 1, atol=1e-2)


def test_a_part_of_the_windows_has_its_own_rows(tmp_path: Path, teacher: Teacher) -> None:
    windows = two_songs(tmp_path / "shards")
    scores, _ = heard(windows, teacher, tmp_path / "out", tmp_path / "kept")
    part = windows.where(np.arange(15) % 4 == 1)  # type: ignore[attr-defined]
    assert scores.rows_of(part).tolist() == [1, 5, 9, 13]
    moved = replace(part, start_sample=part.start_sample + 1)
    with pytest.raises(InputError, match="heard other windows"):
        scores.rows_of(moved)


def test_what_was_published_is_opened_again(tmp_path: Path, teacher: Teacher) -> None:
    windows = two_songs(tmp_path / "shards")
    scores, _ = heard(windows, teacher, tmp_path / "out", tmp_path / "kept")
    again = open_scores(tmp_path / "out", scores.labels, windows)  # type: ignore[arg-type]
    assert np.array_equal(again.scores[:], scores.scores[:])
    with pytest.raises(InputError, match=r"scores\.npy: has the shape"):
        open_scores(tmp_path / "out", CLASSES, windows)  # type: ignore[arg-type]
    (tmp_path / "out" / "first.npy").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        open_scores(tmp_path / "out", scores.labels, windows)  # type: ignore[arg-type]


def test_what_is_large_stays_on_disk(
    tmp_path: Path, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = two_songs(tmp_path / "shards")
    small, _ = heard(windows, teacher, tmp_path / "out", tmp_path / "kept")
    monkeypatch.setattr(teacher_scores, "IN_MEMORY_BYTES", 0)
    large = open_scores(tmp_path / "out", small.labels, windows)  # type: ignore[arg-type]
    assert isinstance(large.scores, teacher_scores.FileTable)
    rows = np.array([14, 0, 7])
    assert np.array_equal(large.scores[rows], small.scores[rows])
    assert np.array_equal(large.embeddings[2:5], small.embeddings[2:5])


def test_only_a_recording_that_changed_is_heard_again(tmp_path: Path, teacher: Teacher) -> None:
    kept = tmp_path / "kept"
    first, _ = heard(two_songs(tmp_path / "a"), teacher, tmp_path / "out", kept)
    same, none = heard(two_songs(tmp_path / "b"), teacher, tmp_path / "again", kept)
    assert none == 0
    assert np.array_equal(same.scores[:], first.scores[:])
    changed, some = heard(two_songs(tmp_path / "c", PITCHES_HZ[0]), teacher, tmp_path / "changed", kept)
    assert some == 5
    assert changed.first[:5].tolist() == [0] * 5
    assert len(list(kept.iterdir())) == 3  # what nobody asks for any more is gone


def test_another_teacher_hears_everything_again(tmp_path: Path, teacher: Teacher) -> None:
    windows = two_songs(tmp_path / "a")
    heard(windows, teacher, tmp_path / "out", tmp_path / "kept")
    _, count = heard(windows, replace(teacher, digest="other"), tmp_path / "other", tmp_path / "kept")
    assert count == 15


class KilledError(Exception):
    pass


def test_a_run_that_was_killed_goes_on(
    tmp_path: Path, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, calls = two_songs(tmp_path / "a"), 0
    whole, _ = heard(windows, teacher, tmp_path / "whole", tmp_path / "kept there")

    def run_twice(inputs: Floats) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KilledError
        return type(teacher.network).run(teacher.network, inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(teacher.network, "run", run_twice)
    monkeypatch.setattr(teacher.network, "in_threads", False)
    with pytest.raises(KilledError):
        heard(windows, teacher, tmp_path / "killed", tmp_path / "kept")
    monkeypatch.undo()
    scores, count = heard(windows, teacher, tmp_path / "out", tmp_path / "kept")
    assert count == 5
    assert np.array_equal(scores.scores[:], whole.scores[:])


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut", b"no archive"])
def test_a_damaged_piece_is_heard_again(tmp_path: Path, teacher: Teacher, damage: bytes) -> None:
    windows, kept = two_songs(tmp_path / "a"), tmp_path / "kept"
    heard(windows, teacher, tmp_path / "out", kept)
    sorted(kept.iterdir())[0].write_bytes(damage)
    assert heard(windows, teacher, tmp_path / "again", kept)[1] == 5


def test_windows_that_are_not_chosen_are_not_heard(tmp_path: Path, teacher: Teacher) -> None:
    windows = two_songs(tmp_path / "a")
    half = replace(windows, chosen=np.arange(15) % 2 == 0)  # type: ignore[type-var]
    scores, count = heard(half, teacher, tmp_path / "out", tmp_path / "kept")
    assert count == 8
    assert np.isnan(scores.scores[:][1::2]).all()
    assert np.isfinite(scores.scores[:][::2]).all()
    assert (scores.first[1::2] == -1).all()


def test_a_long_recording_is_heard_in_pieces(tmp_path: Path, teacher: Teacher) -> None:
    windows = window_set(tmp_path / "a", [(OWL, "train", song(400, 2_000 * (WINDOWS_IN_A_PIECE + 40)))])
    pieces = cut_pieces(windows, teacher, np.array([1]))
    assert [len(piece.rows) for piece in pieces] == [WINDOWS_IN_A_PIECE, len(windows) - WINDOWS_IN_A_PIECE]
    assert len({piece.key for piece in pieces}) == 2


def test_nan_is_no_score(tmp_path: Path, teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    windows, real = two_songs(tmp_path / "a"), teacher.network.run

    def deaf_to_the_first(inputs: Floats) -> object:
        found = real(inputs)
        found.values[0], found.embeddings[0] = np.nan, np.nan  # type: ignore[index]
        return found

    monkeypatch.setattr(teacher.network, "run", deaf_to_the_first)
    scores, _ = heard(windows, teacher, tmp_path / "out", tmp_path / "kept")
    assert np.isnan(scores.scores[:][[0, 5, 10]]).all()
    assert np.isfinite(scores.scores[:][[1, 6, 11]]).all()
    assert scores.first[[0, 1]].tolist() == [-1, 1]
    assert np.isnan(scores.embeddings[:][0]).all()


def test_vectors_without_a_direction_are_none() -> None:
    found = unit_length(np.float32([[3, 4], [0, 0], [np.inf, 1], [np.nan, 1], [1e30, 1e30]]))
    assert np.allclose(found[[0, 4]], [[0.6, 0.8], [0.7071, 0.7071]], atol=1e-3)
    assert np.isnan(found[1:4]).all()
    assert first_class(np.float32([[0.1, np.nan, 0.3], [np.nan] * 3])).tolist() == [2, -1]
