"""Find events window by window, in memory that does not grow: what the firmware does.

The events are those of :func:`birdnet_stm32.detect.find_events.find_events`. The state of a class is two rows
of bits, one bit for each of the last windows, and the event that is open. ``birdnet_events.c`` has the same
state and takes the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.fixed_point import ONE, exponential, to_fixed
from birdnet_stm32.detect.rules import HOUR_S, EventRule, Judgement, Rules

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(kw_only=True)
class Tally:
    """What became of the windows of a class that reached its threshold: why it was or was not reported.

    Args:
        reached: windows with at least the threshold.
        not_allowed: of these, how many in which the class was not allowed.
        unconfirmed: how many had too few others beside them.
        held_off: how many could not begin an event, because one had just ended.
        over_limit: how many could not begin an event, because there were enough in that hour.
        in_events: how many belong to events.
    """

    reached: int = 0
    not_allowed: int = 0
    unconfirmed: int = 0
    held_off: int = 0
    over_limit: int = 0
    in_events: int = 0


@dataclass(kw_only=True)
class _ClassState:
    """Bit 0 belongs to the newest window, bit 1 to the one before it, and so on."""

    reaches: int = 0
    counts: int = 0
    is_open: bool = False
    start: int = 0
    end: int = 0
    peak: int = 0
    last: int = 0  # number of the last window that counts
    free_from: int = 0
    hour: int = -1
    begun: int = 0


class EventStream:
    """The events of one recording, window by window.

    Args:
        rules: when a class is heard.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._thresholds = rules.fixed_thresholds
        self._of_class = rules.of_class
        self._kept = max(rule.windows for rule in (rules.others, *rules.own.values()))
        self._fixed = np.zeros((self._kept, len(rules.labels)), np.int64)
        self._starts = [0] * self._kept
        self._windows = 0
        self._classes = [_ClassState() for _ in rules.labels]
        self.tallies = [Tally() for _ in rules.labels]

    def push(self, probabilities: Floats, start: int, allowed: Booleans | None = None) -> list[Event]:
        """Take the next window, and return the events that have ended.

        Args:
            probabilities: float32 ``[classes]``.
            start: first sample of the window, after that of the window before.
            allowed: whether a class may be heard, bool ``[classes]``; None for all.
        """
        slot = self._windows % self._kept
        fixed = to_fixed(probabilities)
        self._fixed[slot] = fixed if allowed is None else np.where(allowed, fixed, 0)
        self._starts[slot] = start
        self._windows += 1
        ended: list[Event] = []
        for index, state in enumerate(self._classes):
            rule, tally = self._of_class[index], self.tallies[index]
            if int(fixed[index]) >= self._thresholds[index]:
                tally.reached += 1
                tally.not_allowed += int(self._fixed[slot, index] == 0)
            self._shift(index, state, rule)
            if self._says_yes(index, state, rule):
                self._count(index, state, rule, ended)
            waits = state.reaches & ~state.counts
            if state.is_open and not waits and self._windows - state.last > rule.join:
                self._close(index, state, rule, ended)
        return ended

    def finish(self, samples: int | None = None) -> list[Event]:
        """Return the events that were not over yet.

        Args:
            samples: length of the recording, which a recording that is shorter than a window needs.
        """
        ended: list[Event] = []
        for index, state in enumerate(self._classes):
            rule = self._of_class[index]
            if 0 < self._windows < rule.windows and self._says_yes(index, state, rule, at_end=True):
                self._count(index, state, rule, ended)
            self.tallies[index].unconfirmed += (state.reaches & ~state.counts).bit_count()
            state.reaches = state.counts = 0
            if state.is_open:
                state.end = state.end if samples is None else min(state.end, samples)
                self._close(index, state, rule, ended)
        return ended

    def _shift(self, index: int, state: _ClassState, rule: EventRule) -> None:
        """Make room for the newest window in the bits, and set its bit if it reaches."""
        mask = (1 << rule.windows) - 1
        leaves = 1 << (rule.windows - 1)
        self.tallies[index].unconfirmed += int(bool(state.reaches & ~state.counts & leaves))
        reaches = int(self._fixed[(self._windows - 1) % self._kept, index] >= self._thresholds[index])
        state.reaches = (state.reaches << 1 & mask) | reaches
        state.counts = state.counts << 1 & mask

    def _says_yes(self, index: int, state: _ClassState, rule: EventRule, *, at_end: bool = False) -> bool:
        """Return whether the newest windows say together that the class was heard."""
        if not state.reaches & ~state.counts:
            return False  # nothing new could count
        together = min(rule.windows, self._windows)
        if rule.judgement is Judgement.CONFIRM:
            return state.reaches.bit_count() >= (min(rule.need, together) if at_end else rule.need)
        if together < rule.windows and not at_end:
            return False
        slots = [(self._windows - 1 - age) % self._kept for age in range(together)]
        values, threshold = self._fixed[slots, index], np.array([self._thresholds[index]])
        if rule.judgement is Judgement.LOG_MEAN_EXP:
            values, threshold = exponential(values), exponential(threshold)
        return int(values.sum()) >= int(threshold[0]) * together

    def _count(self, index: int, state: _ClassState, rule: EventRule, ended: list[Event]) -> None:
        """Let the windows that reach count, the oldest first."""
        fresh = state.reaches & ~state.counts
        state.counts |= fresh
        for age in reversed(range(rule.windows)):
            if fresh >> age & 1:
                self._add(index, state, rule, self._windows - 1 - age, ended)

    def _add(self, index: int, state: _ClassState, rule: EventRule, window: int, ended: list[Event]) -> None:
        """Add a window that counts to the open event, or begin another one with it."""
        slot, tally = window % self._kept, self.tallies[index]
        start, value = self._starts[slot], int(self._fixed[slot, index])
        end = start + self._rules.shape.window_samples
        if state.is_open:
            if window - state.last <= rule.join and end - state.start <= rule.longest_samples:
                state.end, state.last, state.peak = end, window, max(state.peak, value)
                tally.in_events += 1
                return
            self._close(index, state, rule, ended)
        hour = start // (HOUR_S * self._rules.shape.sample_rate_hz)
        if hour != state.hour:
            state.hour, state.begun = hour, 0
        if start < state.free_from:
            tally.held_off += 1
        elif rule.most_per_hour and state.begun >= rule.most_per_hour:
            tally.over_limit += 1
        else:
            state.begun += 1
            tally.in_events += 1
            state.is_open, state.start, state.end, state.peak, state.last = True, start, end, value, window

    def _close(self, index: int, state: _ClassState, rule: EventRule, ended: list[Event]) -> None:
        state.is_open = False
        state.free_from = state.end + rule.hold_off_samples if rule.hold_off_samples else 0
        ended.append(
            Event(
                label=self._rules.labels[index],
                start_samples=state.start,
                end_samples=state.end,
                score=state.peak / ONE,
            )
        )
