"""Read what every project of a release is rendered from: the generated C and the settings of the variant."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.detect.rules import with_own_thresholds
from birdnet_stm32.engine.published import published_files
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.render import FirmwareSettings
from birdnet_stm32.stages.inputs.file_names import C_FOLDER


def generated_model(codegen: Path) -> dict[str, bytes]:
    """Return the files of C that the stage codegen published, by name."""
    return {name: path.read_bytes() for name, path in published_files(codegen, C_FOLDER).items()}


def release_settings(job: Job) -> FirmwareSettings:
    """Return the settings of the application, with the thresholds that the stage thresholds chose."""
    return firmware_settings(job.variant, read_document(ThresholdsDocument, job.inputs["thresholds"]))


def firmware_settings(variant: Variant, chosen: ThresholdsDocument | None = None) -> FirmwareSettings:
    """Return the settings of the application.

    Args:
        variant: the variant.
        chosen: the threshold of each class; None where ``[firmware] threshold`` holds for all of them.
    """
    thresholds: tuple[float, ...] = ()
    if chosen is not None:
        labels = [one.label for one in chosen.species]
        thresholds = with_own_thresholds(variant.detect, labels, [one.threshold for one in chosen.species])
    return FirmwareSettings(
        detect=variant.detect,
        thresholds=thresholds,
        threshold_notes=() if chosen is None else tuple(one.note for one in chosen.species),
        threshold=variant.firmware.threshold,
        top_k=variant.firmware.top_k,
        input_rates_hz=variant.firmware.input_rates_hz,
        title=variant.variant.title,
        version=variant.variant.version,
    )
