"""Run a model as firmware on an emulated board, over recordings, and compare it with the references."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.config.variant import FirmwareTable
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.firmware import emulator, parity
from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.emulation_result import Parity
from birdnet_stm32.firmware.emulator import EmulationRun
from birdnet_stm32.firmware.event_parity import check_events
from birdnet_stm32.firmware.render import FirmwareSettings, render_project
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.progress import Report
from birdnet_stm32.tflite.reader import read_graph


def generate_library(tflite: bytes, contract: ModelContract, *, where: str) -> dict[str, bytes]:
    """Return the C of a model and its front end, by relative path. Raises: InputError."""
    return generate_c(read_graph(tflite, where=where, whole=False), labels=contract.labels, contract=contract)


def emulate_model(
    tflite: bytes,
    contract: ModelContract,
    library: Mapping[str, bytes],
    recordings: Mapping[str, NDArray[np.int16]],
    *,
    board: Board,
    title: str,
    timeout_s: float,
    report: Report,
) -> tuple[EmulationRun, Parity]:
    """Run the firmware of a model over every window of recordings and compare it with the references.

    Args:
        tflite: the model.
        contract: contract of the model.
        library: the C that was generated from it.
        recordings: PCM at the model's sample rate, by name.
        board: an emulated board.
        title: title that the firmware shows.
        timeout_s: seconds after which an emulation is ended as hung.
        report: called with (done, total) after each window.

    Raises:
        ToolError: a compiler or the emulator is missing or failed.
    """
    defaults, spec = FirmwareTable(), contract.frontend
    settings = FirmwareSettings(
        threshold=defaults.threshold, top_k=defaults.top_k, title=title, version="0.0.0"
    )
    total = sum(len(spec.window_shape.starts(len(pcm))) for pcm in recordings.values())
    with tempfile.TemporaryDirectory(prefix="birdnet-") as folder:
        work = Path(folder)
        write_tree(work / "project", render_project(board.name, library, settings))
        firmware = build(work / "project", work / "build")
        (work / "run").mkdir()
        ran = emulator.run(
            firmware.elf,
            folders.require(board.emulator, board, "emulator"),
            recordings,
            spec,
            work=work / "run",
            timeout_s=timeout_s,
            on_window=lambda done: report(done, total),
        )
        thresholds = (defaults.threshold,) * len(contract.labels)
        rules = make_rules(DetectTable(), contract.labels, thresholds, spec.window_shape)
        compared = parity.check(ran, tflite, spec, recordings)
        return ran, check_events(compared, ran, tflite, contract, recordings, rules)
