"""The model of a fold sees every recording but those of the fold that it scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.shards.window_set import ShardedRecording, WindowSet
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.stages.fold import split_for_fold


def recording(number: int, fold: int) -> ShardedRecording:
    return ShardedRecording(
        path=f"{number}.wav",
        recording=str(number),
        label="owl",
        background=False,
        split="train" if number % 2 else "validation",  # of the release; a fold does not look at it
        fold=fold,
        digest=str(number),
        channel=0,
        duration_s=1.0,
        shard="all.pcm",
        first_sample=0,
        samples=8_000,
    )


@pytest.mark.parametrize("folds", [3, 5])
def test_every_recording_is_scored_once_and_the_next_fold_chooses_the_epoch(
    tmp_path: Path, folds: int
) -> None:
    count = 4 * folds
    windows = WindowSet(
        folder=tmp_path,
        window_shape=WindowShape(sample_rate_hz=8_000, window_samples=8_000, hop_samples=8_000),
        recordings=tuple(recording(number, number % folds + 1) for number in range(count)),
        label_sets=(),
        recording_of=np.arange(count, dtype=np.int32),
        start_sample=np.zeros(count, np.int64),
        label_set=np.zeros(count, np.int32),
        activity_db=np.zeros(count, np.float32),
        chosen=np.ones(count, bool),
    )
    scored: list[int] = []
    for fold in range(1, folds + 1):
        divided = split_for_fold(windows, fold, folds)
        numbers = {
            split: divided.in_split(split).recording_of.tolist() for split in ("train", "validation", "test")
        }
        assert sorted(one for part in numbers.values() for one in part) == list(range(count))
        assert {windows.recordings[one].fold for one in numbers["test"]} == {fold}
        assert {windows.recordings[one].fold for one in numbers["validation"]} == {fold % folds + 1}
        scored += numbers["test"]
    assert sorted(scored) == list(range(count))
