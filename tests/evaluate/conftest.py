"""Scored windows for the tests of ``evaluate``: small ones by hand, and random ones."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from birdnet_stm32.evaluate.scored_windows import Call, ScoredRecording, ScoredWindows

WINDOW_S = 3.0
HOP_S = 1.5
LABELS = ("wren", "robin", "owl")


def scored_windows(
    recordings: Sequence[ScoredRecording],
    probabilities: np.ndarray,
    starts: Sequence[Sequence[float]],
    *,
    labels: tuple[str, ...] = LABELS,
    float_probabilities: np.ndarray | None = None,
) -> ScoredWindows:
    """Return scored windows from the starts of the windows of each recording."""
    forms = {} if float_probabilities is None else {"float": np.asarray(float_probabilities, np.float32)}
    return ScoredWindows(
        labels=labels,
        recordings=tuple(recordings),
        recording_of=np.repeat(np.arange(len(starts)), [len(one) for one in starts]),
        start_s=np.concatenate([np.asarray(one, np.float64) for one in starts]),
        window_s=WINDOW_S,
        probabilities=forms | {"int8": np.asarray(probabilities, np.float32)},
        sample=np.zeros(0, np.int64),
        firmware=np.zeros((0, len(labels)), np.float32),
    )


def random_windows(
    seed: int,
    *,
    recordings: int = 12,
    windows: int = 10,
    labels: tuple[str, ...] = LABELS,
    annotated: bool = True,
    skill: float = 0.5,
) -> ScoredWindows:
    """Return random recordings. ``skill`` is how much higher the scores of what is there are, from 0 to 1."""
    rng = np.random.default_rng(seed)
    starts = np.arange(windows) * HOP_S
    duration_s = float(starts[-1] + WINDOW_S)
    scores = rng.random((recordings * windows, len(labels)))
    made = []
    for number in range(recordings):
        held = int(rng.integers(-1, len(labels)))
        calls = []
        for _ in range(int(rng.integers(1, 4)) if held >= 0 else 0):
            start_s = float(rng.uniform(0, duration_s - 2))
            end_s = start_s + float(rng.uniform(0.3, 2))
            calls.append(Call(label=labels[held], start_s=start_s, end_s=end_s))
            near = np.flatnonzero((starts < end_s) & (starts + WINDOW_S > start_s)) + number * windows
            scores[near, held] = (1 - skill) * scores[near, held] + skill
        made.append(
            ScoredRecording(
                path=f"{number:03}.wav",
                recording=f"recording {number // 2}",
                duration_s=duration_s,
                labels=(labels[held],) if held >= 0 else (),
                calls=tuple(calls) if annotated else None,
            )
        )
    return scored_windows(made, scores, [starts] * recordings, labels=labels)


@pytest.fixture(scope="session")
def make_scored() -> Callable[..., ScoredWindows]:
    return scored_windows


@pytest.fixture(scope="session")
def make_random() -> Callable[..., ScoredWindows]:
    return random_windows
