"""Events are those of the definition, word by word, and have the properties that a user expects."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.detect_table import DetectTable, SpeciesRuleTable
from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.rules import EventRule, Judgement, Rules, make_rules
from tests.detect.drawn_recordings import LABELS, Heard, heard_recordings

SECONDS = WindowShape(sample_rate_hz=1_000, window_samples=2_000, hop_samples=1_000)


def events_of(heard: Heard) -> list[Event]:
    return find_events(
        heard.probabilities, heard.starts, heard.rules, samples=heard.samples, allowed=heard.allowed
    )


def by_the_definition(heard: Heard) -> list[Event]:
    """Return the events as the five steps of the definition say, with fractions."""
    found = []
    for index, label in enumerate(heard.rules.labels):
        rule = heard.rules.of_class[index]
        threshold = fixed_fraction(np.float32(heard.rules.thresholds[index]))
        values = [fixed_fraction(value) for value in heard.probabilities[:, index]]
        if heard.allowed is not None:
            values = [value * int(heard.allowed[number, index]) for number, value in enumerate(values)]
        together = min(rule.windows, len(values))
        counting = set()
        for first in range(len(values) - together + 1):
            chosen = range(first, first + together)
            reaching = {number for number in chosen if values[number] >= threshold}
            if says_yes([values[number] for number in chosen], len(reaching), threshold, rule, len(values)):
                counting |= reaching
        found += [
            (event.start_samples, index, event) for event in joined(heard, rule, label, counting, values)
        ]
    return [event for _, _, event in sorted(found, key=lambda one: one[:2])]


def fixed_fraction(value: float) -> Fraction:
    inside = 0.0 if math.isnan(value) else min(max(float(value), 0.0), 1.0)
    return Fraction(math.floor(Fraction(inside) * 2**24), 2**24)


def soft(value: Fraction) -> int:
    """Return exp(10 value) by straight lines between 257 points."""
    point = math.floor(value * 256)
    low, high = (round(math.exp(10 * min(one, 256) / 256) * 65_536) for one in (point, point + 1))
    return low + math.floor((high - low) * (value * 256 - point))


def says_yes(
    values: list[Fraction], reaching: int, threshold: Fraction, rule: EventRule, windows: int
) -> bool:
    if rule.judgement is Judgement.CONFIRM:
        return reaching >= min(rule.need, windows)
    if rule.judgement is Judgement.AVERAGE:
        return sum(values) / len(values) >= threshold
    return Fraction(sum(map(soft, values)), len(values)) >= soft(threshold)


def joined(
    heard: Heard, rule: EventRule, label: str, counting: set[int], values: list[Fraction]
) -> list[Event]:
    shape, events, members = heard.rules.shape, [], []
    hour_samples = 3_600 * shape.sample_rate_hz

    def event_of(windows: list[int]) -> Event:
        return Event(
            label=label,
            start_samples=int(heard.starts[windows[0]]),
            end_samples=min(int(heard.starts[windows[-1]]) + shape.window_samples, heard.samples),
            score=float(max(values[window] for window in windows)),
        )

    for window in sorted(counting):
        start = int(heard.starts[window])
        if members:
            length = start + shape.window_samples - int(heard.starts[members[0]])
            if window - members[-1] <= rule.join and length <= rule.longest_samples:
                members.append(window)
                continue
            events.append(event_of(members))
            members = []
        of_hour = [one for one in events if one.start_samples // hour_samples == start // hour_samples]
        held_off = rule.hold_off_samples and events and start < events[-1].end_samples + rule.hold_off_samples
        full = rule.most_per_hour and len(of_hour) >= rule.most_per_hour
        if not held_off and not full:
            members = [window]
    return [*events, event_of(members)] if members else events


@settings(max_examples=200)
@given(heard_recordings())
def test_events_are_those_of_the_definition(heard: Heard) -> None:
    assert events_of(heard) == by_the_definition(heard)


@given(heard_recordings())
def test_events_of_a_species_do_not_depend_on_the_others(heard: Heard) -> None:
    order = [2, 0, 1]
    turned = replace(
        heard,
        probabilities=heard.probabilities[:, order],
        allowed=None if heard.allowed is None else heard.allowed[:, order],
        rules=replace(
            heard.rules,
            labels=tuple(LABELS[index] for index in order),
            thresholds=tuple(heard.rules.thresholds[index] for index in order),
        ),
    )

    def by_label(events: list[Event]) -> list[Event]:
        return sorted(events, key=lambda event: (event.label, event.start_samples))

    assert by_label(events_of(heard)) == by_label(events_of(turned))


@given(heard_recordings(plain=True))
def test_a_higher_threshold_reports_no_moment_that_a_lower_one_does_not(heard: Heard) -> None:
    lower = replace(heard.rules, thresholds=tuple(one / 2 for one in heard.rules.thresholds))
    for event in events_of(heard):
        assert any(
            other.label == event.label
            and other.start_samples <= event.start_samples
            and event.end_samples <= other.end_samples
            and other.score >= event.score
            for other in events_of(replace(heard, rules=lower))
        )


@given(heard_recordings())
def test_events_keep_to_their_rules(heard: Heard) -> None:
    events = events_of(heard)
    rules = dict(zip(heard.rules.labels, heard.rules.of_class, strict=True))
    shape = heard.rules.shape
    for event in events:
        assert 0 <= event.start_samples < event.end_samples <= heard.samples
        longest = max(rules[event.label].longest_samples, shape.window_samples)
        assert event.end_samples - event.start_samples <= longest
        assert event.score == np.float32(event.score)
    for label, rule in rules.items():
        own = [event for event in events if event.label == label]
        for event, following in pairwise(own):
            assert event.start_samples < following.start_samples
            if rule.hold_off_samples:
                assert following.start_samples >= event.end_samples + rule.hold_off_samples
        hours = [event.start_samples // (3_600 * shape.sample_rate_hz) for event in own]
        if rule.most_per_hour:
            assert all(hours.count(hour) <= rule.most_per_hour for hour in hours)


def heard_as(text: str, table: DetectTable, threshold: float = 0.5) -> list[tuple[float, float, float]]:
    """Return start and end in seconds, and score, where windows of 2 s have the scores 0.0 to 0.9."""
    scores = np.array([[0.1 * int(digit)] for digit in text], np.float32)
    rules = make_rules(table, ["wren"], [threshold], SECONDS)
    starts = np.arange(len(text), dtype=np.int64) * 1_000
    found = find_events(scores, starts, rules)
    return [(one.start_samples / 1_000, one.end_samples / 1_000, round(one.score, 3)) for one in found]


@pytest.mark.parametrize(
    ("text", "table", "events"),
    [
        ("0090000", DetectTable(), []),  # one window of three is not enough
        ("0097000", DetectTable(), [(2, 5, 0.9)]),
        ("0060700", DetectTable(), [(2, 6, 0.7)]),  # two of three, with a pause of one window
        ("0090000", DetectTable(need=1), [(2, 4, 0.9)]),
        ("0090000", DetectTable(rule="max"), [(2, 4, 0.9)]),
        ("9", DetectTable(), [(0, 2, 0.9)]),  # a recording of one window needs one
        ("94", DetectTable(), []),  # a recording of two windows needs both
        ("0660000660", DetectTable(), [(1, 4, 0.6), (7, 10, 0.6)]),
        ("0660000660", DetectTable(gap_s=4), [(1, 10, 0.6)]),
        ("0660000660", DetectTable(hold_off_s=3), [(1, 4, 0.6), (7, 10, 0.6)]),
        ("0660000660", DetectTable(hold_off_s=4), [(1, 4, 0.6), (8, 10, 0.6)]),
        ("0660000660", DetectTable(hold_off_s=9), [(1, 4, 0.6)]),
        ("0660000660", DetectTable(most_per_hour=1), [(1, 4, 0.6)]),
        ("7" * 14, DetectTable(longest_s=10), [(0, 10, 0.7), (9, 15, 0.7)]),
        ("0900000", DetectTable(rule="avg"), []),  # 0.3 on average
        ("0970000", DetectTable(rule="avg"), [(1, 4, 0.9)]),
        ("0900000", DetectTable(rule="lme"), [(1, 3, 0.9)]),  # 0.79
        ("0600000", DetectTable(rule="lme"), []),  # 0.495
    ],
)
def test_events_of_a_few_windows(
    text: str, table: DetectTable, events: list[tuple[float, float, float]]
) -> None:
    assert heard_as(text, table) == events


def test_a_species_has_its_own_rule_and_threshold() -> None:
    table = DetectTable(species={"owl": SpeciesRuleTable(need=1, threshold=0.8)})
    rules = make_rules(table, ["wren", "owl"], [0.5, 0.5], SECONDS)
    scores = np.array([[0, 0], [0.9, 0.7], [0, 0], [0, 0.9], [0, 0]], np.float32)
    found = find_events(scores, np.arange(5) * 1_000, rules)
    assert [(one.label, one.start_samples) for one in found] == [("owl", 3_000)]


def test_a_recording_without_windows_has_no_events() -> None:
    rules = make_rules(DetectTable(), ["wren"], [0.5], SECONDS)
    assert find_events(np.zeros((0, 1), np.float32), np.zeros(0, np.int64), rules) == []


def test_rules_refuse_thresholds_that_do_not_fit() -> None:
    rule = EventRule(judgement=Judgement.CONFIRM, need=1, windows=1, join=1, longest_samples=1)
    with pytest.raises(Exception, match="2 thresholds for 1 class"):
        Rules(labels=("a",), thresholds=(0.5, 0.5), others=rule, own={}, shape=SECONDS)
