"""The application's C on the host, under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import io
import json
import math
import struct
import subprocess
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.audio.windows.window_positions import window_starts
from birdnet_stm32.paths import firmware_templates

HARNESS = Path(__file__).parents[1] / "c" / "app_harness.c"
RATE_HZ = 8_000
OK, NOT_WAVE, HEADER, ENCODING, CHANNELS, RATE, EMPTY, TRUNCATED = 0, 2, 3, 4, 5, 6, 7, 8

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
    sources = [app / name for name in ("console.c", "detections.c", "wav_reader.c")]
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


def wav_bytes(samples: Sequence[int], rate: int = RATE_HZ, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as stream:
        stream.setnchannels(channels)
        stream.setsampwidth(width)
        stream.setframerate(rate)
        stream.writeframes(b"".join(sample.to_bytes(width, "little", signed=True) for sample in samples))
    return buffer.getvalue()


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    padding = b"\0" * (len(content) % 2)
    return name + struct.pack("<I", len(content) if size is None else size) + content + padding


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


FORMAT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16))
DATA = chunk(b"data", struct.pack("<4h", 1, -2, 32767, -32768))


def wav_command(content: bytes, first: int = 0, count: int = 4) -> str:
    return f"wav {RATE_HZ} {first} {count} {content.hex()}"


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


def test_samples_come_back_and_are_zero_behind_the_end(ask: Ask) -> None:
    content = wav_bytes([1, -2, 32767, -32768])
    assert ask([wav_command(content), wav_command(content, 2, 4), wav_command(content, 9, 2)]) == [
        "0 4 1 -2 32767 -32768",
        "0 4 32767 -32768 0 0",
        "0 4 0 0",
    ]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (riff(chunk(b"LIST", b"odd"), FORMAT, chunk(b"fact", b"1234"), DATA), OK),
        (riff(FORMAT, DATA) + b"trailing", OK),
        (b"", NOT_WAVE),
        (b"RIFF", NOT_WAVE),
        (b"RIFX" + riff(FORMAT, DATA)[4:], NOT_WAVE),
        (b"RIFF\0\0\0\0AVI " + FORMAT + DATA, NOT_WAVE),
        (riff(), HEADER),
        (riff(FORMAT), HEADER),
        (riff(DATA), HEADER),
        (riff(FORMAT, FORMAT, DATA), HEADER),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), DATA), HEADER),
        (riff(chunk(b"LIST", b"", size=0xFFFFFFFF), FORMAT, DATA), HEADER),
        (riff(chunk(b"LIST", b"", size=0xFFFFFFF4), FORMAT, DATA), HEADER),
        (riff(FORMAT, chunk(b"data", b"\1\2\3")), HEADER),
        (riff(FORMAT, chunk(b"data", b"")), EMPTY),
        (riff(FORMAT, chunk(b"data", b"\1\2", size=4)), TRUNCATED),
        (riff(FORMAT, chunk(b"data", b"\1\2", size=0xFFFFFFFF)), TRUNCATED),
        (wav_bytes([1, 2], rate=8_001), RATE),
        (wav_bytes([1, 2], channels=2), CHANNELS),
        (wav_bytes([1, 2], width=3), ENCODING),
        (riff(chunk(b"fmt ", struct.pack("<HHIIHH", 3, 1, RATE_HZ, 32_000, 4, 16)), DATA), ENCODING),
        (riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE_HZ, 32_000, 4, 16)), DATA), ENCODING),
    ],
)
def test_headers(ask: Ask, content: bytes, status: int) -> None:
    (answer,) = ask([wav_command(content)])
    assert int(answer.split()[0]) == status


def test_a_refused_rate_names_both(ask: Ask) -> None:
    file = wav_bytes([1, 2], rate=44_100)
    highest = riff(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 2**32 - 1, 0, 2, 16)), DATA)
    assert ask([f"refusal 24000 {file.hex()}", f"refusal 4294967294 {highest.hex()}"]) == [
        "its rate is 44100 Hz, the model's 24000 Hz",
        "its rate is 4294967295 Hz, the model's 4294967294 Hz",
    ]
    assert ask([f"refusal 8000 {wav_bytes([1, 2], channels=2).hex()}"]) == ["not mono"]


def test_damaged_files_never_lead_outside_of_the_file(ask: Ask) -> None:
    rng = np.random.default_rng(7)
    intact = riff(chunk(b"LIST", b"odd"), FORMAT, DATA)
    extremes = np.array([0, 1, 0x7F, 0x80, 0xFE, 0xFF])
    files = [intact[:length] for length in range(len(intact))]
    for _ in range(3_000):
        content = bytearray(intact)
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            content[place] = rng.choice(extremes) if rng.random() < 0.7 else rng.integers(256)
        files.append(bytes(content))
    for content, answer in zip(files, ask([wav_command(content) for content in files]), strict=True):
        status, samples, *pcm = map(int, answer.split())
        assert 0 <= status <= TRUNCATED
        if status == OK:
            assert 2 * samples <= len(content) - 44
            present = struct.pack(f"<{min(4, samples)}h", *pcm[:samples])
            assert present in content


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
