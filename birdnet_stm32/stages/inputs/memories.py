"""Read how full the memories of each board are, from the stages compile and npu_firmware."""

from __future__ import annotations

from birdnet_stm32.boards import folders
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.memory_use import MemoryUse, SizesDocument
from birdnet_stm32.firmware.npu_description import NpuFirmwareDocument


def read_memories(job: Job) -> dict[str, MemoryUse]:
    """Return how full the memories of each firmware are, by the name of its board, sorted."""
    memories = dict(read_document(SizesDocument, job.inputs["compile"]).boards)
    if "npu_firmware" in job.inputs:
        board = folders.first("npu", job.variant.firmware.boards)
        memories[f"{board.name}, network on the NPU"] = read_document(
            NpuFirmwareDocument, job.inputs["npu_firmware"]
        )
    return dict(sorted(memories.items()))
