"""Draws everything on one HTML page; publishes ``report.html``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from birdnet_stm32.audio.index.recording_index import IndexRow, count_notes
from birdnet_stm32.audio.windows.class_coverage import ClassCoverage
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files import parquet_table, regular_file
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.emulation_result import FRONT_END_TOLERANCE, EmulateDocument
from birdnet_stm32.firmware.memory_use import SizesDocument
from birdnet_stm32.firmware.npu_description import NpuFirmwareDocument
from birdnet_stm32.frontend import spectrogram
from birdnet_stm32.frontend.contract import FrontendSpec, read_contract
from birdnet_stm32.model.evaluation.chance import Hearing
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.npu.analyze import Analysis, analyze
from birdnet_stm32.npu.lint.check import lint
from birdnet_stm32.npu.stedgeai.compilation import load_compilation
from birdnet_stm32.npu.stedgeai.gates import GatesDocument
from birdnet_stm32.pcm import FULL_SCALE
from birdnet_stm32.quant.sensitivity.layer_report import LayersDocument
from birdnet_stm32.quant.verify import VerifyDocument, agreement_gates
from birdnet_stm32.release.claims import ON_SILICON, heard_by_int8, lacking, unproven
from birdnet_stm32.release.credit_sources import credits_of, uncredited_of
from birdnet_stm32.release.report import render_report
from birdnet_stm32.release.report_data import (
    Arena,
    ArenaBlock,
    BoardMemory,
    ClassRecordings,
    CompiledNetwork,
    Emulation,
    Fact,
    LayerGroup,
    Layers,
    MemoryRegion,
    Recipe,
    ReportData,
    Score,
    StageFacts,
    State,
    Training,
    Verdict,
    Verification,
    WindowPicture,
)
from birdnet_stm32.selection.calibration_options import changes_by_options
from birdnet_stm32.selection.candidates import ComputedCandidate, ConvertDocument, DescribedCandidate
from birdnet_stm32.selection.choice import passes
from birdnet_stm32.stages.inputs.file_names import (
    C_FOLDER,
    CONFIG,
    COVERAGE,
    MODEL,
    NPU_FOLDER,
    REPORT,
    SCORES,
    emulation_folder,
)
from birdnet_stm32.stages.inputs.index import read_index, read_notes
from birdnet_stm32.stages.inputs.windows import load_windows
from birdnet_stm32.tflite.reader import read_graph

PICTURES = 6
SCORES_SHOWN = 3
PICTURE_RANGE_DB = 80.0


def run(job: Job) -> Outcome:
    """Gather what the other stages published and draw it."""
    page = render_report(gather(job))
    (job.out / REPORT).write_text(page, encoding="utf-8")
    return Outcome(summary=f"{len(page) / 1e6:.1f} MB, one page")


def gather(job: Job) -> ReportData:
    """Return everything that the page shows."""
    model = job.inputs["verify"] / MODEL
    graph = read_graph(model.read_bytes(), where=str(model))
    analysis = analyze(graph)
    verification = _verification(job)
    emulations = _emulations(job)
    arena = _arena(job)
    return ReportData(
        title=job.variant.variant.title,
        version=job.variant.variant.version,
        variant=job.release.name,
        backend=job.variant.codegen.backend,
        verdicts=_verdicts(verification, emulations, heard_by_int8(job)),
        headline=_headline(verification, analysis, arena),
        stages=_stages(job),
        windows=_pictures(job, verification),
        verification=verification,
        recipes=_recipes(job),
        layers=_layers(job),
        emulations=emulations,
        analysis=analysis,
        findings=lint(graph, job.variant.lint.suppress),
        compiled=_compiled(job),
        arena=arena,
        boards=_boards(job),
        training=_training(job),
        recordings=_recordings(
            read_index(job.inputs["index"]),
            parquet_table.read(job.inputs["representative"] / COVERAGE, ClassCoverage),
        ),
        recording_notes=(*read_notes(job.inputs["index"]), *lacking(job)),
        unproven=(ON_SILICON, *unproven(job)),
        provenance=(Fact(name="model.tflite, SHA-256", value=regular_file.sha256_of(model)),),
        credits=credits_of(job),
        uncredited=uncredited_of(job),
    )


def _compiled(job: Job) -> CompiledNetwork | None:
    folder = job.inputs.get("npu")
    if folder is None:
        return None
    gates = read_document(GatesDocument, folder).gates
    return CompiledNetwork(compilation=load_compilation(folder / NPU_FOLDER), gates=gates)


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


def _recipes(job: Job) -> tuple[Recipe, ...]:
    converted = read_document(ConvertDocument, job.inputs["convert"])
    return tuple(_recipe(one, converted.recipe, job.variant.verify) for one in converted.candidates)


def _recipe(candidate: DescribedCandidate, chosen: str, limits: VerifyTable) -> Recipe:
    if not isinstance(candidate, ComputedCandidate):
        return Recipe(
            name=candidate.recipe,
            chosen=False,
            passed=None,
            measures=None,
            confident=None,
            remark=candidate.why,
        )
    return Recipe(
        name=candidate.recipe,
        chosen=candidate.recipe == chosen,
        passed=passes(candidate, limits),
        measures=candidate.held_out.all,
        confident=candidate.held_out.confident,
        remark=changes_by_options(candidate),
    )


def _layers(job: Job) -> Layers:
    report = read_document(LayersDocument, job.inputs["layers"])
    in_order = sorted(report.tensors, key=lambda tensor: tensor.position)
    parts = {group.name: group for group in report.groups}
    return Layers(
        windows=report.windows,
        baseline=report.baseline,
        weights_gain=report.weights_gain,
        groups=tuple(
            LayerGroup(
                name=name,
                gain=parts[name].gain,
                gain_error=parts[name].gain_error,
                gain_up_to=parts[name].gain_up_to,
                snr_db=tuple(tensor.snr_db for tensor in in_order if tensor.group == name),
            )
            for name in dict.fromkeys(tensor.group for tensor in in_order)
        ),
        tensors=report.tensors,
    )


def _emulations(job: Job) -> tuple[Emulation, ...]:
    if "emulate" not in job.inputs:
        return ()
    boards = folders.having("emulator", job.variant.firmware.boards)
    return tuple(_emulation(job, board, [one.name for one in boards]) for board in boards)


def _emulation(job: Job, board: Board, names: Sequence[str]) -> Emulation:
    emulated = read_document(EmulateDocument, job.inputs["emulate"] / emulation_folder(board.name, names))
    return Emulation(
        board=board.name,
        core=board.core,
        windows=emulated.windows,
        outputs_compared=emulated.outputs_compared,
        outputs_differing=emulated.outputs_differing,
        front_end_max_relative_error=emulated.front_end_max_relative_error,
        front_end_limit=FRONT_END_TOLERANCE,
    )


def _verdicts(
    verification: Verification, emulations: Sequence[Emulation], heard: Hearing
) -> tuple[Verdict, ...]:
    unknown = State.FAILED if heard.above_chance is False else State.NOT_SHOWN
    state = State.PASSED if heard.shown else unknown
    hears = Verdict(claim="Hears more than chance", state=state, detail=heard.sentence)
    cosine = verification.all_windows
    quantized = Verdict(
        claim="int8 agrees with float",
        state=State.PASSED,
        detail=f"mean cosine {cosine.cosine_mean:.4f}, 5th percentile {cosine.cosine_p05:.4f}, "
        f"{cosine.windows} windows",
    )
    if not emulations:
        emulated = Verdict(claim="Emulated firmware", state=State.NOT_RUN, detail="no emulated board")
    else:
        emulated = Verdict(
            claim="Emulated firmware equals the references",
            state=State.PASSED,
            detail=f"{sum(one.outputs_differing for one in emulations)} of "
            f"{sum(one.outputs_compared for one in emulations)} outputs differ, "
            f"{max(one.windows for one in emulations)} windows",
        )
    silicon = Verdict(claim="Hardware", state=State.NOT_RUN, detail="nothing here has run on silicon")
    return hears, quantized, emulated, silicon


def _headline(verification: Verification, analysis: Analysis, arena: Arena) -> tuple[Fact, ...]:
    return (
        Fact(name="Same best class", value=f"{100 * verification.all_windows.top1_agreement:.1f}%"),
        Fact(name="Work an inference", value=f"{analysis.macs / 1e6:.1f} M MAC"),
        Fact(name="Constants", value=f"{analysis.constant_bytes / 1024:.0f} KiB"),
        Fact(name="Working memory", value=f"{arena.size_bytes / 1024:.0f} KiB"),
    )


def _stages(job: Job) -> tuple[StageFacts, ...]:
    return tuple(
        StageFacts(stage=name, summary=summary) for name, summary in job.summaries.items() if summary
    )


def _pictures(job: Job, verification: Verification) -> tuple[WindowPicture, ...]:
    """Return a few validation windows: one of each class in turn, the least alike first."""
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


def _arena(job: Job) -> Arena:
    network = read_document(NetworkDocument, job.inputs["codegen"] / C_FOLDER)
    return Arena(
        size_bytes=network.arena.size_bytes,
        operators=len(network.operators),
        blocks=(
            ArenaBlock(
                name="front end",
                offset_bytes=0,
                size_bytes=network.arena.workspace_bytes,
                first_operator=-1,
                last_operator=-1,
            ),
            *(
                ArenaBlock(
                    name=tensor.name,
                    offset_bytes=tensor.offset_bytes,
                    size_bytes=tensor.size_bytes,
                    first_operator=max(tensor.first, 0),
                    last_operator=min(tensor.last, len(network.operators) - 1),
                )
                for tensor in network.arena.tensors
            ),
        ),
    )


def _boards(job: Job) -> tuple[BoardMemory, ...]:
    sizes = dict(read_document(SizesDocument, job.inputs["compile"]).boards)
    if "npu_firmware" in job.inputs:
        board = folders.first("npu", job.variant.firmware.boards)
        sizes[f"{board.name}, network on the NPU"] = read_document(
            NpuFirmwareDocument, job.inputs["npu_firmware"]
        )
    return tuple(
        BoardMemory(
            board=board,
            regions=tuple(
                MemoryRegion(name=region.name, used_bytes=region.used_bytes, limit_bytes=region.length_bytes)
                for region in used.regions
            ),
        )
        for board, used in sorted(sizes.items())
    )


def _training(job: Job) -> Training | None:
    if "train" not in job.inputs:
        return None
    epochs = read_document(HistoryDocument, job.inputs["train"]).epochs
    return Training(
        loss=tuple(epoch.loss for epoch in epochs),
        validation_loss=tuple(epoch.validation_loss for epoch in epochs),
        metric_name="validation windows right",
        metric=tuple(epoch.validation_accuracy for epoch in epochs),
    )


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
        )
        for label, members in sorted(by_label.items())
    )
