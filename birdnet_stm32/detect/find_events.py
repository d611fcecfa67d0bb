"""Find the events of a recording in the probabilities of its windows.

The definition, for each class alone:

1. A window *reaches* if its probability is at least the threshold of the class, and the class is allowed in
   it.
2. As many windows as the rule says, one after the other, decide together. They say yes if enough of them
   reach (``confirm``), or if their average or their log-mean-exp reaches the threshold. A recording that has
   fewer windows is decided by all of them, and a need of more windows becomes a need of all.
3. A window *counts* if it reaches, and is among windows that say yes.
4. Windows that count are taken one after the other. One belongs to the event before it if it is at most
   ``join`` windows later than that event's last one, and the event does not become too long. Otherwise that
   event ends, and the window begins another one, unless it starts during the hold-off, or as many events as
   allowed began in its hour; then it is left out.
5. An event goes from the start of its first window to the end of its last one. Its score is the greatest
   probability of its windows.

The last window of a recording is moved back so that it ends with the recording. It is a window as any other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.fixed_point import ONE, exponential, to_fixed
from birdnet_stm32.detect.rules import HOUR_S, EventRule, Judgement, Rules

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Booleans = NDArray[np.bool_]


def find_events(
    probabilities: Floats,
    starts: Indices,
    rules: Rules,
    *,
    samples: int | None = None,
    allowed: Booleans | None = None,
) -> list[Event]:
    """Return the events of a recording, by start, then in the order of the classes.

    Args:
        probabilities: float32 ``[windows, classes]``.
        starts: first sample of each window, int64 ``[windows]``, rising.
        rules: when a class is heard.
        samples: length of the recording, which a recording that is shorter than a window needs.
        allowed: whether a class may be heard in a window, bool ``[windows, classes]``; None for always. What
            is not allowed has the probability 0.
    """
    fixed = to_fixed(probabilities)
    if allowed is not None:
        fixed = np.where(allowed, fixed, 0)
    thresholds = np.array(rules.fixed_thresholds, np.int64)
    found = []
    for index in np.flatnonzero((fixed >= thresholds).any(axis=0)).tolist():
        values, rule = fixed[:, index], rules.of_class[index]
        counting = counting_windows(values, int(thresholds[index]), rule)
        for start, end, peak in _join(counting, starts.tolist(), values, rule, rules):
            last = end if samples is None else min(end, samples)
            found.append((start, index, last, peak))
    return [
        Event(label=rules.labels[index], start_samples=start, end_samples=end, score=peak / ONE)
        for start, index, end, peak in sorted(found)
    ]


def counting_windows(fixed: Indices, threshold: int, rule: EventRule) -> Indices:
    """Return which windows of a class count, as rising positions: steps 1 to 3 of the definition.

    Args:
        fixed: probabilities as integers, int64 ``[windows]``.
        threshold: the threshold as an integer.
        rule: the rule of the class.
    """
    count = len(fixed)
    reaches = fixed >= threshold
    together = min(rule.windows, count)
    if rule.judgement is Judgement.CONFIRM:
        says_yes = _sums(reaches.astype(np.int64), together) >= min(rule.need, count)
    elif rule.judgement is Judgement.AVERAGE:
        says_yes = _sums(fixed, together) >= threshold * together
    else:
        needed = int(exponential(np.array([threshold]))[0]) * together
        says_yes = _sums(exponential(fixed), together) >= needed
    changes = np.zeros(count + 1, np.int64)  # +1 where windows that say yes begin, -1 behind their end
    changes[: count - together + 1] += says_yes
    changes[together:] -= says_yes
    return np.flatnonzero(reaches & (np.cumsum(changes[:-1]) > 0))


def _sums(values: Indices, together: int) -> Indices:
    """Return the sum of each ``together`` values that follow each other."""
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    return np.asarray(total[together:] - total[:-together], np.int64)


def _join(
    counting: Indices, starts: list[int], fixed: Indices, rule: EventRule, rules: Rules
) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and peak of each event: steps 4 and 5 of the definition."""
    length, hour_samples = rules.shape.window_samples, HOUR_S * rules.shape.sample_rate_hz
    begun: dict[int, int] = {}  # events by the hour in which they began
    event: tuple[int, int, int] | None = None
    last, free_from = 0, 0
    for window in counting.tolist():
        start, value = starts[window], int(fixed[window])
        if event is not None:
            if window - last <= rule.join and start + length - event[0] <= rule.longest_samples:
                event, last = (event[0], start + length, max(event[2], value)), window
                continue
            yield event
            free_from = event[1] + rule.hold_off_samples if rule.hold_off_samples else 0
            event = None
        hour = start // hour_samples
        if start < free_from or (rule.most_per_hour and begun.get(hour, 0) >= rule.most_per_hour):
            continue
        begun[hour] = begun.get(hour, 0) + 1
        event, last = (start, start + length, value), window
    if event is not None:
        yield event
