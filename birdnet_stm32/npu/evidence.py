"""Evidence for statements about the NPU: its kind, the version of ST's tool, the document and the date.

This project has not measured any of it on a board of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EvidenceSource(StrEnum):
    """The kinds of evidence, the strongest first."""

    BOARD = "measured on a board"
    REPORT = "compile reports"
    FIELD = "reports from the field"
    LISTED = "ST's list of mapped TFLite operators"
    TABLE = "ST's mapping table"
    DOCUMENTATION = "ST's documentation"
    KERNEL = "the runtime's software kernels"
    INFERRED = "inferred from the ONNX equivalent"
    OWN = "this project's own measure"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One piece of evidence.

    Args:
        source: kind of the evidence.
        core: versions of ST Edge AI Core that it is about.
        where: the document, or the public repository and the file in it.
        date: when it was published or measured. If this is not known: ``read`` and a month.
        says: what was observed, if more is known than that the condition matters; may be empty.
    """

    source: EvidenceSource
    core: str
    where: str
    date: str
    says: str = ""

    def __str__(self) -> str:
        said = f": {self.says}" if self.says else ""
        return f"{self.source}, {self.where} (Core {self.core}; {self.date}){said}"


EVERY = "2.2 to 4.0"
SEEN = "4.0.1"
_READ = "read 2026-11"


def st(says: str = "", core: str = EVERY) -> Evidence:
    """Return evidence from ST's operator documentation."""
    return Evidence(
        source=EvidenceSource.DOCUMENTATION,
        core=core,
        where="ST's operator documentation",
        date=_READ,
        says=says,
    )


def zoo(entry: str, says: str = "", core: str = SEEN) -> Evidence:
    """Return evidence from an entry of the public catalogue of failures."""
    where = f"LarocheC/stm32n6-deployment-zoo, {entry}"
    return Evidence(source=EvidenceSource.FIELD, core=core, where=where, date=_READ, says=says)


def eco8(says: str, source: EvidenceSource = EvidenceSource.REPORT, date: str = "2026-09") -> Evidence:
    """Return evidence from the compile probes of a public speech network, each of one operator."""
    where = "LarocheC/eco8-neaixt, deploy/stm32n6/N6NET_COMPILE.md at 5588e0f"
    return Evidence(source=source, core=SEEN, where=where, date=date, says=says)


def report(where: str, core: str, date: str, says: str) -> Evidence:
    """Return evidence from a public compile report."""
    return Evidence(source=EvidenceSource.REPORT, core=core, where=where, date=date, says=says)


def board(where: str, core: str, date: str, says: str) -> Evidence:
    """Return evidence from a public measurement on a board."""
    return Evidence(source=EvidenceSource.BOARD, core=core, where=where, date=date, says=says)


def field(where: str, says: str = "", core: str = SEEN, date: str = _READ) -> Evidence:
    """Return evidence from a report of a user."""
    return Evidence(source=EvidenceSource.FIELD, core=core, where=where, date=date, says=says)


LISTED = Evidence(
    source=EvidenceSource.LISTED, core=EVERY, where="ST's list of mapped TFLite operators", date=_READ
)
TABLE = Evidence(
    source=EvidenceSource.TABLE, core=EVERY, where="ST's table of ONNX and TFLite operators", date=_READ
)
KERNEL = Evidence(
    source=EvidenceSource.KERNEL,
    core=EVERY,
    where="the runtime's header ll_sw.h, which declares one",
    date=_READ,
)
INFERRED = Evidence(
    source=EvidenceSource.INFERRED, core=EVERY, where="ST's table of ONNX operators", date=_READ
)
MESSAGES = Evidence(source=EvidenceSource.DOCUMENTATION, core=EVERY, where="ST's error messages", date=_READ)
REPORTS = Evidence(
    source=EvidenceSource.REPORT,
    core="2.0 to 4.0.1",
    where="docs/explanation/npu_evidence.md",
    date="2026-11",
)
ENLARGING = (
    report(
        "STMicroelectronics' applications for object detection at d306ecb and for ReID at d841264, "
        "syafizzudin/trash-object-detection-stm32n6 at 48dea24",
        "2.1, 2.2, 3.0",
        "2025-05 to 2026-01",
        "6 of 6 RESIZE_NEAREST_NEIGHBOR end in a DepthToSpace on the Cortex-M55, hybrid in 3.0",
    ),
    report(
        "PeleAB/STM32N6-FaceRecognition, converted_models/face_detection_c_info.json at 3fcb2c4",
        "2.1",
        "2025-07-26",
        "3 of 3 TRANSPOSE_CONV begin with a Concat and a DepthToSpace in software",
    ),
    LISTED,
)
