"""The cMAP over the recordings of windows whose classes are known."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.selection.label_ranking import label_ranking


def rows(*places: tuple[str, str]) -> list[WindowRow]:
    return [
        WindowRow(
            path=f"{recording}.wav",
            recording=recording,
            label=label,
            background=label == "background",
            start_sample=0,
            set="held_out",
            rms_db=0.0,
            snr_db=0.0,
        )
        for recording, label in places
    ]


def test_recordings_count_and_unknown_classes_do_not() -> None:
    """The owl is heard in one of the two windows of its recording; what the wren scores is nothing."""
    windows = rows(("a", "owl"), ("b", "wren"), ("a", "owl"), ("c", "background"))
    ranking = label_ranking(windows, ("owl", "tit"))
    assert ranking is not None
    scores = np.float32([[0.1, 0], [1, 0], [0.8, 0], [0.5, 0]])
    assert ranking(scores) == 1
    scores[3, 0] = 0.9
    assert ranking(scores) == 0.5


def test_without_recordings_to_tell_apart_there_is_none() -> None:
    assert label_ranking(rows(("a", "owl"), ("b", "owl")), ("owl",)) is None
    assert label_ranking(rows(("a", "wren")), ("owl",)) is None
