"""Everything the report shows, gathered from the stages: plain values, no files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.windows.class_coverage import ClassCoverage
from birdnet_stm32.gates import Gate
from birdnet_stm32.npu.analyze import Analysis
from birdnet_stm32.npu.lint.check import LintFinding
from birdnet_stm32.npu.stedgeai.compilation import Compilation
from birdnet_stm32.quant.sensitivity.layer_report import TensorReport
from birdnet_stm32.quant.verify import Agreement
from birdnet_stm32.release.credits import Credit, Uncredited

Floats = npt.NDArray[np.floating[Any]]


class State(StrEnum):
    """What is known of a claim."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    NOT_SHOWN = "not shown"  # measured, and too little to tell


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One claim about the release, shown as a badge.

    Args:
        claim: a few words, "Quantization gate".
        state: what is known of it.
        detail: the measured value, or why it was not run.
    """

    claim: str
    state: State
    detail: str


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A named value, already formatted for a reader."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """What one stage did, in one line and a few numbers."""

    stage: str
    summary: str
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Score:
    """One class's probability by both networks."""

    label: str
    float_probability: float
    int8_probability: float


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowPicture:
    """One validation window.

    Args:
        label: its class.
        recording: where it was cut from.
        start_s: where in the recording it starts.
        duration_s: its length.
        max_frequency_hz: upper edge of the picture.
        spectrogram: float [bins, frames], low frequencies first, any unit; scaled to its own extremes.
        cosine: of the two networks' probabilities.
        scores: the highest, best first.
    """

    label: str
    recording: str
    start_s: float
    duration_s: float
    max_frequency_hz: float
    spectrogram: Floats
    cosine: float
    scores: tuple[Score, ...]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One way to quantize that was tried.

    Args:
        name: of the recipe.
        chosen: it is the one that went on.
        passed: it reaches the gates on the windows held out of the calibration; None if it was not computed.
        measures: over all of these windows, None if it was not computed.
        confident: over those where the float network is confident, None without any.
        remark: why it was not computed, or what options of the calibration changed.
    """

    name: str
    chosen: bool
    passed: bool | None
    measures: Agreement | None
    confident: Agreement | None
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class LayerGroup:
    """A part of the network.

    Args:
        name: of the part.
        gain: what the mean cosine gains if only this part stays float.
        gain_error: its standard error over the windows.
        gain_up_to: what it gains if this part and all before it stay float.
        snr_db: of its tensors, in the order of computation.
    """

    name: str
    gain: float
    gain_error: float
    gain_up_to: float
    snr_db: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Where int8 hurts.

    Args:
        windows: how many were run.
        baseline: mean cosine that the gains are counted from.
        weights_gain: what it gains if only kernels and biases stay float.
        groups: parts of the network, in the order of computation.
        tensors: ranked by gain.
    """

    windows: int
    baseline: float
    weights_gain: float
    groups: tuple[LayerGroup, ...]
    tensors: tuple[TensorReport, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Verification:
    """The int8 network against the float network.

    Args:
        cosines: [windows], of the probabilities.
        float_probabilities: [windows, classes].
        int8_probabilities: [windows, classes].
        gates: what had to be reached; those on the cosine are drawn into its histogram.
        all_windows: measures over all windows.
        confident: measures over the windows with a float probability of at least 0.1, None without any.
    """

    cosines: Floats
    float_probabilities: Floats
    int8_probabilities: Floats
    gates: tuple[Gate, ...]
    all_windows: Agreement
    confident: Agreement | None


@dataclass(frozen=True, kw_only=True)
class Emulation:
    """The firmware on an emulated board against LiteRT's reference kernels and NumPy.

    Args:
        board: the board's name.
        core: its processor's.
        windows: how many were run.
        outputs_compared: of the network.
        outputs_differing: those that differ from the reference kernels.
        front_end_max_relative_error: largest difference from NumPy, relative to a stage's maximum.
        front_end_limit: what of it is allowed.
    """

    board: str
    core: str
    windows: int
    outputs_compared: int
    outputs_differing: int
    front_end_max_relative_error: float
    front_end_limit: float


@dataclass(frozen=True, kw_only=True)
class ArenaBlock:
    """One tensor's place in the arena and the operators between which it is held, both included.

    Operator -1 is the front end.
    """

    name: str
    offset_bytes: int
    size_bytes: int
    first_operator: int
    last_operator: int


@dataclass(frozen=True, kw_only=True)
class Arena:
    """The plan of the working memory of front end and network."""

    size_bytes: int
    operators: int
    blocks: tuple[ArenaBlock, ...]


@dataclass(frozen=True, kw_only=True)
class MemoryRegion:
    """How full one memory of a board is."""

    name: str
    used_bytes: int
    limit_bytes: int


@dataclass(frozen=True, kw_only=True)
class BoardMemory:
    """A board's memories."""

    board: str
    regions: tuple[MemoryRegion, ...]


@dataclass(frozen=True, kw_only=True)
class Training:
    """The course of a training, one value an epoch.

    Args:
        loss: on the training split.
        validation_loss: on the validation split, empty without one.
        metric_name: what ``metric`` measures.
        metric: on the validation split, between 0 and 1; empty without one.
    """

    loss: tuple[float, ...]
    validation_loss: tuple[float, ...] = ()
    metric_name: str = ""
    metric: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClassRecordings:
    """The recordings of one class.

    Args:
        label: the class.
        usable: how many could be used.
        unusable: how many could not, by reason.
        background: whether the class stands for no target species.
        coverage: what of it is on each side of the split; None for files in no class folder, and folders
            whose names say that they hold no single class.
        notes: how many of the usable ones were repaired, cut or guessed at, by what was done.
    """

    label: str
    usable: int
    unusable: tuple[tuple[str, int], ...] = ()
    background: bool = False
    coverage: ClassCoverage | None = None
    notes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class CompiledNetwork:
    """What ST's tool made of the network.

    Args:
        compilation: the result.
        gates: what each gate found.
    """

    compilation: Compilation
    gates: tuple[Gate, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportData:
    """The whole report. What a variant does not have (no training, no emulation) is None or empty.

    Args:
        title: of the variant.
        version: of the variant.
        variant: its name.
        backend: what turned the network into C, ``portable`` or ``stedgeai``.
        verdicts: the badges on top, most important first.
        headline: about four facts that matter most.
        stages: in the order of the pipeline.
        windows: a few validation windows.
        verification: int8 against float.
        recipes: the ways to quantize, in the order they were tried.
        layers: where int8 hurts.
        emulations: the firmware, emulated, by board.
        analysis: operators and their mapping.
        findings: of the linter.
        compiled: the network on the NPU, where ST's tool compiled it.
        arena: plan of the working memory.
        boards: flash and RAM of each board.
        training: its course.
        recordings: what was found, by class.
        recording_notes: what somebody has to know of the folders and their names, a sentence each.
        unproven: what nobody has shown yet, in plain sentences.
        provenance: digests and versions of tools.
        credits: works of others.
        uncredited: recordings that nobody stated a licence for.
    """

    title: str
    version: str
    variant: str
    backend: str
    verdicts: tuple[Verdict, ...]
    headline: tuple[Fact, ...] = ()
    stages: tuple[StageFacts, ...] = ()
    windows: tuple[WindowPicture, ...] = ()
    verification: Verification | None = None
    recipes: tuple[Recipe, ...] = ()
    layers: Layers | None = None
    emulations: tuple[Emulation, ...] = ()
    analysis: Analysis | None = None
    findings: tuple[LintFinding, ...] = ()
    compiled: CompiledNetwork | None = None
    arena: Arena | None = None
    boards: tuple[BoardMemory, ...] = ()
    training: Training | None = None
    recordings: tuple[ClassRecordings, ...] = ()
    recording_notes: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    provenance: tuple[Fact, ...] = ()
    credits: tuple[Credit, ...] = ()
    uncredited: Uncredited = field(default_factory=Uncredited)
