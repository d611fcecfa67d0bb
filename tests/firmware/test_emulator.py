from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.audio.decoding.polyphase import design_filter, resample
from birdnet_stm32.audio.windows.window_positions import cut_window, window_starts
from birdnet_stm32.boards import folders
from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.event_stream import EventStream
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files.document import document_values
from birdnet_stm32.firmware import console, emulator
from birdnet_stm32.firmware.console import Detection, PrintedEvent
from birdnet_stm32.firmware.emulation_result import Parity
from birdnet_stm32.firmware.render import FirmwareSettings
from birdnet_stm32.firmware.tensor_dump import WindowDump
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec

BOARD = folders.find("mps3_an547")
MACHINE = folders.require(BOARD.emulator, BOARD, "emulator")
SPEC = FrontendSpec(kind=Frontend.RAW, sample_rate_hz=8_000, window_samples=64)
Compile = Callable[..., Path]
HOSTILE = (
    'a "quoted" \\n \\ */ /* // ??/ %s %n name',
    'line\nbreak\ttab\r"; system("x"); //',
    "🐦 Höckerschwan " + "x" * 300,
)


def recordings(*lengths: int) -> dict[str, npt.NDArray[np.int16]]:
    rng = np.random.default_rng(3)
    return {
        f"{number}.wav": rng.integers(-32_768, 32_767, length, np.int16, endpoint=True)
        for number, length in enumerate(lengths)
    }


def test_shares_are_even_and_complete() -> None:
    assert emulator._shares([5, 1, 1, 1, 1, 1], 2) == [(0,), (1, 2, 3, 4, 5)]
    assert emulator._shares([1], 2) == [(0,)]
    assert emulator._shares([3, 3, 3], 2) == [(0, 2), (1,)]


def test_windows_and_detections_are_described_by_recording_and_time() -> None:
    nothing = np.zeros(0, np.int8)
    run = emulator.EmulationRun(
        recordings=("window_0000", "window_0001"),
        windows=tuple(
            WindowDump(
                recording=recording,
                window=0,
                first_sample=first_sample,
                steps=np.zeros((1, 0), np.float32),
                quantized_input=nothing,
                output=nothing,
            )
            for recording, first_sample in ((0, 0), (1, 4_000))
        ),
        detections=(Detection(recording=1, label=0, name="tit", probability=0.75),),
        console="",
        events=(
            PrintedEvent(
                recording=1,
                event=Event(label="tit", start_samples=4_000, end_samples=12_000, score=0.75),
            ),
        ),
    )
    places = [emulator.Place(path="tit/a.wav", start_s=2.5), emulator.Place(path="tit/b.wav", start_s=1.0)]
    parity = Parity(
        windows=2,
        inputs_differing=0,
        outputs_compared=4,
        outputs_differing=0,
        front_end_max_relative_error=1e-7,
        stage_max_relative_errors={"mel": 1e-7},
        first_difference=None,
    )
    assert document_values(emulator.describe_emulation(run, parity, places, 8_000)) == {
        **asdict(parity),
        "inputs": [{"recording": "tit/a.wav", "start_s": 2.5}, {"recording": "tit/b.wav", "start_s": 1.5}],
        "detections": [{"recording": "tit/b.wav", "start_s": 1.0, "label": "tit", "probability": 0.75}],
        "events": [{"recording": "tit/b.wav", "start_s": 1.5, "end_s": 2.5, "label": "tit", "score": 0.75}],
    }


@pytest.mark.parametrize("lengths", [(), (10, 0)])
def test_nothing_to_run_is_refused(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="empty"):
        emulator.run(Path("none"), MACHINE, recordings(*lengths), SPEC, work=tmp_path, timeout_s=1)


@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize("thresholds", [(), (0.97, 0.6, 0.3)])
def test_a_run_gives_every_window_and_detection(
    compiled: Compile, tmp_path: Path, thresholds: tuple[float, ...]
) -> None:
    settings = FirmwareSettings(
        threshold=0.5, top_k=2, title=HOSTILE[0], version=HOSTILE[1], thresholds=thresholds
    )
    least = thresholds or (0.5,) * 3
    elf = compiled(HOSTILE, settings=settings)
    given = recordings(200, 10, 64, 65, 1)
    done: list[int] = []
    run = emulator.run(elf, MACHINE, given, SPEC, work=tmp_path / "work", timeout_s=60, on_window=done.append)

    assert run.recordings == tuple(given)
    assert done[-1] == len(run.windows)
    places = [
        (recording, window, start)
        for recording, pcm in enumerate(given.values())
        for window, start in enumerate(window_starts(len(pcm), 64, 32))
    ]
    assert [(one.recording, one.window, one.first_sample) for one in run.windows] == places
    for one, pcm in zip(run.windows, (list(given.values())[place[0]] for place in places), strict=True):
        window = cut_window(pcm, one.first_sample, 64) / np.float32(32_768)
        np.testing.assert_array_equal(one.features, window)
        np.testing.assert_array_equal(one.quantized_input, np.trunc(window * 128))
        assert one.output[0] == one.quantized_input[0]

    left_out: list[str] = []
    for recording in range(len(given)):
        outputs = np.stack([one.output for one in run.windows if one.recording == recording])
        pooled = (outputs.max(axis=0).astype(int) + 128) / 256
        best = sorted((-pooled[label], label) for label in range(3) if pooled[label] >= least[label])[:2]
        found = [one for one in run.detections if one.recording == recording]
        assert [(one.label, one.name) for one in found] == [(label, HOSTILE[label]) for _, label in best]
        np.testing.assert_allclose([one.probability for one in found], [-one for one, _ in best], atol=1e-6)
        stream = EventStream(make_rules(settings.detect, HOSTILE, least, SPEC.window_shape))
        first_samples = [one.first_sample for one in run.windows if one.recording == recording]
        events = []
        for row, first_sample in zip(outputs, first_samples, strict=True):
            events += stream.push((row.astype(np.float32) + 128) / 256, first_sample)
        events += stream.finish(len(list(given.values())[recording]))
        assert [one.event for one in run.events if one.recording == recording] == events
        for label, tally in enumerate(stream.tallies):
            reasons = (tally.not_allowed, tally.unconfirmed, tally.held_off, tally.over_limit)
            left_out += [" ".join(map(str, (label, *reasons)))] if any(reasons) else []
    assert run.events
    printed = re.findall(r"^left-out \d+ ([\d ]+) ", run.console, re.MULTILINE)  # each machine counts anew
    assert sorted(printed) == sorted(left_out) != []
    report = console.parse(run.console)
    assert (report.title, report.version) == HOSTILE[:2]


@pytest.mark.emulated
@pytest.mark.slow
def test_recordings_of_another_rate_are_converted_as_the_twin_converts_them(
    compiled: Compile, tmp_path: Path
) -> None:
    settings = FirmwareSettings(
        threshold=0.5, top_k=2, title="t", version="1", input_rates_hz=(16_000, 32_000)
    )
    elf = compiled(settings=settings)
    given = recordings(700, 64, 3)
    run = emulator.run(elf, MACHINE, given, SPEC, work=tmp_path / "work", timeout_s=60, input_rate_hz=16_000)
    converter = design_filter(16_000, SPEC.sample_rate_hz)
    converted = [resample(pcm, converter) for pcm in given.values()]
    starts = [
        (number, start) for number, pcm in enumerate(converted) for start in window_starts(len(pcm), 64, 32)
    ]
    assert [(one.recording, one.first_sample) for one in run.windows] == starts
    for one in run.windows:
        window = cut_window(converted[one.recording], one.first_sample, 64)
        np.testing.assert_array_equal(one.features, window / np.float32(32_768))

    with pytest.raises(ToolError, match="its rate is 44100 Hz, the model's 8000 Hz"):
        emulator.run(elf, MACHINE, given, SPEC, work=tmp_path / "other", timeout_s=60, input_rate_hz=44_100)


@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize(
    ("definition", "named"),
    [
        ("STANDIN_CRASH", r"(?s)exit status 1.*recording 0.*fault.*cfsr 0x0001.*pc 0x1000"),
        ("STANDIN_OVERFLOW", "(?s)exit status 1.*stack overflow"),
        ("STANDIN_HANG", "(?s)did not finish within 3 s.*recording 0"),
    ],
)
def test_crashes_and_hangs_are_failures_with_the_last_output(
    compiled: Compile, tmp_path: Path, definition: str, named: str
) -> None:
    elf = compiled(("a", "b", "c"), definition)
    begin = time.monotonic()
    with pytest.raises(ToolError, match=named):
        emulator.run(elf, MACHINE, recordings(100, 100), SPEC, work=tmp_path / "work", timeout_s=3)
    assert time.monotonic() - begin < 10


@pytest.mark.emulated
@pytest.mark.slow
def test_a_model_of_another_contract_is_noticed(compiled: Compile, tmp_path: Path) -> None:
    elf = compiled()
    with pytest.raises(ToolError, match=r"its rate is 9000 Hz, the model.s 8000 Hz"):
        emulator.run(
            elf,
            MACHINE,
            recordings(100),
            FrontendSpec(kind=Frontend.RAW, sample_rate_hz=9_000, window_samples=64),
            work=tmp_path / "rate",
            timeout_s=30,
        )
    with pytest.raises(ToolError, match="contract"):
        emulator.run(
            elf,
            MACHINE,
            recordings(100),
            FrontendSpec(kind=Frontend.RAW, sample_rate_hz=8_000, window_samples=32),
            work=tmp_path / "window",
            timeout_s=30,
        )
