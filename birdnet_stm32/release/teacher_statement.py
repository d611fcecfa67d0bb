"""Say from which teacher the model of a release learned, and under which licence that teacher is."""

from __future__ import annotations

from birdnet_stm32.model.teacher.teacher_document import TeacherDocument
from birdnet_stm32.release.facts import Fact
from birdnet_stm32.terminal_text import counted


def teacher_statements(teacher: TeacherDocument | None) -> tuple[str, ...]:
    """Return what the model learned from besides its recordings, a sentence each; nothing without a teacher.

    Args:
        teacher: what is known of the teacher.
    """
    if teacher is None:
        return ()
    known = len(teacher.classes)
    return (
        f"The model learned from the labels of its recordings and from what the teacher {teacher.name} "
        f"(SHA-256 {teacher.digest}) said of them for {counted(known, 'class')} of "
        f"{known + len(teacher.unknown_classes)}. The licence of the teacher is {teacher.licence}.",
        "Nothing of the teacher is in this release. Whether its licence also binds a model that learned from "
        "its scores, nobody has decided here: ask a lawyer before you pass the model on.",
    )


def teacher_facts(teacher: TeacherDocument | None) -> tuple[Fact, ...]:
    """Return the teacher and its licence as facts; nothing without a teacher."""
    if teacher is None:
        return ()
    return (
        Fact(name="learned from the teacher", value=f"{teacher.name}, licence {teacher.licence}"),
        Fact(name="teacher, SHA-256", value=teacher.digest),
    )
