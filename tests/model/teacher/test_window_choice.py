"""The windows that a teacher chooses, and how far it agrees with the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.shards.label_sets import LabelSet
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.model.teacher.teacher_document import measure_agreement
from birdnet_stm32.model.teacher.teacher_scores import TeacherScores, positions_of
from birdnet_stm32.model.teacher.window_choice import choose_by_teacher, labelled_scores
from tests.model.teacher.conftest import tone, window_set

OWL, TIT = "Strix aluco", "Parus major"
NAN = float("nan")


@pytest.fixture
def windows(tmp_path: Path) -> WindowSet:
    """Four recordings of three windows each: owl, background, a class without a teacher, owl to test."""
    audio = tone(400, 8_000)
    return window_set(
        tmp_path / "shards",
        [(OWL, "train", audio), ("", "train", audio), (TIT, "train", audio), (OWL, "test", audio)],
    )


def scores(windows: WindowSet, owl: list[float]) -> TeacherScores:
    return TeacherScores(
        labels=(OWL,),
        scores=np.float16(owl)[:, np.newaxis],
        first=np.zeros(len(windows), np.int32),
        embeddings=np.zeros((len(windows), 0), np.float16),
        positions=positions_of(windows),
    )


def chosen(windows: WindowSet, owl: list[float], best: int, min_score: float) -> list[bool]:
    own = labelled_scores(windows, scores(windows, owl))
    return choose_by_teacher(windows, own, best=best, min_score=min_score).tolist()


REST = [True] * 9  # background, a class that the teacher does not know, recordings that test


def test_the_best_windows_of_a_species_are_chosen(windows: WindowSet) -> None:
    owl = [0.5, 0.9, 0.7, *[0.0] * 9]
    assert chosen(windows, owl, 2, 0.1) == [False, True, True, *REST]
    assert chosen(windows, owl, 3, 0.6) == [False, True, True, *REST]
    assert chosen(windows, owl, 3, 0.95) == [False, True, False, *REST]  # the very best one always


def test_a_window_without_a_score_is_not_chosen(windows: WindowSet) -> None:
    assert chosen(windows, [NAN, 0.2, 0.0, *[0.0] * 9], 3, 0.1) == [False, True, False, *REST]


def test_a_recording_without_any_score_is_whole(windows: WindowSet) -> None:
    assert chosen(windows, [NAN] * 3 + [0.0] * 9, 1, 0.1) == [True] * 12


def test_a_recording_whose_calls_have_times_is_whole(windows: WindowSet) -> None:
    sets = (*windows.label_sets, LabelSet())
    timed = replace(
        windows, label_sets=sets, label_set=np.where(np.arange(12) == 1, len(sets) - 1, windows.label_set)
    )
    assert chosen(timed, [0.0] * 12, 1, 0.1) == [True] * 12


def test_agreement_counts_windows_of_training(windows: WindowSet) -> None:
    own = labelled_scores(windows, scores(windows, [0.5, 0.4, NAN, *[0.9] * 9]))
    assert np.isnan(own[3:9]).all()
    first = np.array([7, 0, -1] + [7] * 9, np.int32)
    found = measure_agreement(windows, own, first, {OWL: 7})
    assert (found.windows, found.without_score, found.heard, found.first) == (3, 1, 0.5, 0.5)
    nothing = measure_agreement(windows, np.full(12, NAN, np.float32), first, {OWL: 7})
    assert (nothing.without_score, nothing.heard, nothing.first) == (3, None, None)
