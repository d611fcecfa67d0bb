"""Window by window come the same events as of the whole recording, and every window is accounted for."""

from __future__ import annotations

from dataclasses import asdict

from hypothesis import given, settings

from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.event_stream import EventStream
from birdnet_stm32.detect.find_events import find_events
from tests.detect.drawn_recordings import LABELS, Heard, heard_recordings


def push_all(heard: Heard, stream: EventStream) -> list[list[Event]]:
    """Return what each window gave, and at last what the end gave."""
    given_by = [
        stream.push(row, int(start), None if heard.allowed is None else heard.allowed[number])
        for number, (row, start) in enumerate(zip(heard.probabilities, heard.starts, strict=True))
    ]
    return [*given_by, stream.finish(heard.samples)]


@settings(max_examples=200)
@given(heard_recordings())
def test_the_stream_gives_the_events_of_the_whole(heard: Heard) -> None:
    given_by = push_all(heard, EventStream(heard.rules))
    found = [event for events in given_by for event in events]
    whole = find_events(
        heard.probabilities, heard.starts, heard.rules, samples=heard.samples, allowed=heard.allowed
    )
    assert sorted(found, key=lambda one: (one.start_samples, LABELS.index(one.label))) == whole


@given(heard_recordings())
def test_an_event_is_given_soon_after_its_end(heard: Heard) -> None:
    given_by = push_all(heard, EventStream(heard.rules))
    rules = dict(zip(heard.rules.labels, heard.rules.of_class, strict=True))
    shape = heard.rules.shape
    for window, events in enumerate(given_by[:-1]):
        for event in events:
            late = window - (event.end_samples - shape.window_samples) / shape.hop_samples
            assert late <= rules[event.label].join + 2 * rules[event.label].windows


@given(heard_recordings())
def test_the_tally_accounts_for_every_window_that_reached(heard: Heard) -> None:
    stream = EventStream(heard.rules)
    push_all(heard, stream)
    for tally in map(asdict, stream.tallies):
        assert tally.pop("reached") == sum(tally.values())
