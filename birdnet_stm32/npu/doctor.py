"""What keeps a model off the NPU, as findings beside those about its accuracy."""

from __future__ import annotations

from birdnet_stm32.errors import GateError
from birdnet_stm32.npu.analyze import Analysis, OperatorReport
from birdnet_stm32.npu.conditions.condition import CHANNEL_MULTIPLE
from birdnet_stm32.npu.operator_mapping import MappingKind
from birdnet_stm32.quant.doctor.diagnosis import Check, CheckResult, Proposal, Severity
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.operator_sets import CONVERSIONS

UNSUPPORTED = Check(
    id="unsupported_operator",
    looks_at="operators",
    wrong="the model has operators that the NPU does not run",
)
MISALIGNED = Check(
    id="misaligned_channels",
    looks_at="channels",
    wrong=f"channels do not fill the NPU's groups of {CHANNEL_MULTIPLE}",
)
_OFF_THE_NPU = frozenset((MappingKind.REFUSED, MappingKind.UNLISTED, MappingKind.SOFTWARE))
_LISTED = 5


def unsupported_operator(analysis: Analysis) -> CheckResult:
    """Operators that stop ST's compiler, that it does not list or that it leaves to the CPU."""
    concerned = [
        report
        for report in analysis.operators
        if report.mapping.kind in _OFF_THE_NPU and report.name not in CONVERSIONS
    ]
    total = len(analysis.operators)
    if not concerned:
        return UNSUPPORTED.fine(f"none of {total} is refused, unlisted or left to the CPU")
    refused = any(report.mapping.kind is MappingKind.REFUSED for report in concerned)
    listed = tuple(
        f"operator {report.index}, {report.name}: {report.mapping.kind}: {report.mapping.reason}"
        for report in concerned[:_LISTED]
    )
    proposal = Proposal(text="train without the layers that make them, if what they cost matters")
    return UNSUPPORTED.finding(
        Severity.BLOCKING if refused else Severity.LOW,
        (f"{len(concerned)} of {counted(total, 'operator')}", *listed),
        (proposal,),
    )


def misaligned_channels(analysis: Analysis) -> CheckResult:
    """Layers whose channels are no multiple of 8; the classifier's are the classes and cannot be others."""
    layers = [report for report in analysis.operators if report.channels is not None]
    inner = layers[:-1]
    wrong = [report for report in inner if not report.aligned]
    if not wrong:
        return MISALIGNED.fine(
            f"multiples of {CHANNEL_MULTIPLE} in all {counted(len(inner), 'layer')} before the last"
        )
    evidence = (f"{len(wrong)} of {counted(len(inner), 'layer')}: {', '.join(map(_layer, wrong[:_LISTED]))}",)
    proposal = Proposal(
        text=f"train with multiples of {CHANNEL_MULTIPLE}, as this project's networks have: faster, not more "
        "accurate"
    )
    return MISALIGNED.finding(Severity.LOW, evidence, (proposal,))


def not_int8(error: GateError) -> CheckResult:
    """Say why a model cannot be converted at all."""
    where = f"{error.where}: " if error.where else ""
    proposals = tuple(Proposal(text=remedy) for remedy in error.remedies)
    return UNSUPPORTED.finding(Severity.BLOCKING, (f"{where}{error.what}",), proposals)


def examine(analysis: Analysis) -> tuple[CheckResult, ...]:
    """Run all checks."""
    return unsupported_operator(analysis), misaligned_channels(analysis)


def _layer(report: OperatorReport) -> str:
    return f"{report.output} has {report.channels}"
