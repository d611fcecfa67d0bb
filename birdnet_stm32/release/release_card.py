"""Gather the model card of a release from what its stages published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.splits.recording_split import SPLITS, TEST, TRAIN, VALIDATION
from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files import regular_file
from birdnet_stm32.files.document import read_document
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.release.credit_sources import licence_counts, uncredited_recordings
from birdnet_stm32.release.facts import Fact
from birdnet_stm32.release.model_card import ClassSplit, ModelCard
from birdnet_stm32.release.release_gates import release_gates
from birdnet_stm32.release.statements import (
    NOTHING_ON_SILICON,
    missing_window_statements,
    unproven_statements,
)
from birdnet_stm32.release.teacher_statement import teacher_facts, teacher_statements
from birdnet_stm32.stages.inputs.accuracy import read_accuracy, read_thresholds
from birdnet_stm32.stages.inputs.file_names import C_FOLDER, CONFIG, MODEL
from birdnet_stm32.stages.inputs.index import read_index
from birdnet_stm32.stages.inputs.teacher import read_teachers
from birdnet_stm32.terminal_text import counted

_KIB = 1024


def release_card(job: Job) -> ModelCard:
    """Return the model card of a release.

    Args:
        job: of a stage that reads what the stages index, representative, verify, codegen and compile
            published, and evaluate and thresholds where the variant has them.
    """
    return ModelCard(
        title=job.variant.variant.title,
        version=job.variant.variant.version,
        variant=job.release.name,
        details=_details(job),
        trained=job.variant.model.checkpoint is None,
        learned=teacher_statements(read_teachers(job)),
        classes=class_splits(read_index(job.inputs["index"])),
        licences=licence_counts(job),
        unlicensed=len(uncredited_recordings(job).recordings),
        accuracy=read_accuracy(job),
        thresholds=read_thresholds(job),
        gates=release_gates(job),
        limits=(NOTHING_ON_SILICON, *unproven_statements(job), *missing_window_statements(job)),
    )


def _details(job: Job) -> tuple[Fact, ...]:
    folder = job.inputs["verify"]
    contract, model = read_contract(folder / CONFIG), folder / MODEL
    network = read_document(NetworkDocument, job.inputs["codegen"] / C_FOLDER)
    spec = contract.frontend
    boards = ", ".join(folders.find(name).product for name in job.variant.firmware.boards)
    return (
        Fact(name="kind", value="depthwise separable convolutional network, quantized to int8 (TFLite)"),
        Fact(name="classes", value=f"{len(contract.labels):,}, in model/labels.txt"),
        Fact(
            name="input",
            value=f"{spec.window_s:g} s of mono audio at {spec.sample_rate_hz:,} Hz; front end {spec.kind}",
        ),
        Fact(name="output", value="a probability for each class"),
        Fact(
            name="size",
            value=f"{network.constant_bytes / _KIB:.0f} KiB of weights and tables, "
            f"{network.arena.size_bytes / _KIB:.0f} KiB of working memory, "
            f"{network.macs / 1e6:.1f} million multiply-accumulates for a window",
        ),
        Fact(name=counted(len(job.variant.firmware.boards), "board"), value=boards),
        Fact(name="SHA-256 of model/model.tflite", value=regular_file.sha256_of(model)),
        *teacher_facts(read_teachers(job)),
    )


def class_splits(rows: Iterable[IndexRow]) -> tuple[ClassSplit, ...]:
    """Return how many recordings of each class serve for what, by the name of the class."""
    recordings: dict[tuple[str, bool], dict[str, set[str]]] = defaultdict(
        lambda: {split: set() for split in SPLITS}
    )
    for row in rows:
        if row.usable and row.split in SPLITS:
            recordings[row.label, row.background][row.split].add(row.recording)
    return tuple(
        ClassSplit(
            label=label,
            background=background,
            train=len(found[TRAIN]),
            validation=len(found[VALIDATION]),
            test=len(found[TEST]),
        )
        for (label, background), found in sorted(recordings.items())
    )
