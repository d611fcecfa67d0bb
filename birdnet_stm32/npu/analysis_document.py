"""The analysis of a model as a document: ``analysis.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from birdnet_stm32.npu.analyze import Analysis, OperatorReport
from birdnet_stm32.npu.cycles import CYCLES_PER_MS
from birdnet_stm32.npu.evidence import Evidence, EvidenceSource
from birdnet_stm32.npu.lint.check import LintFinding
from birdnet_stm32.npu.lint.described import DescribedFinding, describe_findings
from birdnet_stm32.npu.measured_times import LARGEST_FACTOR, MEASURED, MEDIAN_FACTOR
from birdnet_stm32.npu.operator_mapping import MappingKind


@dataclass(frozen=True, kw_only=True)
class TimeEstimate:
    """How long an inference takes on the NPU, an estimate.

    Args:
        cycles: cycles of the NPU's clock.
        ms: milliseconds at the NPU's default clock.
        clock_hz: this clock, in Hz.
        median_factor_held_out: median factor by which estimates of held-out networks were off.
        largest_factor_held_out: largest such factor.
        fitted_to: the number of networks that the estimate was fitted to.
    """

    cycles: int
    ms: float
    clock_hz: int
    median_factor_held_out: float
    largest_factor_held_out: float
    fitted_to: int


@dataclass(frozen=True, kw_only=True)
class AnalyzedOperator:
    """One operator.

    Args:
        index: place in the model.
        name: TFLite's name of the operator.
        output: short name of its first output.
        input_shapes: shapes of the activations that it reads.
        output_shape: shape of its first output.
        macs: multiply-accumulates of one inference.
        constant_bytes: size of the weights, biases and other constants that it reads.
        live_bytes: size of all activations that exist while it runs.
        cycles_estimated: cycles of the NPU's clock, an estimate.
        channels: channels of its output, if the NPU computes channel by channel; null otherwise.
        aligned: whether these channels fill the lanes of the NPU.
        kind: where it runs.
        reason: why it runs there.
        source: the strongest kind of evidence for that.
        evidence: the evidence, piece by piece.
    """

    index: int
    name: str
    output: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    macs: int
    constant_bytes: int
    live_bytes: int
    cycles_estimated: int
    channels: int | None
    aligned: bool
    kind: MappingKind
    reason: str
    source: EvidenceSource
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class AnalysisDocument:
    """What a model costs, where the NPU would run it, and what is known to go wrong there.

    Args:
        macs: multiply-accumulates of one inference.
        constant_bytes: size of all constants, each counted once.
        activation_peak_bytes: largest size of the activations that exist at the same time.
        quantized_peak_bytes: the same without float tensors.
        estimate: how long an inference takes on the NPU.
        kinds: the number of operators that run in each place.
        operators: the operators, in order.
        findings: the findings of the linter.
        unused_suppressions: ids of suppressed rules that find nothing.
    """

    FILE: ClassVar[str] = "analysis.json"
    VERSION: ClassVar[int] = 1

    macs: int
    constant_bytes: int
    activation_peak_bytes: int
    quantized_peak_bytes: int
    estimate: TimeEstimate
    kinds: Mapping[MappingKind, int]
    operators: tuple[AnalyzedOperator, ...]
    findings: tuple[DescribedFinding, ...]
    unused_suppressions: tuple[str, ...]


def analysis_document(
    analysis: Analysis, findings: Iterable[LintFinding], unused_suppressions: tuple[str, ...]
) -> AnalysisDocument:
    """Return the analysis and the findings of the linter as one document."""
    return AnalysisDocument(
        macs=analysis.macs,
        constant_bytes=analysis.constant_bytes,
        activation_peak_bytes=analysis.activation_peak_bytes,
        quantized_peak_bytes=analysis.quantized_peak_bytes,
        estimate=TimeEstimate(
            cycles=analysis.cycles,
            ms=round(analysis.ms, 3),
            clock_hz=1000 * CYCLES_PER_MS,
            median_factor_held_out=MEDIAN_FACTOR,
            largest_factor_held_out=LARGEST_FACTOR,
            fitted_to=len(MEASURED),
        ),
        kinds=analysis.kinds,
        operators=tuple(map(_describe_operator, analysis.operators)),
        findings=describe_findings(findings),
        unused_suppressions=unused_suppressions,
    )


def _describe_operator(report: OperatorReport) -> AnalyzedOperator:
    return AnalyzedOperator(
        index=report.index,
        name=report.name,
        output=report.output,
        input_shapes=report.input_shapes,
        output_shape=report.output_shape,
        macs=report.macs,
        constant_bytes=report.constant_bytes,
        live_bytes=report.live_bytes,
        cycles_estimated=report.cycles,
        channels=report.channels,
        aligned=report.aligned,
        kind=report.mapping.kind,
        reason=report.mapping.reason,
        source=report.mapping.source,
        evidence=report.mapping.evidence,
    )
