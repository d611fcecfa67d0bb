"""The data of the report: plain values that were gathered from the stages, no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.windows.class_coverage import ClassCoverage
from birdnet_stm32.firmware.emulation_result import Parity
from birdnet_stm32.firmware.memory_use import MemoryUse
from birdnet_stm32.gates import Gate
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.npu.analyze import Analysis
from birdnet_stm32.npu.lint.check import LintFinding
from birdnet_stm32.npu.stedgeai.compilation import Compilation
from birdnet_stm32.quant.sensitivity.layer_report import LayerReport
from birdnet_stm32.quant.verify import Agreement
from birdnet_stm32.release.credits import Credit, Uncredited

Floats = npt.NDArray[np.floating[Any]]


class BadgeState(StrEnum):
    """What is known of a statement."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    NOT_SHOWN = "not shown"  # measured on too few windows to tell


@dataclass(frozen=True, kw_only=True)
class Badge:
    """One statement about the release, with what is known of it.

    Args:
        statement: a few words, "int8 agrees with float".
        state: what is known of it.
        detail: the measured value, or why nothing was measured.
    """

    statement: str
    state: BadgeState
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
class RecipeResult:
    """A recipe and what it came to.

    Args:
        name: name of the recipe.
        chosen: whether its candidate went on.
        passed: whether it passes the gates on the windows held out of the calibration; None if it was not
            computed.
        measures: agreement over all of these windows; None if it was not computed.
        confident: agreement over the windows where the float network is confident; None if there are none.
        remark: why it was not computed, or what the options of the calibration changed.
    """

    name: str
    chosen: bool
    passed: bool | None
    measures: Agreement | None
    confident: Agreement | None
    remark: str = ""


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
class EmulatedBoard:
    """The firmware of one emulated board, compared with the references.

    Args:
        board: name of the board.
        core: its processor core.
        result: the comparison.
        gates: the gates on the comparison.
    """

    board: str
    core: str
    result: Parity
    gates: tuple[Gate, ...]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportData:
    """The whole report. What a variant does not have (no training, no emulation) is None or empty.

    Args:
        title: of the variant.
        version: of the variant.
        variant: its name.
        backend: what turned the network into C, ``portable`` or ``stedgeai``.
        badges: on top, the most important first.
        gates: every gate of the release, in the order of the pipeline.
        headline: about four facts that matter most.
        stages: in the order of the pipeline.
        windows: a few validation windows.
        verification: int8 against float.
        recipes: what each recipe came to, in the order in which they were tried.
        layers: which tensors lose accuracy in int8.
        emulations: the emulated firmware, by board.
        analysis: operators, and where the NPU would run them.
        findings: findings of the linter.
        compiled: the network compiled for the NPU, where ST's tool did that.
        arena: plan of the working memory.
        memories: how full the memories of each board are, by the name of the board.
        training: the course of the training.
        recordings: what was found, by class.
        recording_notes: what somebody has to know of the folders and their names, a sentence each.
        unproven: what nobody has shown yet, a sentence each.
        provenance: digests and versions of tools.
        credits: works of others.
        uncredited: recordings that nobody stated a licence for.
    """

    title: str
    version: str
    variant: str
    backend: str
    badges: tuple[Badge, ...]
    gates: tuple[Gate, ...] = ()
    headline: tuple[Fact, ...] = ()
    stages: tuple[StageFacts, ...] = ()
    windows: tuple[WindowPicture, ...] = ()
    verification: Verification | None = None
    recipes: tuple[RecipeResult, ...] = ()
    layers: LayerReport | None = None
    emulations: tuple[EmulatedBoard, ...] = ()
    analysis: Analysis | None = None
    findings: tuple[LintFinding, ...] = ()
    compiled: Compilation | None = None
    arena: Arena | None = None
    memories: Mapping[str, MemoryUse] = field(default_factory=dict)
    training: HistoryDocument | None = None
    recordings: tuple[ClassRecordings, ...] = ()
    recording_notes: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    provenance: tuple[Fact, ...] = ()
    credits: tuple[Credit, ...] = ()
    uncredited: Uncredited = field(default_factory=Uncredited)
