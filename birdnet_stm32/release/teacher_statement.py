"""Say from which teacher the model of a release learned, and under which licence that teacher is."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.model.teacher.teacher_document import TeacherDocument
from birdnet_stm32.release.facts import Fact
from birdnet_stm32.terminal_text import counted


def teacher_statements(teachers: Sequence[TeacherDocument]) -> tuple[str, ...]:
    """Return what a model learned from besides its recordings, a sentence each; nothing without a teacher.

    Args:
        teachers: the teachers of its training and of the model that this started from.
    """
    if not teachers:
        return ()
    return (
        *(_statement(teacher) for teacher in teachers),
        "Nothing of a teacher is in this release. Whether its licence also binds a model that learned from "
        "its scores, nobody has decided here: ask a lawyer before you pass the model on.",
    )


def _statement(teacher: TeacherDocument) -> str:
    known = len(teacher.classes)
    return (
        f"The model learned from the labels of its recordings and from what the teacher {teacher.name} "
        f"(SHA-256 {teacher.digest}) said of them for {counted(known, 'class')} of "
        f"{known + len(teacher.unknown_classes)}. The licence of the teacher is {teacher.licence}."
    )


def teacher_facts(teachers: Sequence[TeacherDocument]) -> tuple[Fact, ...]:
    """Return each teacher and its licence as a fact."""
    return tuple(
        Fact(
            name="learned from the teacher",
            value=f"{teacher.name}, licence {teacher.licence}, SHA-256 {teacher.digest}",
        )
        for teacher in teachers
    )
