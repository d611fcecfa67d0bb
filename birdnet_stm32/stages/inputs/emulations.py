"""Read what the stage emulate published of each board."""

from __future__ import annotations

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.emulation_result import EmulateDocument
from birdnet_stm32.stages.inputs.file_names import emulation_folder


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
