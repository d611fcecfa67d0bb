"""Runs the firmware of every emulated board over validation windows, and over some windows of the test split.

The first validation windows are also run one after the other, as one recording, so that windows decide
together there. The events that the firmware prints have to be those of the definition.

Publishes ``emulate.json`` and ``console.txt``. The results of the first emulated board of the variant are in
the folder of the stage, those of every other board in a subfolder with its name. ``test_outputs.npz`` holds
what the first board computed for windows of the test split, which measure its accuracy.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.windows.window_positions import spread_positions
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.firmware import emulator, parity
from birdnet_stm32.firmware.emulation_result import Parity
from birdnet_stm32.firmware.emulator import Place, describe_emulation
from birdnet_stm32.firmware.event_parity import check_events
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.file_names import CONFIG, CONSOLE, MODEL, TEST_OUTPUTS, emulation_folder
from birdnet_stm32.stages.inputs.rules import release_rules
from birdnet_stm32.stages.inputs.windows import load_windows, open_evaluation_windows
from birdnet_stm32.terminal_text import counted

LONGEST_JOINED = 8
"""Greatest number of windows that are run one after the other, as one recording."""
_JOINED_NAME = "the first validation windows, one after the other"


def run(job: Job) -> Outcome:
    """Compare everything that the firmware of each emulated board computes with the references.

    Raises:
        GateError: an output differs from the reference kernels, the front end from NumPy, or an event from
            the definition.
    """
    emulated = folders.having("emulator", job.variant.firmware.boards)
    names = [board.name for board in emulated]
    results = {}
    for board in emulated:
        folder = job.out / emulation_folder(board.name, names)
        folder.mkdir(exist_ok=True)
        results[board.name] = _emulate(job, board, folder)
    for result in results.values():
        parity.require(result)
    sentences = {name: _summary(result) for name, result in results.items()}
    named = [sentence if len(names) == 1 else f"{name}: {sentence}" for name, sentence in sentences.items()]
    return Outcome(
        summary="; ".join(named),
        measures={
            "windows": max(result.windows for result in results.values()),
            "outputs_differing": sum(result.outputs_differing for result in results.values()),
            "events": max(result.events_compared for result in results.values()),
        },
    )


def _summary(result: Parity) -> str:
    return (
        f"{counted(result.windows, 'window')}, {result.outputs_differing} of "
        f"{counted(result.outputs_compared, 'output')} "
        f"differ, front end within {result.front_end_max_relative_error:.1e}, "
        f"{result.events_differing} of {counted(result.events_compared, 'event')} differ"
    )


def _emulate(job: Job, board: Board, folder: Path) -> Parity:
    """Run the firmware of one board, compare its results, and write the comparison into ``folder``."""
    verified = job.inputs["verify"]
    contract = read_contract(verified / CONFIG)
    spec = contract.frontend
    stored, most = load_windows(job.inputs["representative"]), job.variant.emulate.windows
    verifying = stored.validation[:most]
    test = _sample_of_test_split(job)
    windows = [*verifying, *test[:]]
    places = [
        Place(path=row.path, start_s=row.start_sample / spec.sample_rate_hz)
        for row in stored.validation_rows[:most]
    ] + [
        Place(path=test.recordings[number].path, start_s=start_s)
        for number, start_s in zip(test.recording_of, test.start_s.tolist(), strict=True)
    ]
    recordings = {f"window_{number:04d}": pcm for number, pcm in enumerate(windows)}
    joined = verifying[:LONGEST_JOINED]
    if len(joined) > 1:
        recordings["windows_joined"] = np.concatenate(joined)
        places.append(Place(path=_JOINED_NAME))
    total = sum(len(spec.window_shape.starts(len(pcm))) for pcm in recordings.values())
    model = (verified / MODEL).read_bytes()
    with tempfile.TemporaryDirectory(prefix="birdnet-") as work, track("emulate") as report:
        ran = emulator.run(
            job.inputs["compile"] / board.name / "firmware.elf",
            folders.require(board.emulator, board, "emulator"),
            recordings,
            spec,
            work=Path(work),
            timeout_s=job.variant.emulate.timeout_s,
            on_window=lambda done: report(done, total),
        )
        result = parity.check(ran, model, spec, recordings)
        result = check_events(result, ran, model, contract, recordings, release_rules(job))
    write_document(describe_emulation(ran, result, places, spec.sample_rate_hz), folder)
    (folder / CONSOLE).write_text(ran.console, encoding="utf-8")
    outputs = np.array([one.output for one in ran.windows], np.int8).reshape(len(ran.windows), -1)
    is_test = np.array([len(verifying) <= one.recording < len(windows) for one in ran.windows], bool)
    np.savez(
        folder / TEST_OUTPUTS,
        recording=test.recording_of,
        start=test.start_sample,
        output=outputs[is_test],
    )
    return result


def _sample_of_test_split(job: Job) -> WindowSet:
    """Return the windows of the test split that the firmware computes, spread over all of them."""
    windows = open_evaluation_windows(job)
    chosen = np.zeros(len(windows), bool)
    chosen[spread_positions(len(windows), job.variant.evaluate.firmware_windows)] = True
    return windows.where(chosen)
