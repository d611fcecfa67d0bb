"""The cache of the 1.x line: its format, the nearest row, and what is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.errors import InputError
from birdnet_stm32.model.teacher.teacher_classes import map_classes
from birdnet_stm32.model.teacher.teacher_scores import TeacherScores, write_scores
from birdnet_stm32.model.teacher.upstream_cache import open_cache, read_cache
from tests.model.teacher.conftest import tone, window_set

OWL, TIT = "Strix aluco_Tawny Owl", "Parus major_Great Tit"


@pytest.fixture
def windows(tmp_path: Path) -> WindowSet:
    """Two recordings, 0.wav and 1.wav, of five windows of 0.5 s each, every quarter of a second."""
    return window_set(
        tmp_path / "shards", [(OWL, "train", tone(400, 12_000)), (TIT, "train", tone(900, 12_000))]
    )


def write_cache(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    meta = {"classes": ["Dog_Dog", TIT, OWL], "teacher_mask": [False, True, True], "teacher_window_s": 0.5}
    arrays = {
        "mapped": np.array([[0, 0.1, 0.9], [0, 0.2, 0.8], [0, 0.7, np.nan]], np.float16),
        "starts": np.array([0.0, 0.5, 0.25], np.float32),
        "emb": np.array([[3, 4], [1, 0], [0, 1]], np.float16),
    }
    index = {
        "sample_id": np.array(["0", "1"]),
        "row_offset": np.array([0, 2]),
        "n_windows": np.array([2, 1]),
    }
    (folder / "meta.json").write_text(json.dumps(meta | changes.pop("meta", {})))
    np.savez(folder / "index.npz", **index | changes.pop("index", {}))
    for name, array in (arrays | changes).items():
        if array is not None:
            np.save(folder / f"{name}.npy", array)
    return folder


def read(folder: Path, windows: WindowSet, out: Path) -> TeacherScores:
    cache = open_cache(folder)
    classes = map_classes((OWL, TIT), cache.known_classes)
    out.mkdir()
    parts = read_cache(cache, windows, classes)
    return write_scores(parts, classes.labels, cache.embedding_size, windows, out)


def test_a_window_gets_the_nearest_row(tmp_path: Path, windows: WindowSet) -> None:
    found = read(write_cache(tmp_path / "cache"), windows, tmp_path / "out")
    scores = found.scores[:]
    assert found.labels == (OWL, TIT)
    # Windows start at 0, 0.25, 0.5, 0.75 and 1 s, rows at 0 and 0.5 s; none is farther than 0.5 s.
    assert np.allclose(scores[[0, 2, 3, 4], 0], [0.9, 0.8, 0.8, 0.8], atol=1e-3)
    assert np.isnan(scores[5:]).all()  # a row with NaN is no row
    assert found.first.tolist() == [1] * 5 + [-1] * 5
    assert np.allclose(found.embeddings[:][0], [0.6, 0.8], atol=1e-3)


def test_a_row_that_is_too_far_away_is_none(tmp_path: Path, windows: WindowSet) -> None:
    folder = write_cache(tmp_path / "cache", meta={"teacher_window_s": 0.2}, starts=np.float32([0, 0.25, 0]))
    found = read(folder, windows, tmp_path / "out")
    assert np.isfinite(found.scores[:][:5, 0]).tolist() == [True, True, False, False, False]


def test_a_cache_without_embeddings_has_none(tmp_path: Path, windows: WindowSet) -> None:
    found = read(write_cache(tmp_path / "cache", emb=None), windows, tmp_path / "out")
    assert found.embeddings.shape == (10, 0)


def test_a_cache_of_other_recordings_is_refused(tmp_path: Path, windows: WindowSet) -> None:
    folder = write_cache(tmp_path / "cache", index={"sample_id": np.array(["a", "b"])})
    with pytest.raises(InputError, match="holds none of the recordings: 0, 1"):
        read(folder, windows, tmp_path / "out")


def test_two_recordings_of_one_name_are_refused(tmp_path: Path, windows: WindowSet) -> None:
    same = replace(
        windows, recordings=tuple(replace(one, path=f"{one.label}/0.wav") for one in windows.recordings)
    )
    with pytest.raises(InputError, match="several are called 0"):
        read(write_cache(tmp_path / "cache"), same, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"meta": {"classes": []}}, "no list of classes"),
        ({"meta": {"teacher_mask": [True]}}, "no teacher_mask"),
        ({"meta": {"teacher_window_s": "3"}}, "teacher_window_s"),
        ({"mapped": np.zeros((3, 2), np.float16)}, "2 columns for 3 classes"),
        ({"starts": np.zeros(2, np.float32)}, "has 2 rows"),
        ({"emb": np.zeros((2, 2), np.float16)}, "has 2 rows"),
        ({"mapped": np.zeros(3, np.int64)}, "other than rows of numbers"),
        ({"mapped": np.array([[object()]])}, "cannot be read"),
        ({"index": {"row_offset": np.array([0, 3])}}, "beyond the 3 rows"),
        ({"index": {"row_offset": np.array([0])}}, "different lengths"),
    ],
)
def test_files_that_contradict_each_other_are_refused(tmp_path: Path, changes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_cache(write_cache(tmp_path / "cache", **changes))


@pytest.mark.parametrize("name", ["meta.json", "mapped.npy", "starts.npy", "index.npz"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:20])])
def test_a_file_that_is_missing_or_cut_is_refused(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    folder = write_cache(tmp_path / "cache")
    damage(folder / name)
    with pytest.raises(InputError):
        open_cache(folder)
