"""The data of the report: plain values that were gathered from the stages, no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from birdnet_stm32.audio.windows.class_coverage import ClassCoverage
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
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
from birdnet_stm32.release.drawing import Floats
from birdnet_stm32.release.facts import Badge, Fact
from birdnet_stm32.release.mistake_clips import MistakeClip


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """What one stage did, in one line and a few numbers."""

    stage: str
    summary: str
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Score:
    """The probability of one class by both networks."""

    label: str
    float_probability: float
    int8_probability: float


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowPicture:
    """One validation window.

    Args:
        label: class of the window.
        recording: the recording that it was cut from.
        start_s: start of the window in the recording, in seconds.
        duration_s: length of the window, in seconds.
        max_frequency_hz: upper edge of the picture.
        spectrogram: float [bins, frames], low frequencies first, in any unit; the picture is scaled to its
            extremes.
        cosine: cosine of the probabilities of both networks.
        scores: the highest probabilities, the highest first.
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
    """The int8 network, compared with the float network.

    Args:
        cosines: cosine of the probabilities of each window, [windows].
        float_probabilities: [windows, classes].
        int8_probabilities: [windows, classes].
        gates: the gates on the agreement; the histogram of the cosines shows those on the cosine.
        all_windows: agreement over all windows.
        confident: agreement over the windows with a float probability of at least 0.1; None if there are
            none.
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
class ClassRecordings:
    """The recordings of one class.

    Args:
        label: the class.
        usable: the number of recordings that can be used.
        unusable: the number of recordings that cannot be used, by reason.
        background: whether the class is background, not a species.
        coverage: recordings and windows of the class on each side of the split; None for files that are in
            no folder of a class, and for folders whose names say that they do not hold a single class.
        notes: the number of usable recordings that were repaired, cut or guessed at, by what was done.
        tested: the number of recordings that only measure accuracy.
    """

    label: str
    usable: int
    unusable: tuple[tuple[str, int], ...] = ()
    background: bool = False
    coverage: ClassCoverage | None = None
    notes: tuple[tuple[str, int], ...] = ()
    tested: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportData:
    """The whole report. What a variant does not have, such as a training, is None or empty.

    Args:
        title: title of the variant.
        version: version of the variant.
        variant: name of the variant.
        backend: what turned the network into C, ``portable`` or ``stedgeai``.
        badges: the badges at the top, the most important first.
        gates: every gate of the release, in the order of the pipeline.
        headline: the facts that matter most, accuracy first.
        accuracy: how well the model hears, on recordings that nothing else used.
        thresholds: from which probability each class counts as heard.
        rule: how windows become events, such as ``2 of 3 windows within 3.75 s``.
        mistakes: what the model got wrong, cut from the recordings.
        stages: what each stage did, in the order of the pipeline.
        windows: a few validation windows.
        verification: int8 compared with float.
        recipes: what each recipe came to, in the order in which they were tried.
        layers: which tensors lose accuracy in int8.
        emulations: the emulated firmware, by board.
        analysis: operators, and where the NPU would run them.
        findings: findings of the linter.
        compiled: the network compiled for the NPU, where ST's tool did that.
        network: the generated network, with the plan of its working memory.
        memories: how full the memories of each board are, by the name of the board.
        training: the course of the training.
        recordings: what was found, by class.
        recording_notes: what somebody has to know of the folders and their names, a sentence each.
        unproven: what nobody has shown yet, a sentence each.
        provenance: digests and versions of tools.
        credits: works of others.
        uncredited: recordings without a stated licence.
    """

    title: str
    version: str
    variant: str
    backend: str
    badges: tuple[Badge, ...]
    gates: tuple[Gate, ...] = ()
    headline: tuple[Fact, ...] = ()
    accuracy: EvaluateDocument | None = None
    thresholds: ThresholdsDocument | None = None
    rule: str = ""
    mistakes: tuple[MistakeClip, ...] = ()
    stages: tuple[StageFacts, ...] = ()
    windows: tuple[WindowPicture, ...] = ()
    verification: Verification | None = None
    recipes: tuple[RecipeResult, ...] = ()
    layers: LayerReport | None = None
    emulations: tuple[EmulatedBoard, ...] = ()
    analysis: Analysis | None = None
    findings: tuple[LintFinding, ...] = ()
    compiled: Compilation | None = None
    network: NetworkDocument | None = None
    memories: Mapping[str, MemoryUse] = field(default_factory=dict)
    training: HistoryDocument | None = None
    recordings: tuple[ClassRecordings, ...] = ()
    recording_notes: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    provenance: tuple[Fact, ...] = ()
    credits: tuple[Credit, ...] = ()
    uncredited: Uncredited = field(default_factory=Uncredited)
