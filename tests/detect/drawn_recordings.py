"""Rules and scores as hypothesis draws them: few windows and classes, all kinds of rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.detect.rules import EventRule, Judgement, Rules

SHAPE = WindowShape(sample_rate_hz=2, window_samples=8, hop_samples=4)  # an hour is 1,800 windows
LABELS = ("wren", "owl", "crane")
PALETTE = np.array(
    [
        *(0.0, 0.25, 0.5, 0.5 - 2**-25, 0.75, 1.0, 0.1, float("nan"), -1.0, 2.0),
        *np.random.default_rng(1).random(246),
    ],
    np.float32,
)
"""Scores at and beside the thresholds, and others, so that a byte draws one."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A recording as the rules see it."""

    probabilities: np.ndarray
    starts: np.ndarray
    samples: int
    allowed: np.ndarray | None
    rules: Rules


@st.composite
def event_rules(draw: st.DrawFn, *, plain: bool = False) -> EventRule:
    """Draw a rule; a plain one has neither a greatest length, nor a hold-off, nor a limit."""
    windows = draw(st.integers(1, 6))
    return EventRule(
        judgement=draw(st.sampled_from(Judgement)),
        need=draw(st.integers(1, windows)),
        windows=windows,
        join=draw(st.integers(1, 7)),
        longest_samples=10**6 if plain else draw(st.sampled_from([8, 12, 20, 40, 10**6])),
        hold_off_samples=0 if plain else draw(st.sampled_from([0, 1, 4, 30, 10_000])),
        most_per_hour=0 if plain else draw(st.sampled_from([0, 1, 2, 3])),
    )


def drawn_bytes(draw: st.DrawFn, windows: int) -> np.ndarray:
    """Draw a byte for each class of each window."""
    count = windows * len(LABELS)
    drawn = draw(st.binary(min_size=count, max_size=count))
    return np.frombuffer(drawn, np.uint8).reshape(windows, len(LABELS))


@st.composite
def heard_recordings(draw: st.DrawFn, *, plain: bool = False) -> Heard:
    """Draw rules, and scores of a recording whose last window is moved back."""
    windows = draw(st.integers(1, 30))
    far = draw(st.booleans())  # so that windows lie in several hours
    shape = SHAPE if not far else WindowShape(sample_rate_hz=2, window_samples=2_000, hop_samples=1_000)
    last = 0 if windows == 1 else draw(st.integers(1, shape.hop_samples))
    samples = shape.window_samples + max(0, windows - 2) * shape.hop_samples + last
    if windows == 1:
        samples = draw(st.integers(1, shape.window_samples))
    own = draw(st.dictionaries(st.sampled_from(LABELS), event_rules(plain=plain), max_size=2))
    thresholds = draw(st.tuples(*[st.sampled_from([0.25, 0.5, 0.75, 0.1, 1.0])] * len(LABELS)))
    return Heard(
        probabilities=PALETTE[drawn_bytes(draw, windows)],
        starts=np.array(shape.starts(samples), np.int64),
        samples=samples,
        allowed=drawn_bytes(draw, windows) > 60 if draw(st.booleans()) else None,
        rules=Rules(
            labels=LABELS,
            thresholds=thresholds,
            others=draw(event_rules(plain=plain)),
            own=own,
            shape=shape,
        ),
    )
