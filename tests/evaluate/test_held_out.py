"""Which recordings may judge a model, and what is known of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.shards.label_sets import LabelSet
from birdnet_stm32.audio.shards.window_set import ShardedRecording, WindowSet
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.evaluate.accuracy_document import LeftOut
from birdnet_stm32.evaluate.held_out import judging_windows, scored_windows
from birdnet_stm32.evaluate.scored_windows import Call

SETS = (LabelSet(), LabelSet(positives=("owl",), unjudged=("wren",)), LabelSet(positives=("wren",)))


def recording(label: str, number: int, split: str = "test", fold: int = 0) -> ShardedRecording:
    return ShardedRecording(
        path=f"{label}/{number}.wav",
        recording=f"{label}/{number}",
        label=label,
        background=label == "rain",
        split=split,
        fold=fold,
        digest=f"{label}{number}",
        channel=0,
        duration_s=2.0,
        shard="all.pcm",
        first_sample=0,
        samples=16_000,
    )


RECORDINGS = (recording("owl", 1), recording("wren", 2), recording("rain", 3), recording("night", 4))


@pytest.fixture
def windows(tmp_path: Path) -> WindowSet:
    """Two windows of each recording; the last recording is annotated, and nothing is known of its windows."""
    return WindowSet(
        folder=tmp_path,
        window_shape=WindowShape(sample_rate_hz=8_000, window_samples=8_000, hop_samples=8_000),
        recordings=RECORDINGS,
        label_sets=SETS,
        recording_of=np.repeat(np.arange(4, dtype=np.int32), 2),
        start_sample=np.tile(np.array([0, 8_000]), 4),
        label_set=np.array([1, 0, 2, 2, 0, 0, 0, 0], np.int32),
        activity_db=np.zeros(8, np.float32),
        chosen=np.ones(8, bool),
    )


def paths(windows: WindowSet) -> list[str]:
    return [windows.recordings[number].path for number in np.unique(windows.recording_of).tolist()]


def test_background_and_annotated_recordings_judge_every_model(windows: WindowSet) -> None:
    calls = {"night/4.wav": ()}
    found = judging_windows(windows, ("owl",), calls, {})
    assert paths(found.windows) == ["owl/1.wav", "rain/3.wav", "night/4.wav"]
    assert found.left_out == (LeftOut(reason="of a class that the model does not know", count=1),)
    assert len(judging_windows(windows, ("owl", "wren"), calls, {}).windows) == 8


def test_what_a_model_learned_from_does_not_judge_it(windows: WindowSet) -> None:
    found = judging_windows(windows, ("owl", "wren"), {}, {"owl1": "train", "rain3": "validation"})
    assert paths(found.windows) == ["wren/2.wav"]
    assert found.left_out == (
        LeftOut(reason="from which the model learned", count=2),
        LeftOut(reason="of a class that the model does not know", count=1),
    )


def test_recordings_without_a_window_here_are_not_counted(windows: WindowSet) -> None:
    assert judging_windows(windows.where(windows.recording_of == 0), ("owl",), {}, {}).left_out == ()


def test_a_recording_holds_what_its_windows_hold_or_what_is_annotated(windows: WindowSet) -> None:
    calls = {"night/4.wav": (Call(label="owl", start_s=0, end_s=1), Call(label="bat", start_s=1, end_s=2))}
    scored = scored_windows(windows, {}, ("owl", "wren"), annotated=calls)
    assert (
        [(one.labels, one.unjudged, one.calls) for one in scored.recordings]
        == [
            (("owl",), ("wren",), None),  # a call of a stretch of it: the whole holds it
            (("wren",), (), None),
            ((), (), None),
            (("owl",), (), calls["night/4.wav"][:1]),
        ]
    )
    assert scored.window_s == 1
    assert scored.start_s.tolist() == [0, 1] * 4
    few = scored_windows(windows.where(windows.recording_of > 1), {}, ("owl", "wren"), annotated=calls)
    assert few.recording_of.tolist() == [0, 0, 1, 1]  # numbered anew
    assert [one.path for one in few.recordings] == ["rain/3.wav", "night/4.wav"]
