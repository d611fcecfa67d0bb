"""Read what the stage emulate published of each board."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.scored_windows import Floats, Indices
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.emulation_result import EmulateDocument
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant.arithmetic.scheme import dequantize
from birdnet_stm32.stages.inputs.file_names import CONFIG, MODEL, TEST_OUTPUTS, emulation_folder
from birdnet_stm32.tflite.reader import read_graph


def read_emulations(job: Job) -> tuple[tuple[Board, EmulateDocument], ...]:
    """Return every emulated board of the variant with its result; empty without the stage emulate."""
    if "emulate" not in job.inputs:
        return ()
    boards = folders.having("emulator", job.variant.firmware.boards)
    names = [board.name for board in boards]
    return tuple(
        (
            board,
            read_document(EmulateDocument, job.inputs["emulate"] / emulation_folder(board.name, names)),
        )
        for board in boards
    )


def read_emulated_scores(job: Job, windows: WindowSet) -> tuple[Indices, Floats]:
    """Return what the firmware of the first emulated board gave to windows of the test split.

    Args:
        job: of a stage that reads what the stages verify and emulate published.
        windows: the windows that a model is judged by.

    Returns:
        Positions in ``windows``, int64 ``[k]``, and probabilities, float32 ``[k, classes]``. Both are empty
        without the stage emulate.
    """
    contract = read_contract(job.inputs["verify"] / CONFIG)
    if "emulate" not in job.inputs:
        return np.zeros(0, np.int64), np.zeros((0, len(contract.labels)), np.float32)
    stored = np.load(job.inputs["emulate"] / TEST_OUTPUTS, allow_pickle=False)
    places = zip(windows.recording_of.tolist(), windows.start_sample.tolist(), strict=True)
    position = {place: number for number, place in enumerate(places)}
    computed = zip(stored["recording"].tolist(), stored["start"].tolist(), stored["output"], strict=True)
    found = [
        (position[number, start], output) for number, start, output in computed if (number, start) in position
    ]
    model = job.inputs["verify"] / MODEL
    scale = lower(read_graph(model.read_bytes(), where=str(model))).output
    outputs = np.array([output for _, output in found], np.int8).reshape(len(found), len(contract.labels))
    values = dequantize(outputs, scale.scale, scale.zero_point)
    return np.array([number for number, _ in found], np.int64), probabilities(values, contract)
