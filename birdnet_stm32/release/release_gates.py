"""All gates of a release, judged from what its stages published."""

from __future__ import annotations

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.emulation_result import parity_gates
from birdnet_stm32.firmware.memory_use import memory_gates
from birdnet_stm32.gates import Gate
from birdnet_stm32.npu.stedgeai.gates import GatesDocument
from birdnet_stm32.quant.verify import VerifyDocument, agreement_gates
from birdnet_stm32.stages.inputs.emulations import read_emulations
from birdnet_stm32.stages.inputs.memories import read_memories


def release_gates(job: Job) -> tuple[Gate, ...]:
    """Return every gate of a release, in the order of the pipeline.

    Args:
        job: of a stage that reads what the stages verify and compile published, and npu, npu_firmware and
            emulate where the variant has them.
    """
    verified = read_document(VerifyDocument, job.inputs["verify"])
    gates = [
        *verified.hearing.int8.gates(waiver=chance_waiver(job.variant)),
        *agreement_gates(verified, job.variant.verify),
    ]
    if "npu" in job.inputs:
        gates += read_document(GatesDocument, job.inputs["npu"]).gates
    for board, memory in read_memories(job).items():
        gates += memory_gates(board, memory)
    for emulated, result in read_emulations(job):
        gates += parity_gates(result, emulated.name)
    return tuple(gates)


def chance_waiver(variant: Variant) -> str | None:
    """Return the reason why a variant allows a model at chance; None if it does not."""
    return None if variant.bundle.require_above_chance else "[bundle] require_above_chance = false"
