"""Packs the C for use in projects of any kind; publishes ``c/``."""

from __future__ import annotations

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document
from birdnet_stm32.files.regular_file import sha256_of
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.firmware.package import PackageSettings, render_package
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.stages.inputs.file_names import C_FOLDER, CONFIG, MODEL
from birdnet_stm32.stages.inputs.project import generated_model
from birdnet_stm32.stages.inputs.rules import release_rules
from birdnet_stm32.terminal_text import counted


def run(job: Job) -> Outcome:
    """Render the package around the generated C."""
    verified, release = job.inputs["verify"], job.variant.variant
    settings = PackageSettings(
        name=job.release.name,
        title=release.title,
        version=release.version,
        model_sha256=sha256_of(verified / MODEL),
        input_rates_hz=job.variant.firmware.input_rates_hz,
    )
    files = render_package(
        generated_model(job.inputs["codegen"]),
        read_contract(verified / CONFIG),
        release_rules(job),
        settings,
        threshold_notes=[
            one.note for one in read_document(ThresholdsDocument, job.inputs["thresholds"]).species
        ],
    )
    write_tree(job.out / C_FOLDER, files)
    return Outcome(summary=f"{settings.package}: {counted(len(files), 'file')} of C for any project")
