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
from birdnet_stm32.release.hearing import int8_hearing
from birdnet_stm32.stages.inputs.accuracy import read_accuracy
from birdnet_stm32.stages.inputs.emulations import read_emulations
from birdnet_stm32.stages.inputs.memories import read_memories


def release_gates(job: Job) -> tuple[Gate, ...]:
    """Return every gate of a release: those on accuracy, then the others in the order of the pipeline.

    Args:
        job: of a stage that reads what the stages verify and compile published, and evaluate, npu,
            npu_firmware and emulate where the variant has them.
    """
    verified = read_document(VerifyDocument, job.inputs["verify"])
    gates = [*accuracy_and_chance(job), *agreement_gates(verified, job.variant.verify)]
    if "npu" in job.inputs:
        gates += read_document(GatesDocument, job.inputs["npu"]).gates
    for board, memory in read_memories(job).items():
        gates += memory_gates(board, memory)
    for emulated, result in read_emulations(job):
        gates += parity_gates(result, emulated.name)
    return tuple(gates)


def accuracy_and_chance(job: Job) -> tuple[Gate, ...]:
    """Return the gates on how well the model hears.

    Whether it hears more than chance is judged as the module ``hearing`` says.
    """
    accuracy = read_accuracy(job)
    measured = () if accuracy is None else accuracy.gates
    return (*measured, *int8_hearing(job).gates(waiver=chance_waiver(job.variant)))


def chance_waiver(variant: Variant) -> str | None:
    """Return the reason why a variant allows a model at chance; None if it does not."""
    return None if variant.bundle.require_above_chance else "[bundle] require_above_chance = false"
