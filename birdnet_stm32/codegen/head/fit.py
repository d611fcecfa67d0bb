"""Whether a head fits a firmware: the same conditions as ``birdnet_head_open`` of the firmware has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from birdnet_stm32.codegen.head.contents import Head
from birdnet_stm32.codegen.head.document import HeadDocument
from birdnet_stm32.codegen.head.file_format import FORMAT, head_bytes
from birdnet_stm32.errors import GateError

_DIGITS = 16  # of a digest that a message shows
_OTHER_BACKBONE = (
    "build the head from a model that has the backbone of this firmware: "
    "docs/how-to/update-the-head.md says how such a model is made"
)


def why_not(head: Head, expected: HeadDocument) -> tuple[str, ...]:
    """Return why a firmware refuses a head, one reason each; nothing for a head that fits."""
    return tuple(_reasons(head, expected))


def require_fit(head: Head, expected: HeadDocument, *, where: str | Path) -> None:
    """Refuse a head that the firmware would refuse.

    Args:
        head: the head.
        expected: what the firmware expects.
        where: name of the head, for the error.

    Raises:
        GateError: lists all reasons.
    """
    reasons = why_not(head, expected)
    if reasons:
        raise GateError(
            "does not fit: " + "; ".join(reasons),
            where=where,
            expected=f"at most {expected.max_classes} classes for the backbone "
            f"{expected.backbone[:_DIGITS]}, in {expected.section_bytes:,} bytes",
            remedy=_OTHER_BACKBONE
            if any("backbone" in reason for reason in reasons)
            else "build the firmware again",
        )


def _reasons(head: Head, expected: HeadDocument) -> Iterator[str]:
    if expected.format != FORMAT:
        yield f"the firmware reads heads of format {expected.format}, and this one has format {FORMAT}"
    if head.backbone.hex() != expected.backbone:
        yield f"it was made for the backbone {head.backbone.hex()[:_DIGITS]}"
    taken = (head.channels, head.input_scale, head.input_zero_point)
    given = (expected.channels, expected.input_scale, expected.input_zero_point)
    if taken != given:
        yield (
            f"it takes {taken[0]} values with the scale {taken[1]:g} and the zero point {taken[2]}, "
            f"and the backbone gives {given[0]} with {given[1]:g} and {given[2]}"
        )
    if head.classes > expected.max_classes:
        yield f"it has {head.classes} classes"
    size = len(head_bytes(head))
    if size > expected.section_bytes:
        yield f"it has {size:,} bytes"
