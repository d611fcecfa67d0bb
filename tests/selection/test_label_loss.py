from __future__ import annotations

import numpy as np
import pytest

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.selection.label_loss import label_loss

LABELS = ("owl", "tit")


def rows(*labels: str) -> list[WindowRow]:
    return [
        WindowRow(
            path=f"{number}.wav",
            recording=f"{number}",
            label=label,
            background=label == "background",
            start_sample=0,
            set="held_out",
            rms_db=0.0,
            snr_db=0.0,
        )
        for number, label in enumerate(labels)
    ]


def test_it_is_the_difference_of_two_cross_entropies() -> None:
    windows = rows(*["owl"] * 8)
    float_model = np.tile(np.float32([0.9, 0.1]), (8, 1))
    int8 = np.tile(np.float32([0.8, 0.1]), (8, 1))
    expected = (np.log(0.9) - np.log(0.8)) / 2
    assert label_loss(float_model, int8, windows, LABELS) == pytest.approx(expected, rel=1e-5)
    assert label_loss(int8, int8, windows, LABELS) == 0


def test_windows_of_unknown_classes_do_not_count() -> None:
    known = rows(*["owl"] * 8, "background")
    scores = np.tile(np.float32([0.9, 0.1]), (10, 1))
    worse = scores.copy()
    worse[9] = (0.1, 0.9)  # of a class that the model does not know
    assert label_loss(scores, worse, [*known, *rows("wren")], LABELS) == 0


def test_a_certain_mistake_is_finite() -> None:
    scores = np.tile(np.float32([1.0, 0.0]), (8, 1))
    loss = label_loss(scores, 1 - scores, rows(*["owl"] * 8), LABELS)
    assert loss is not None
    assert np.isfinite(loss)


def test_with_few_windows_of_species_nothing_is_said() -> None:
    scores = np.tile(np.float32([0.9, 0.1]), (20, 1))
    assert label_loss(scores, scores, rows(*["owl"] * 7, *["background"] * 13), LABELS) is None
