"""Compares what a board answered with the reference kernels on this machine.

An NPU rounds in its own way, so outputs need not be equal to the bit; what has to hold is what a user would
notice. A cosine hides a constant shift of all outputs, hence the mean absolute error and the bias beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.firmware.host_link import Answer
from birdnet_stm32.gates import Direction, Gate, judge, refuse_failures
from birdnet_stm32.quant.verify import compare
from birdnet_stm32.terminal_text import counted

MIN_COSINE_MEAN = 0.99
MAX_MAE = 1 / 256  # one step of an int8 output that spans all probabilities

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class BoardParity:
    """A board against the reference.

    Args:
        windows: compared.
        recordings: that they came from.
        top1_agreement: share of recordings whose most probable class, over all their windows, is the same.
        differing: recordings where it is not.
        cosine_mean: over windows, of the probabilities.
        cosine_min: of the worst window.
        mae: mean absolute difference of the probabilities.
        bias: mean of board minus reference.
        largest_class_bias: the largest bias of a single class, with its sign.
        front_end_cycles: median over windows.
        network_cycles: median over windows.
    """

    windows: int
    recordings: int
    top1_agreement: float
    differing: tuple[str, ...]
    cosine_mean: float
    cosine_min: float
    mae: float
    bias: float
    largest_class_bias: float
    front_end_cycles: int
    network_cycles: int


def measure(answers: Sequence[Answer], reference: Floats, recordings: Sequence[str]) -> BoardParity:
    """Compare answers with the reference.

    Args:
        answers: of the board, one a window.
        reference: float32 [windows, classes], probabilities of the reference kernels.
        recordings: which recording each window came from.
    """
    found = np.stack([answer.probabilities for answer in answers]).astype(np.float32)
    compared = compare(reference, np.clip(found, 0.0, 1.0))
    names = sorted(set(recordings))
    rows = {name: [i for i, recording in enumerate(recordings) if recording == name] for name in names}
    differing = tuple(
        name
        for name in names
        if found[rows[name]].max(axis=0).argmax() != reference[rows[name]].max(axis=0).argmax()
    )
    class_bias = (found - reference).mean(axis=0, dtype=np.float64)
    return BoardParity(
        windows=len(answers),
        recordings=len(names),
        top1_agreement=1 - len(differing) / len(names),
        differing=differing,
        cosine_mean=compared.all.cosine_mean,
        cosine_min=float(compared.cosine.min()),
        mae=compared.all.mae,
        bias=compared.all.bias,
        largest_class_bias=float(class_bias[np.abs(class_bias).argmax()]),
        front_end_cycles=int(np.median([answer.front_end_cycles for answer in answers])),
        network_cycles=int(np.median([answer.network_cycles for answer in answers])),
    )


def board_gates(parity: BoardParity) -> tuple[Gate, ...]:
    """Judge whether a user would tell the answers of a board from those of the reference."""
    differing = len(parity.differing)
    named = f" ({', '.join(parity.differing[:3])})" if differing else ""
    return (
        judge(
            "recordings_differing",
            "recordings with another most probable class",
            differing,
            Direction.AT_MOST,
            0,
            detail=f"{differing} of {counted(parity.recordings, 'recording')} have another most probable "
            f"class{named}",
        ),
        judge("cosine_mean", "mean cosine", parity.cosine_mean, Direction.AT_LEAST, MIN_COSINE_MEAN),
        judge("mae", "mean absolute error", parity.mae, Direction.AT_MOST, MAX_MAE),
    )


def require(parity: BoardParity) -> None:
    """Refuse a board whose answers a user would tell from the reference.

    Raises:
        GateError: the most probable class of a recording, the cosine or the mean absolute error is off.
    """
    refuse_failures(
        board_gates(parity),
        "the board computes something else than the reference",
        where=f"{counted(parity.windows, 'window')} of {counted(parity.recordings, 'recording')}",
        remedies=(
            "constant or zero outputs: weights that are not in the flash, or memory the NPU may not read",
            "outputs that depend on earlier windows: caches that are not maintained",
        ),
    )
