"""The application's C on the host, under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.audio.windows.window_positions import window_starts
from birdnet_stm32.paths import firmware_templates

HARNESS = Path(__file__).parents[1] / "c" / "app_harness.c"

SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, float("nan")])
CLASSES = st.lists(st.tuples(SCORES, st.sampled_from([0.25, 0.5, 0.9])), min_size=1, max_size=12)
TEXTS = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50)
BATCHES = settings(max_examples=25, deadline=None)  # an example is a process

Ask = Callable[[Sequence[str]], list[str]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Return a function that sends commands to the harness and returns its answers."""
    app, runtime = firmware_templates() / "app", firmware_templates() / "runtime"
    program = tmp_path_factory.mktemp("harness") / "harness"
    sources = [app / name for name in ("console.c", "detections.c")]
    flags = "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined".split()
    sources.append(runtime / "birdnet_recording.c")
    includes = [f"-I{app}", f"-I{runtime}"]
    command = ["gcc", *flags, "-fno-sanitize-recover", *includes, HARNESS, *sources, "-o", program, "-lm"]
    subprocess.run(command, check=True, timeout=120)

    def answers(commands: Sequence[str]) -> list[str]:
        text = "".join(f"{command}\n" for command in commands)
        done = subprocess.run([program], input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.split("\n")[:-1]
        assert len(lines) == len(commands)
        return lines

    return answers


def test_windows_are_those_of_the_pipeline(ask: Ask) -> None:
    cases = [(samples, window, hop) for samples in range(1, 40) for window in (1, 7, 16) for hop in (1, 3, 7)]
    cases += [(132_300, 55_125, 27_562), (2**32 - 1, 2**31, 2**31 - 1)]
    answers = ask([f"windows {samples} {window} {hop}" for samples, window, hop in cases])
    for case, answer in zip(cases, answers, strict=True):
        assert tuple(map(int, answer.split())) == window_starts(*case), case


LENGTHS = st.one_of(st.integers(1, 300), st.integers(1, 2**32 - 1))


@BATCHES
@given(st.lists(st.tuples(LENGTHS, LENGTHS, LENGTHS), min_size=1, max_size=50))
def test_windows_of_any_recording_are_those_of_the_pipeline(
    ask: Ask, cases: list[tuple[int, int, int]]
) -> None:
    bounded = [(n, window, max(hop, n // 1_000)) for n, window, hop in cases]
    answers = ask([f"windows {samples} {window} {hop}" for samples, window, hop in bounded])
    for case, answer in zip(bounded, answers, strict=True):
        assert tuple(map(int, answer.split())) == window_starts(*case), case


def test_without_a_hop_there_is_one_window(ask: Ask) -> None:
    assert ask(["windows 100 7 0"]) == ["93 "]


def test_six_seconds_start_as_documented(ask: Ask) -> None:
    assert ask(["windows 6000 2500 1250"]) == ["0 1250 2500 3500 "]


def test_an_empty_recording_has_no_window(ask: Ask) -> None:
    assert ask(["windows 0 7 3"]) == [""]


@BATCHES
@given(st.lists(st.tuples(CLASSES, st.integers(1, 6)), min_size=1))
def test_detections_are_the_most_probable_first(
    ask: Ask, cases: list[tuple[list[tuple[float, float]], int]]
) -> None:
    commands = []
    for classes, capacity in cases:
        scores, thresholds = zip(*classes, strict=True)
        commands.append(f"select {capacity} {len(classes)} {' '.join(map(str, scores + thresholds))}")
    answers = ask(commands)
    for (classes, capacity), answer in zip(cases, answers, strict=True):
        found = sorted(
            (-score, label) for label, (score, threshold) in enumerate(classes) if score >= threshold
        )
        assert answer.split() == [f"{label}:{-negative:g}" for negative, label in found[:capacity]]


def test_numbers_are_printed_without_stdio(ask: Ask) -> None:
    cases = [
        (0.0, 6, "0.000000"),
        (0.5, 0, "1"),
        (0.996, 2, "1.00"),
        (-1.25, 2, "-1.25"),
        (1e30, 1, "4000000000.0"),
        (math.nan, 3, "nan"),
        (math.inf, 1, "4000000000.0"),
        (0.0000004, 6, "0.000000"),
        (0.0009765625, 9, "0.000976563"),
    ]
    answers = ask([f"fixed {decimals} {value}" for value, decimals, _ in cases])
    assert answers == [text for _, _, text in cases]


@BATCHES
@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_quoted_text_is_json(ask: Ask, texts: list[str]) -> None:
    answers = ask([f"quoted {text.encode().hex()}" for text in texts])
    assert [json.loads(answer) for answer in answers] == texts
