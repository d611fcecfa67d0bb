"""Draws the report, one HTML page; publishes ``report.html``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from birdnet_stm32.audio.index.recording_index import IndexRow, count_notes
from birdnet_stm32.audio.splits.recording_split import TEST
from birdnet_stm32.audio.windows.class_coverage import ClassCoverage
from birdnet_stm32.codegen.network_document import NetworkDocument, PlannedArena
from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.chance import Hearing
from birdnet_stm32.files import parquet_table, regular_file
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.emulation_result import parity_gates
from birdnet_stm32.frontend import spectrogram
from birdnet_stm32.frontend.contract import FrontendSpec, read_contract
from birdnet_stm32.gates import Gate, failures
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.npu.analyze import Analysis, analyze
from birdnet_stm32.npu.lint.check import lint
from birdnet_stm32.npu.stedgeai.compilation import load_compilation
from birdnet_stm32.pcm import FULL_SCALE
from birdnet_stm32.quant.sensitivity.layer_report import LayersDocument
from birdnet_stm32.quant.verify import VerifyDocument, agreement_gates
from birdnet_stm32.release.accuracy_headline import accuracy_badge, accuracy_facts
from birdnet_stm32.release.credit_sources import release_credits, uncredited_recordings
from birdnet_stm32.release.facts import Badge, BadgeState, Fact
from birdnet_stm32.release.hearing import int8_hearing
from birdnet_stm32.release.mistake_clips import MistakeClip, mistake_clips
from birdnet_stm32.release.release_gates import release_gates
from birdnet_stm32.release.report import render_report
from birdnet_stm32.release.report_data import (
    ClassRecordings,
    EmulatedBoard,
    RecipeResult,
    ReportData,
    Score,
    StageFacts,
    Verification,
    WindowPicture,
)
from birdnet_stm32.release.statements import (
    NOTHING_ON_SILICON,
    missing_window_statements,
    unproven_statements,
)
from birdnet_stm32.release.teacher_statement import teacher_facts
from birdnet_stm32.selection.calibration_options import changes_by_options
from birdnet_stm32.selection.candidates import ComputedCandidate, ConvertDocument, DescribedCandidate
from birdnet_stm32.selection.choice import passes
from birdnet_stm32.stages.inputs.accuracy import read_accuracy, read_thresholds
from birdnet_stm32.stages.inputs.emulations import read_emulations
from birdnet_stm32.stages.inputs.file_names import (
    C_FOLDER,
    CONFIG,
    COVERAGE,
    MODEL,
    NPU_FOLDER,
    REPORT,
    SCORES,
)
from birdnet_stm32.stages.inputs.index import read_index, read_notes
from birdnet_stm32.stages.inputs.memories import read_memories
from birdnet_stm32.stages.inputs.rules import release_rules
from birdnet_stm32.stages.inputs.teacher import read_teachers
from birdnet_stm32.stages.inputs.windows import load_windows, open_judging_windows
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.reader import read_graph

PICTURES = 6
SCORES_SHOWN = 3
PICTURE_RANGE_DB = 80.0


def run(job: Job) -> Outcome:
    """Gather what the other stages published, and render the page."""
    page = render_report(gather_report_data(job))
    (job.out / REPORT).write_text(page, encoding="utf-8")
    return Outcome(summary=f"{len(page) / 1e6:.1f} MB, one page")


def gather_report_data(job: Job) -> ReportData:
    """Return the data of the page."""
    model = job.inputs["verify"] / MODEL
    graph = read_graph(model.read_bytes(), where=str(model))
    analysis = analyze(graph)
    verification = _verification(job)
    emulations = tuple(
        EmulatedBoard(
            board=board.name, core=board.core, result=result, gates=parity_gates(result, board.name)
        )
        for board, result in read_emulations(job)
    )
    network = read_document(NetworkDocument, job.inputs["codegen"] / C_FOLDER)
    accuracy = read_accuracy(job)
    return ReportData(
        title=job.variant.variant.title,
        version=job.variant.variant.version,
        variant=job.release.name,
        backend=job.variant.codegen.backend,
        badges=(accuracy_badge(accuracy), *_badges(verification, emulations, int8_hearing(job))),
        gates=release_gates(job),
        headline=(*accuracy_facts(accuracy), *_size_facts(analysis, network.arena)),
        accuracy=accuracy,
        thresholds=read_thresholds(job),
        rule=release_rules(job).sentence,
        mistakes=() if accuracy is None else _mistake_clips(job, accuracy),
        stages=_stages(job),
        windows=_pictures(job, verification),
        verification=verification,
        recipes=_recipe_results(job),
        layers=read_document(LayersDocument, job.inputs["layers"]),
        emulations=emulations,
        analysis=analysis,
        findings=lint(graph, job.variant.lint.suppress),
        compiled=load_compilation(job.inputs["npu"] / NPU_FOLDER) if "npu" in job.inputs else None,
        network=network,
        memories=read_memories(job),
        training=read_document(HistoryDocument, job.inputs["train"]) if "train" in job.inputs else None,
        recordings=_recordings(
            read_index(job.inputs["index"]),
            parquet_table.read(job.inputs["representative"] / COVERAGE, ClassCoverage),
        ),
        recording_notes=(*read_notes(job.inputs["index"]), *missing_window_statements(job)),
        unproven=(NOTHING_ON_SILICON, *unproven_statements(job)),
        provenance=(
            Fact(name="model.tflite, SHA-256", value=regular_file.sha256_of(model)),
            *teacher_facts(read_teachers(job)),
        ),
        credits=release_credits(job),
        uncredited=uncredited_recordings(job),
    )


def _verification(job: Job) -> Verification:
    folder = job.inputs["verify"]
    measured = read_document(VerifyDocument, folder)
    scores = np.load(folder / SCORES, allow_pickle=False)
    return Verification(
        cosines=scores["cosine"],
        float_probabilities=scores["reference"],
        int8_probabilities=scores["quantized"],
        gates=agreement_gates(measured, job.variant.verify),
        all_windows=measured.all,
        confident=measured.confident,
    )


def _recipe_results(job: Job) -> tuple[RecipeResult, ...]:
    converted = read_document(ConvertDocument, job.inputs["convert"])
    return tuple(_recipe_result(one, converted.recipe, job.variant.verify) for one in converted.candidates)


def _recipe_result(candidate: DescribedCandidate, chosen: str, limits: VerifyTable) -> RecipeResult:
    if not isinstance(candidate, ComputedCandidate):
        return RecipeResult(
            name=candidate.recipe,
            chosen=False,
            passed=None,
            measures=None,
            confident=None,
            remark=candidate.why,
        )
    return RecipeResult(
        name=candidate.recipe,
        chosen=candidate.recipe == chosen,
        passed=passes(candidate, limits),
        measures=candidate.held_out.all,
        confident=candidate.held_out.confident,
        remark=changes_by_options(candidate),
    )


def _badges(
    verification: Verification, emulations: Sequence[EmulatedBoard], heard: Hearing
) -> tuple[Badge, ...]:
    unknown = BadgeState.FAILED if heard.above_chance is False else BadgeState.NOT_SHOWN
    state = BadgeState.PASSED if heard.shown else unknown
    hears = Badge(statement="Hears more than chance", state=state, detail=heard.sentence)
    cosine = verification.all_windows
    quantized = Badge(
        statement="int8 agrees with float",
        state=_state_of(verification.gates),
        detail=f"mean cosine {cosine.cosine_mean:.4f}, 5th percentile {cosine.cosine_p05:.4f}, "
        f"{counted(cosine.windows, 'window')}",
    )
    if not emulations:
        emulated = Badge(statement="Emulated firmware", state=BadgeState.NOT_RUN, detail="no emulated board")
    else:
        results = [one.result for one in emulations]
        emulated = Badge(
            statement="Emulated firmware equals the references",
            state=_state_of([gate for one in emulations for gate in one.gates]),
            detail=f"{sum(one.outputs_differing for one in results)} of "
            f"{counted(sum(one.outputs_compared for one in results), 'output')} differ, "
            f"{max(one.windows for one in results)} windows",
        )
    silicon = Badge(statement="Hardware", state=BadgeState.NOT_RUN, detail="nothing here has run on silicon")
    return hears, quantized, emulated, silicon


def _state_of(gates: Sequence[Gate]) -> BadgeState:
    return BadgeState.FAILED if failures(gates) else BadgeState.PASSED


def _mistake_clips(job: Job, accuracy: EvaluateDocument) -> tuple[MistakeClip, ...]:
    windows = open_judging_windows(job)
    return mistake_clips(accuracy.mistakes, windows.reader(), windows.window_shape)


def _size_facts(analysis: Analysis, arena: PlannedArena) -> tuple[Fact, ...]:
    return (
        Fact(name="Work for one inference", value=f"{analysis.macs / 1e6:.1f} M MAC"),
        Fact(name="Constants", value=f"{analysis.constant_bytes / 1024:.0f} KiB"),
        Fact(name="Working memory", value=f"{arena.size_bytes / 1024:.0f} KiB"),
    )


def _stages(job: Job) -> tuple[StageFacts, ...]:
    return tuple(
        StageFacts(stage=name, summary=summary) for name, summary in job.summaries.items() if summary
    )


def _pictures(job: Job, verification: Verification) -> tuple[WindowPicture, ...]:
    """Return a few validation windows: one of each class in turn, those with the lowest cosine first."""
    contract = read_contract(job.inputs["verify"] / CONFIG)
    windows = load_windows(job.inputs["representative"])
    by_label: dict[str, list[int]] = {}
    for position in np.argsort(verification.cosines, kind="stable").tolist():
        by_label.setdefault(windows.validation_rows[position].label, []).append(position)
    turns = max(map(len, by_label.values()))
    queued = [
        queue[turn] for turn in range(turns) for _, queue in sorted(by_label.items()) if turn < len(queue)
    ]
    pictures = []
    for position in queued[:PICTURES]:
        row, floats = windows.validation_rows[position], verification.float_probabilities[position]
        pictures.append(
            WindowPicture(
                label=row.label,
                recording=row.path,
                start_s=row.start_sample / contract.frontend.sample_rate_hz,
                duration_s=contract.frontend.window_s,
                max_frequency_hz=contract.frontend.fmax_hz,
                spectrogram=_decibels(windows.validation[position], contract.frontend),
                cosine=float(verification.cosines[position]),
                scores=tuple(
                    Score(
                        label=contract.labels[index],
                        float_probability=float(floats[index]),
                        int8_probability=float(verification.int8_probabilities[position, index]),
                    )
                    for index in np.argsort(-floats, kind="stable")[:SCORES_SHOWN].tolist()
                ),
            )
        )
    return tuple(pictures)


def _decibels(pcm: Any, spec: FrontendSpec) -> Any:
    magnitude = spectrogram.stft_magnitude(pcm / np.float32(FULL_SCALE), spec)
    floor = max(magnitude.max() * 10 ** (-PICTURE_RANGE_DB / 20), 1e-12)
    return 20 * np.log10(np.maximum(magnitude, floor))


def _recordings(
    rows: tuple[IndexRow, ...], coverage: tuple[ClassCoverage, ...]
) -> tuple[ClassRecordings, ...]:
    by_label: dict[str, list[IndexRow]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    covered = {one.label: one for one in coverage}
    return tuple(
        ClassRecordings(
            label=label or "(in no folder)",
            usable=sum(row.usable for row in members),
            unusable=tuple(sorted(Counter(row.reason for row in members if not row.usable).items())),
            background=members[0].background,
            coverage=covered.get(label),
            notes=count_notes(members),
            tested=len({row.recording for row in members if row.usable and row.split == TEST}),
        )
        for label, members in sorted(by_label.items())
    )
