"""The decisions in C are those of Python: the same events in the same order, and the same tallies."""

from __future__ import annotations

import ctypes
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.detect.event_stream import EventStream
from birdnet_stm32.detect.fixed_point import ONE, exponential, to_fixed
from birdnet_stm32.detect.rules import EventRule, Judgement, Rules
from tests.detect.c_events import ARGUMENT, MEMORY, OK, NativeEvents, c_rule, compile_events
from tests.detect.drawn_recordings import SHAPE, Heard, heard_recordings
from tests.detect.test_event_stream import push_all


@pytest.fixture(scope="module", params=["gcc", "clang"])
def library(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> ctypes.CDLL:
    """The C compiled for the host, by two compilers."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not here")
    return compile_events(tmp_path_factory.mktemp("events"), request.param)


@settings(max_examples=300)
@given(heard_recordings())
def test_events_and_tallies_are_those_of_python(library: ctypes.CDLL, heard: Heard) -> None:
    native, stream = NativeEvents(library, heard.rules), EventStream(heard.rules)
    assert native.status == OK
    found = native.run(heard.probabilities, heard.starts.tolist(), heard.samples, heard.allowed)
    assert found == [event for events in push_all(heard, stream) for event in events]
    assert native.tallies == stream.tallies


@given(heard_recordings())
def test_a_recording_does_not_depend_on_the_one_before(library: ctypes.CDLL, heard: Heard) -> None:
    native = NativeEvents(library, heard.rules)
    first, second = (
        native.run(heard.probabilities, heard.starts.tolist(), heard.samples, heard.allowed) for _ in range(2)
    )
    assert first == second


@given(st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_a_probability_becomes_the_same_integer(library: ctypes.CDLL, values: list[float]) -> None:
    found = [library.birdnet_events_integer(value) for value in values]
    assert found == to_fixed(np.array(values, np.float32)).tolist()


def test_the_exponential_is_that_of_python(library: ctypes.CDLL) -> None:
    values = [*range(0, ONE, 9_973), ONE - 1, ONE]
    found = [ctypes.c_uint32(library.birdnet_exponential(value)).value for value in values]
    assert found == exponential(np.array(values)).tolist()


def test_positions_need_more_than_32_bits(library: ctypes.CDLL) -> None:
    rule = EventRule(judgement=Judgement.CONFIRM, need=1, windows=1, join=1, longest_samples=8)
    rules = Rules(labels=("wren",), thresholds=(0.5,), others=rule, own={}, shape=SHAPE)
    start = 2**40
    (event,) = NativeEvents(library, rules).run(np.ones((1, 1), np.float32), [start], start + 8)
    assert (event.start_samples, event.end_samples, event.score) == (start, start + 8, 1.0)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, OK), ({"windows": 3}, MEMORY), ({"need": 0}, ARGUMENT), ({"need": 3}, ARGUMENT),
     ({"windows": 33}, ARGUMENT), ({"join": 0}, ARGUMENT), ({"judgement": 3}, ARGUMENT)],
)  # fmt: skip
def test_an_impossible_rule_is_refused(library: ctypes.CDLL, fields: dict[str, int], status: int) -> None:
    rule = EventRule(judgement=Judgement.CONFIRM, need=1, windows=2, join=1, longest_samples=8)
    rules = Rules(labels=("wren",), thresholds=(0.5,), others=rule, own={}, shape=SHAPE)
    native = NativeEvents(library, rules)
    other = c_rule(rule)
    for name, value in fields.items():
        setattr(other, name, value)
    state = ctypes.byref(native.state)
    assert library.birdnet_events_use_rule(state, 0, ctypes.byref(other)) == status
    assert library.birdnet_events_use_rule(state, 1, ctypes.byref(other)) == ARGUMENT


def test_null_pointers_are_refused(library: ctypes.CDLL) -> None:
    assert library.birdnet_events_begin(None) == ARGUMENT
    assert library.birdnet_events_use_rule(None, 0, None) == ARGUMENT
