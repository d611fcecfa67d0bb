from __future__ import annotations

import numpy as np
import pytest

from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware import board_parity
from birdnet_stm32.firmware.board_parity import measure
from birdnet_stm32.firmware.host_link import Answer

REFERENCE = np.array([[0.9, 0.1, 0.2], [0.1, 0.8, 0.1], [0.2, 0.1, 0.7], [0.1, 0.1, 0.6]], np.float32)
RECORDINGS = ["a.wav", "a.wav", "b.wav", "c.wav"]


def answers(probabilities: np.ndarray) -> list[Answer]:
    return [
        Answer(probabilities=row, front_end_cycles=10 * number, network_cycles=100)
        for number, row in enumerate(probabilities)
    ]


def test_equal_answers_pass() -> None:
    parity = measure(answers(REFERENCE), REFERENCE, RECORDINGS)
    board_parity.require(parity)
    assert (parity.windows, parity.recordings, parity.top1_agreement) == (4, 3, 1.0)
    assert parity.cosine_min == pytest.approx(1)
    assert (parity.mae, parity.bias, parity.largest_class_bias) == (0, 0, 0)
    assert (parity.front_end_cycles, parity.network_cycles) == (15, 100)


def test_top1_is_of_recordings_not_of_windows() -> None:
    found = REFERENCE.copy()
    found[1] = [0.79, 0.8, 0.1]  # still class 0 over the whole of a.wav
    assert measure(answers(found), REFERENCE, RECORDINGS).differing == ()
    found[0, 0] = 0.7
    assert measure(answers(found), REFERENCE, RECORDINGS).differing == ("a.wav",)


def test_constant_outputs_are_refused() -> None:
    parity = measure(answers(np.full_like(REFERENCE, 0.5)), REFERENCE, RECORDINGS)
    with pytest.raises(GateError, match="another most probable class"):
        board_parity.require(parity)


def test_a_constant_shift_that_the_cosine_hides_is_refused() -> None:
    parity = measure(answers(REFERENCE + np.float32(0.01)), REFERENCE, RECORDINGS)
    assert parity.cosine_mean > 0.999
    assert parity.bias == pytest.approx(0.01, rel=1e-4)
    assert parity.largest_class_bias == pytest.approx(0.01, rel=1e-4)
    with pytest.raises(GateError, match=r"mean absolute error is 0\.01"):
        board_parity.require(parity)


def test_one_step_of_an_int8_output_passes() -> None:
    step = np.where(np.indices(REFERENCE.shape).sum(axis=0) % 2, 1, -1) / np.float32(257)
    board_parity.require(measure(answers(REFERENCE + step.astype(np.float32)), REFERENCE, RECORDINGS))
