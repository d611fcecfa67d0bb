"""State what a release has shown and what it has not, in sentences for the report and the bundle."""

from __future__ import annotations

from birdnet_stm32.audio.windows.class_coverage import ClassCoverage, missing_window_sentences
from birdnet_stm32.boards import folders
from birdnet_stm32.config.accuracy_tables import Source
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.files import parquet_table
from birdnet_stm32.files.document import read_document
from birdnet_stm32.quant.verify import VerifyDocument
from birdnet_stm32.release.hearing import int8_hearing
from birdnet_stm32.stages.inputs.accuracy import read_accuracy
from birdnet_stm32.stages.inputs.emulations import read_emulations
from birdnet_stm32.stages.inputs.file_names import COVERAGE

NOTHING_ON_SILICON = "Nothing in this release has run on silicon: no board was flashed, no image was booted."
_NO_TIMING = "Cycles, energy and real-time behaviour are unknown: the emulator does not count them."
_NO_NPU = (
    "The NPU is not used: the portable backend runs on the CPU. The mapping of operators comes from ST's "
    "documentation and public reports, not from ST's compiler."
)
_NPU = (
    "The network was compiled for the NPU and has not run on one. Only a board can show whether its results "
    "are those of the .tflite, and how long an inference takes."
)
_NOT_MEASURED = (
    "The measures compare the int8 model with its own float model. Nobody has measured how well the model "
    "recognises birds."
)
_ELSEWHERE = (
    "They do not say how well it hears at another place, with another microphone or in another season."
)
_SOURCES: dict[Source, str] = {
    "test split": "The test recordings of the accuracy come from the same collection as those that the model "
    "learned from.",
    "folds": "The accuracy is that of models which were made in the same way from parts of the recordings, "
    "not of this very model.",
    "folder": "The accuracy was measured on one folder of recordings.",
    "soundscapes": "The accuracy was measured on one set of annotated soundscapes.",
}
_CHOSEN_RECORDINGS = (
    "Each of these recordings was made to record one species. In a day of sound from one place, birds are "
    "farther away, and there are more or fewer false alarms."
)


def unproven_statements(job: Job) -> tuple[str, ...]:
    """Return what nobody has shown of a release, a sentence each."""
    not_in_the_field = _field_statements(read_accuracy(job))
    npu = _NO_NPU if job.variant.codegen.backend == "portable" else _NPU
    heard = int8_hearing(job)
    if heard.shown:
        return (*not_in_the_field, _NO_TIMING, npu)
    hears = (
        f"Nobody has shown that this model hears anything: {heard.sentence}."
        if heard.above_chance is not False
        else f"This model hears no better than chance: {heard.sentence}."
    )
    return (hears, *not_in_the_field, _NO_TIMING, npu)


def _field_statements(accuracy: EvaluateDocument | None) -> tuple[str, ...]:
    """Return what the measured accuracy does not say of the field."""
    if accuracy is None or not accuracy.forms:
        return (_NOT_MEASURED,)
    measured = f"{_SOURCES[accuracy.source]} {_ELSEWHERE}"
    return (measured, _CHOSEN_RECORDINGS) if accuracy.unit == "recording" else (measured,)


def accuracy_statements(job: Job) -> tuple[str, ...]:
    """Return how well the model of a release hears, a sentence each; one sentence where nobody knows."""
    accuracy = read_accuracy(job)
    if accuracy is None or not accuracy.statements:
        return ("Nobody has measured how well this model hears.",)
    return accuracy.statements


def missing_window_statements(job: Job) -> tuple[str, ...]:
    """Return which classes of a release have no windows that train, calibrate or measure, a sentence each."""
    classes = parquet_table.read(job.inputs["representative"] / COVERAGE, ClassCoverage)
    return missing_window_sentences(classes, trained=job.variant.model.checkpoint is None)


def proven_statements(job: Job) -> tuple[str, ...]:
    """Return what the stages of a release showed, a sentence each."""
    measured = read_document(VerifyDocument, job.inputs["verify"]).all
    statements = [
        f"The int8 model agrees with its float model on {measured.windows} validation windows (agreement, "
        f"not accuracy): mean cosine of the probabilities {measured.cosine_mean:.4f}, 5th percentile "
        f"{measured.cosine_p05:.4f}.",
    ]
    heard = int8_hearing(job)
    if heard.shown:
        statements.append(f"The int8 model hears more than chance: {heard.sentence}.")
    statements += [
        f"The firmware for the emulated board {board.name} (QEMU, {board.core}) gave "
        f"{emulated.outputs_compared} outputs over {emulated.windows} windows, "
        f"{emulated.outputs_differing} of them different from LiteRT's reference kernels, and "
        f"{emulated.events_compared} events, {emulated.events_differing} of them different; its "
        f"front end is within {emulated.front_end_max_relative_error:.1e} of NumPy's, relative to "
        "each stage's maximum."
        for board, emulated in read_emulations(job)
    ]
    if "image" in job.inputs:
        board = folders.first("flash", job.variant.firmware.boards)
        statements.append(
            f"The firmware for the {board.product} was compiled, linked and packed with its boot header; its "
            "memory use and its vector table were checked."
        )
    return tuple(statements)
