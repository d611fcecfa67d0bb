from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from birdnet_stm32.evaluate.accuracy import measure_accuracy
from birdnet_stm32.evaluate.scored_windows import Call, ScoredRecording, ScoredWindows

THRESHOLDS = {"wren": 0.5, "robin": 0.5, "owl": 0.5}


def recording(*ratios_db: float | None) -> ScoredRecording:
    calls = tuple(
        Call(label="wren", start_s=3.0 * number, end_s=3.0 * number + 2, snr_db=ratio)
        for number, ratio in enumerate(ratios_db)
    )
    return ScoredRecording(path="a.wav", recording="a", duration_s=30.0, labels=("wren",), calls=calls)


def test_calls_are_counted_by_their_ratio(make_scored: Callable[..., ScoredWindows]) -> None:
    one = recording(-1.0, 0.0, 5.9, 6.0, None)
    heard = np.array([[0.1, 0, 0], [0.2, 0, 0], [0.9, 0, 0], [0.6, 0, 0], [0.9, 0, 0]])
    scored = make_scored([one], heard, [[0.0, 3.0, 6.0, 9.0, 12.0]])
    bins = measure_accuracy(scored, THRESHOLDS, source="soundscapes").recall_by_snr
    assert [(one.low_db, one.high_db, one.calls, one.recall.value) for one in bins] == [
        (-6.0, 0.0, 1, 0.0),
        (0.0, 6.0, 2, 0.5),
        (6.0, 12.0, 1, 1.0),
    ]
    assert all(one.recall.low <= one.recall.value <= one.recall.high for one in bins)


@pytest.mark.parametrize("annotated", [True, False])
def test_without_ratios_there_is_no_curve(annotated: bool, make_random: Callable[..., ScoredWindows]) -> None:
    scored = replace(make_random(seed=1, annotated=annotated))
    assert measure_accuracy(scored, THRESHOLDS, source="folder").recall_by_snr == ()
