"""Runs the firmware of an emulated board in QEMU over recordings and collects everything it computed."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from birdnet_stm32 import process
from birdnet_stm32.boards.description import Emulator
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.firmware import console, tensor_dump
from birdnet_stm32.firmware.console import Console, Detection, PrintedEvent
from birdnet_stm32.firmware.emulation_result import (
    EmulatedDetection,
    EmulatedEvent,
    EmulateDocument,
    EmulatedWindow,
    Parity,
)
from birdnet_stm32.firmware.tensor_dump import WindowDump
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.frontend.spectrogram import in_place_stage_names

MAX_CONSOLE_BYTES = 64 * 2**20  # a firmware that prints without end must not fill the disk
_POLL_S = 0.05
_LIST, _DUMP, _CONSOLE = "list.txt", "dump.bin", "console.txt"


@dataclass(frozen=True, kw_only=True)
class EmulationRun:
    """What the firmware computed; ``recording`` everywhere is the index in ``recordings``.

    Args:
        recordings: their names.
        windows: the tensors of every window, by recording and window.
        detections: by recording, the most probable first.
        console: everything it printed.
        events: by recording, in the order in which they ended.
    """

    recordings: tuple[str, ...]
    windows: tuple[WindowDump, ...]
    detections: tuple[Detection, ...]
    console: str
    events: tuple[PrintedEvent, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the audio of one emulated input came from.

    Args:
        path: the recording, relative to the folder of recordings.
        start_s: where the input begins in it.
    """

    path: str
    start_s: float = 0.0


def describe_emulation(
    ran: EmulationRun, parity: Parity, places: Sequence[Place], sample_rate_hz: int
) -> EmulateDocument:
    """Return how far the firmware is from the references, which windows were run and what was detected.

    Args:
        ran: what the firmware computed.
        parity: its comparison with the references.
        places: the origin of each recording that the firmware was given.
        sample_rate_hz: of the windows.
    """
    return EmulateDocument(
        **vars(parity),
        inputs=tuple(
            EmulatedWindow(
                recording=places[one.recording].path,
                start_s=round(places[one.recording].start_s + one.first_sample / sample_rate_hz, 6),
            )
            for one in ran.windows
        ),
        detections=tuple(
            EmulatedDetection(
                recording=places[one.recording].path,
                start_s=round(places[one.recording].start_s, 6),
                label=one.name,
                probability=one.probability,
            )
            for one in ran.detections
        ),
        events=tuple(
            EmulatedEvent(
                recording=places[one.recording].path,
                start_s=round(places[one.recording].start_s + one.event.start_samples / sample_rate_hz, 6),
                end_s=round(places[one.recording].start_s + one.event.end_samples / sample_rate_hz, 6),
                label=one.event.label,
                score=one.event.score,
            )
            for one in ran.events
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Machine:
    """One emulator at work on some of the recordings, in a folder of its own."""

    work: Path
    recordings: tuple[int, ...]
    running: process.RunningProgram

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return (self.work / _CONSOLE).read_text("utf-8", errors="replace")


def run(
    elf: Path,
    emulator: Emulator,
    recordings: Mapping[str, npt.NDArray[np.int16]],
    spec: FrontendSpec,
    *,
    work: Path,
    timeout_s: float,
    machines: int = 2,
    input_rate_hz: int | None = None,
    on_window: Callable[[int], None] | None = None,
) -> EmulationRun:
    """Run ``elf`` over recordings on emulators side by side.

    The firmware opens files of the host by semihosting; those it is given lie in ``work``.

    Args:
        elf: firmware of this project for an emulated board. Never run a firmware of somebody else:
            semihosting is not confined to a folder.
        emulator: the board's.
        recordings: PCM by name.
        spec: the model's front end.
        work: folder for recordings and dumps, which has to outlive the result.
        timeout_s: seconds until all emulators are stopped.
        machines: emulators at most.
        input_rate_hz: sample rate of the recordings, which the firmware converts; None for the model's.
        on_window: called with the number of windows done so far.

    Raises:
        InputError: there are no recordings, or one is empty.
        ToolError: QEMU is missing, or a firmware crashed, hung, refused a recording or wrote nonsense;
            quotes what it last printed.
    """
    empty = [name for name, pcm in recordings.items() if len(pcm) == 0]
    if not recordings or empty:
        raise InputError(
            f"{', '.join(empty[:3]) or 'the list of recordings'} is empty", expected="recordings with samples"
        )
    qemu = process.find_program("qemu-system-arm", package="qemu-system-arm")
    names = tuple(recordings)
    shares = _shares([len(recordings[name]) for name in names], machines)
    started: list[_Machine] = []
    try:
        for number, share in enumerate(shares):
            folder = work / f"machine{number}"
            rate_hz = input_rate_hz or spec.sample_rate_hz
            _write_inputs(folder, [recordings[names[index]] for index in share], rate_hz)
            started.append(_start(qemu, emulator, elf, folder, share))
        _wait(started, timeout_s, on_window)
    finally:
        for machine in started:
            machine.running.stop()
    return _collect(names, started, spec)


def _shares(lengths: Sequence[int], machines: int) -> list[tuple[int, ...]]:
    """Split recordings into shares of about equal length, deterministically; none is empty."""
    shares: list[list[int]] = [[] for _ in range(min(machines, len(lengths)))]
    totals = [0] * len(shares)
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        least = totals.index(min(totals))
        shares[least].append(index)
        totals[least] += lengths[index]
    return [tuple(sorted(share)) for share in shares]


def _write_inputs(folder: Path, recordings: Sequence[npt.NDArray[np.int16]], sample_rate_hz: int) -> None:
    folder.mkdir(parents=True)
    files = [f"{number:06}.wav" for number in range(len(recordings))]
    for file, pcm in zip(files, recordings, strict=True):
        with wave.open(str(folder / file), "wb") as stream:
            stream.setnchannels(1)
            stream.setsampwidth(2)
            stream.setframerate(sample_rate_hz)
            stream.writeframes(pcm.astype("<i2").tobytes())
    (folder / _LIST).write_text("".join(f"{file}\n" for file in files), "ascii")


def _start(qemu: Path, emulator: Emulator, elf: Path, folder: Path, recordings: tuple[int, ...]) -> _Machine:
    command = [
        *(str(qemu), "-M", emulator.machine, "-display", "none", "-monitor", "none"),
        *("-serial", "null", "-semihosting-config"),
        f"enable=on,target=native,arg=firmware,arg={_LIST},arg={_DUMP}",
        *("-kernel", str(elf.resolve())),
    ]
    with (folder / _CONSOLE).open("wb") as output:
        running = process.start_program(command, cwd=folder, output=output)
    return _Machine(work=folder, recordings=recordings, running=running)


def _wait(machines: Sequence[_Machine], timeout_s: float, on_window: Callable[[int], None] | None) -> None:
    """Wait until every machine ended well, or raise for the first that did not."""
    deadline = time.monotonic() + timeout_s
    reported = 0
    while True:
        states = [machine.running.poll() for machine in machines]
        for machine, state in zip(machines, states, strict=True):
            if state is not None and state != 0:
                raise _failure(machine, f"ended with exit status {state}")
            if (machine.work / _CONSOLE).stat().st_size > MAX_CONSOLE_BYTES:
                raise _failure(machine, f"printed more than {MAX_CONSOLE_BYTES} bytes and was stopped")
        if on_window is not None:
            done = sum(machine.text.count("\nwindow ") for machine in machines)
            if done > reported:
                on_window(done)
                reported = done
        if None not in states:
            return
        if time.monotonic() > deadline:
            hung = machines[states.index(None)]
            raise _failure(hung, f"did not finish within {timeout_s:g} s and was stopped")
        time.sleep(_POLL_S)


def _failure(machine: _Machine, what: str) -> ToolError:
    lines = machine.text.rstrip().splitlines()[-process.TAIL_LINES :]
    quoted = "\n    ".join(lines) if lines else "nothing"
    return ToolError(f"the emulated firmware {what}; it last printed\n    {quoted}", where="qemu-system-arm")


def _collect(names: tuple[str, ...], machines: Sequence[_Machine], spec: FrontendSpec) -> EmulationRun:
    windows: list[WindowDump] = []
    detections: list[Detection] = []
    events: list[PrintedEvent] = []
    for machine in machines:
        report = console.parse(machine.text)
        dumped = tensor_dump.read(
            machine.work / _DUMP,
            window_samples=spec.window_samples,
            steps=len(in_place_stage_names(spec)),
            input_elements=spec.input_elements,
        )
        _check(machine, report, dumped)
        windows += [replace(one, recording=machine.recordings[one.recording]) for one in dumped]
        events += [replace(one, recording=machine.recordings[one.recording]) for one in report.events]
        detections += [replace(one, recording=machine.recordings[one.recording]) for one in report.detections]
    return EmulationRun(
        recordings=names,
        windows=tuple(sorted(windows, key=lambda one: (one.recording, one.window))),
        detections=tuple(sorted(detections, key=lambda one: one.recording)),
        events=tuple(sorted(events, key=lambda one: one.recording)),
        console="".join(machine.text for machine in machines),
    )


def _check(machine: _Machine, report: Console, dumped: Sequence[WindowDump]) -> None:
    """Refuse a run whose console and dump disagree: nothing it says can be trusted then."""
    count = len(machine.recordings)
    if report.recordings != count:
        raise _failure(machine, f"took {report.recordings} recordings of {count}")
    if [(one.recording, one.window) for one in dumped] != list(report.windows):
        raise _failure(machine, f"reported {len(report.windows)} windows and dumped {len(dumped)} others")
    reported = {one.recording for one in dumped} | {one.recording for one in report.events}
    reported |= {one.recording for one in report.detections}
    if not reported <= set(range(count)):
        raise _failure(machine, "reported a recording it was not given")
