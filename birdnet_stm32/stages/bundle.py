"""Zips the release; publishes ``<variant>-<version>-<build>.zip``, the same bytes for the same release.

``<build>`` is a digest of the contents: two bundles that differ never have the same name. While a file is
zipped, its digest is compared with the one that its stage recorded.
"""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.audio.packages import LICENCES
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.engine import published
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.errors import GateError
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.emulation_result import EmulateDocument
from birdnet_stm32.firmware.flash_plan import read_plan
from birdnet_stm32.firmware.memory_use import SizesDocument
from birdnet_stm32.firmware.npu_description import NpuFirmwareDocument
from birdnet_stm32.gates import refuse_failures, verdict_counts
from birdnet_stm32.quant.sensitivity.layer_report import LayersDocument
from birdnet_stm32.quant.verify import VerifyDocument
from birdnet_stm32.release.bundle import BundleFile, build_bundle
from birdnet_stm32.release.credit_sources import release_credits, uncredited_recordings
from birdnet_stm32.release.credits import credits_text
from birdnet_stm32.release.hearing import int8_hearing
from birdnet_stm32.release.manifest import Role, bundle_file_name
from birdnet_stm32.release.model_card import MODEL_CARD, model_card_text
from birdnet_stm32.release.readme import FlashFile, readme_text
from birdnet_stm32.release.release_card import release_card
from birdnet_stm32.release.release_gates import chance_waiver, release_gates
from birdnet_stm32.release.statements import (
    accuracy_statements,
    missing_window_statements,
    proven_statements,
    unproven_statements,
)
from birdnet_stm32.release.teacher_statement import teacher_statements
from birdnet_stm32.stages.inputs.file_names import (
    C_FOLDER,
    CLASSES,
    CONFIG,
    LABELS,
    MODEL,
    NPU_FIRMWARE_FOLDER,
    NPU_LICENCES,
    NPU_PROJECT,
    REPORT,
    TOOLCHAIN_LICENCES,
    emulation_folder,
)
from birdnet_stm32.stages.inputs.rules import release_rules
from birdnet_stm32.stages.inputs.teacher import read_teachers
from birdnet_stm32.terminal_text import counted

CONTENTS = (
    ("images/", "what is written to a board's flash"),
    ("firmware/", "linked programs and their maps, a folder a board"),
    ("projects/", "the CMake project of each board, complete: cmake --preset release"),
    ("c/", "the C for a project of your own: CMake, Zephyr, PlatformIO, Arduino, or your compiler"),
    ("MODEL_CARD.md", "what the model is for, how well it hears each species, and what nobody knows"),
    ("model/", "the int8 model, its configuration and its labels"),
    ("reports/", "report.html to look at; the measures as JSON; recordings and windows of each class"),
    ("licences/, CREDITS.txt", "whose work this builds on, and under which terms"),
)


def run(job: Job) -> Outcome:
    """Collect the files of the release and zip them.

    Raises:
        GateError: the model hears no better than chance, and the variant does not allow that.
    """
    release = job.variant.variant
    require_above_chance(job)
    files = [*_documents(job), *_firmware(job), *_model(job), *_reports(job), *_licences(job)]
    partial = job.out / "bundle.zip"
    listed = build_bundle(
        partial, files, variant=job.release.name, title=release.title, version=release.version
    )
    target = partial.rename(job.out / bundle_file_name(listed))
    return Outcome(
        summary=f"{target.name}: {counted(len(files), 'file')}, {target.stat().st_size / 1e6:.1f} MB; "
        f"{verdict_counts(release_gates(job))}"
    )


def require_above_chance(job: Job) -> None:
    """Refuse a model that hears no better than chance, unless the variant allows it. Raises: GateError."""
    heard = int8_hearing(job)
    refuse_failures(
        heard.gates(waiver=chance_waiver(job.variant)),
        f"the int8 model hears no better than chance: {heard.sentence}",
        where=job.release.path,
        remedies=(
            "look at the recordings of each class, and train longer or on more of them",
            "check that folders are named like the classes of a checkpoint that is given",
            "[bundle] require_above_chance = false makes a bundle that says so",
        ),
    )


def _documents(job: Job) -> list[BundleFile]:
    readme = readme_text(
        title=job.variant.variant.title,
        version=job.variant.variant.version,
        board=_flashed(job),
        flash_files=_flash_files(job),
        accuracy=accuracy_statements(job),
        contents=CONTENTS,
        rule=release_rules(job).sentence,
        gates=release_gates(job),
        learned=teacher_statements(read_teachers(job)),
        proven=proven_statements(job),
        unproven=(*unproven_statements(job), *missing_window_statements(job)),
    )
    return [
        BundleFile(path="README.txt", source=readme.encode(), role=Role.DOCUMENT),
        BundleFile(path=MODEL_CARD, source=model_card_text(release_card(job)).encode(), role=Role.DOCUMENT),
        BundleFile(path="CREDITS.txt", source=_credits(job), role=Role.LICENCE),
    ]


def _credits(job: Job) -> bytes:
    return credits_text(release_credits(job), uncredited_recordings(job)).encode()


def _flashed(job: Job) -> Board | None:
    return next(iter(folders.having("flash", job.variant.firmware.boards)), None)


def _flash_files(job: Job) -> list[FlashFile]:
    if "image" not in job.inputs:
        return []
    board = folders.first("flash", job.variant.firmware.boards)
    flash = folders.require(board.flash, board, "flash")
    return [
        FlashFile(path=f"images/{board.name}/{part.file}", address=part.address, what=part.name)
        for part in read_plan(job.inputs["image"], flash).parts
    ]


def _firmware(job: Job) -> list[BundleFile]:
    files = _tree(job.inputs["package"], "c", Role.SOURCE, part=C_FOLDER)
    files += _tree(job.inputs["firmware"], "projects", Role.SOURCE)
    for board in job.variant.firmware.boards:
        files += _tree(job.inputs["compile"], f"firmware/{board}", Role.FIRMWARE, part=board)
    if "npu_firmware" in job.inputs:
        built = folders.first("npu", job.variant.firmware.boards)
        folder, name = job.inputs["npu_firmware"], f"{built.name}_npu"
        files += _tree(folder, f"projects/{name}", Role.SOURCE, part=NPU_PROJECT)
        files += _tree(folder, f"firmware/{name}", Role.FIRMWARE, part=NPU_FIRMWARE_FOLDER)
    if "image" in job.inputs:
        flashed = folders.first("flash", job.variant.firmware.boards)
        files += _tree(job.inputs["image"], f"images/{flashed.name}", Role.IMAGE)
    return files


def _model(job: Job) -> list[BundleFile]:
    folder = job.inputs["verify"]
    return [
        _one(folder, MODEL, f"model/{MODEL}", Role.MODEL),
        _one(folder, CONFIG, f"model/{CONFIG}", Role.MODEL),
        _one(folder, LABELS, f"model/{LABELS}", Role.LABELS),
    ]


def _reports(job: Job) -> list[BundleFile]:
    named = {
        "report": REPORT,
        "representative": CLASSES,
        "evaluate": EvaluateDocument.FILE,
        "thresholds": ThresholdsDocument.FILE,
        "verify": VerifyDocument.FILE,
        "layers": LayersDocument.FILE,
        "analyze": "analysis.json",
        "compile": SizesDocument.FILE,
        "npu_firmware": NpuFirmwareDocument.FILE,
    }
    files = [
        _one(job.inputs[stage], name, f"reports/{name}", Role.REPORT)
        for stage, name in named.items()
        if stage in job.inputs
    ]
    emulated = [board.name for board in folders.having("emulator", job.variant.firmware.boards)]
    for board in emulated:
        name = (Path(emulation_folder(board, emulated)) / EmulateDocument.FILE).as_posix()
        files.append(_one(job.inputs["emulate"], name, f"reports/{name}", Role.REPORT))
    return files


def _licences(job: Job) -> list[BundleFile]:
    files = [BundleFile(path="licences/LICENSE", source=job.files["licence"], role=Role.LICENCE)]
    files += _tree(job.inputs["compile"], "licences/toolchain", Role.LICENCE, part=TOOLCHAIN_LICENCES)
    if "npu_firmware" in job.inputs:
        require_terms(read_document(NpuFirmwareDocument, job.inputs["npu_firmware"]))
        files += _tree(job.inputs["npu_firmware"], "licences/st", Role.LICENCE, part=NPU_LICENCES)
    if "fetch" in job.inputs:
        files += _tree(job.inputs["fetch"], "licences/recordings", Role.LICENCE, part=LICENCES)
    return files


def require_terms(described: NpuFirmwareDocument) -> None:
    """Refuse a bundle with linked parts of ST whose licence terms are missing.

    Args:
        described: ``npu.json`` of the stage ``npu_firmware``.

    Raises:
        GateError: names the parts.
    """
    without = [f"{one.name} ({one.licence})" for one in described.components if one.terms is None]
    if without:
        raise GateError(
            f"the firmware for the NPU has {', '.join(without)} linked in, whose terms are not at hand",
            where="licences/st",
            expected="a licence file beside each of ST's sources, or beside the generated network",
            remedy=(
                "put the LICENSE file of ST's package into the folder that STM32CUBE_N6_DIR or "
                "STEDGEAI_CORE_DIR names, and build again",
            ),
        )


def _tree(folder: Path, prefix: str, role: Role, *, part: str = "") -> list[BundleFile]:
    """Return the files that a stage published in a folder, or below a part of it."""
    start = f"{part}/" if part else ""
    return [
        _one(folder, start + name, f"{prefix}/{name}", role)
        for name in published.published_files(folder, part)
    ]


def _one(folder: Path, name: str, path: str, role: Role) -> BundleFile:
    """Return a file that a stage published, with the digest that it recorded."""
    return BundleFile(
        path=path, source=folder / name, role=role, sha256=published.recorded_digests(folder)[name]
    )
