"""What a release has shown and what it has not, in plain sentences, for the report and the bundle."""

from __future__ import annotations

from birdnet_stm32.audio.windows.class_coverage import ClassCoverage, missing_window_sentences
from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files import parquet_table
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.emulation_result import EmulateDocument
from birdnet_stm32.model.evaluation.chance import Hearing
from birdnet_stm32.quant.verify import VerifyDocument
from birdnet_stm32.stages.inputs.file_names import COVERAGE, emulation_folder

ON_SILICON = "Nothing in this release has run on silicon: no board was flashed, no image was booted."
_TIMING = "Cycles, energy and real-time behaviour are unknown: the emulator counts neither."
_NO_NPU = (
    "The NPU is not used: the portable backend runs on the CPU. The mapping of operators comes from ST's "
    "documentation and public reports, not from ST's compiler."
)
_NPU = (
    "The network was compiled for the NPU and has not run on one: whether its results are those of the "
    ".tflite, and how long it takes, only a board can say."
)
_FIELD = (
    "How well the model recognises birds in the field is not what these measures say: they compare the int8 "
    "model with its own float model."
)


def heard_by_int8(job: Job) -> Hearing:
    """Return how the release's int8 model compares with chance on the validation windows."""
    return read_document(VerifyDocument, job.inputs["verify"]).hearing.int8


def unproven(job: Job) -> tuple[str, ...]:
    """Return what nobody has shown of a release."""
    npu = _NO_NPU if job.variant.codegen.backend == "portable" else _NPU
    heard = heard_by_int8(job)
    if heard.shown:
        return _TIMING, npu, _FIELD
    hears = (
        f"Nobody has shown that this model hears anything: {heard.sentence}."
        if heard.above_chance is not False
        else f"This model hears no better than chance on the windows of its verification: {heard.sentence}."
    )
    return hears, _TIMING, npu, _FIELD


def lacking(job: Job) -> tuple[str, ...]:
    """Return which classes of this release nothing trains, calibrates or measures."""
    classes = parquet_table.read(job.inputs["representative"] / COVERAGE, ClassCoverage)
    return missing_window_sentences(classes, trained=job.variant.model.checkpoint is None)


def proven(job: Job) -> tuple[str, ...]:
    """Return what the stages of this release showed."""
    measured = read_document(VerifyDocument, job.inputs["verify"]).all
    claims = [
        f"The int8 model agrees with its float model on {measured.windows} validation windows: mean "
        f"cosine of the probabilities {measured.cosine_mean:.4f}, 5th percentile "
        f"{measured.cosine_p05:.4f}.",
    ]
    heard = heard_by_int8(job)
    if heard.shown:
        claims.append(
            f"The int8 model hears more than chance on the windows of its verification: {heard.sentence}."
        )
    if "emulate" in job.inputs:
        boards = folders.having("emulator", job.variant.firmware.boards)
        names = [board.name for board in boards]
        for board in boards:
            emulated = read_document(
                EmulateDocument, job.inputs["emulate"] / emulation_folder(board.name, names)
            )
            claims.append(
                f"The firmware for the emulated board {board.name} (QEMU, {board.core}) gave "
                f"{emulated.outputs_compared} outputs over {emulated.windows} windows, "
                f"{emulated.outputs_differing} of them different from LiteRT's reference kernels; its "
                f"front end is within {emulated.front_end_max_relative_error:.1e} of NumPy's, relative to "
                "each stage's maximum."
            )
    if "image" in job.inputs:
        board = folders.first("flash", job.variant.firmware.boards)
        claims.append(
            f"The firmware for the {board.product} was compiled, linked and packed with its boot header; its "
            "memory use and its vector table were checked."
        )
    return tuple(claims)


def chance_waiver(variant: Variant) -> str | None:
    """Return the reason why a variant allows a model at chance; None if it does not."""
    return None if variant.bundle.require_above_chance else "[bundle] require_above_chance = false"
