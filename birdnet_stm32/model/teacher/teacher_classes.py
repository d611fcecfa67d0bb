"""Find the outputs of a teacher that name the classes of a student, by scientific name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.annotations.species_names import Species, species_names
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import first_names, printable


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """The classes of a student that a teacher knows.

    Args:
        labels: these classes, in the order of the student.
        outputs: number of the teacher's output for each of them, int64 ``[labels]``.
        unknown: the other classes, which learn from their labels alone.
    """

    labels: tuple[str, ...]
    outputs: NDArray[np.int64]
    unknown: tuple[str, ...]


def map_classes(
    labels: Sequence[str], teacher_labels: Sequence[str], table: Sequence[Species] = ()
) -> ClassMap:
    """Find each class of a student among the outputs of a teacher.

    The scientific name decides before the common name. A subspecies is its species, unless two classes of the
    student are then the same for the teacher: it cannot tell them apart, so it teaches neither.

    Args:
        labels: classes of the student.
        teacher_labels: names of the teacher's outputs.
        table: other names of the teacher's classes.

    Raises:
        InputError: no class is known, or a name means several outputs.

    >>> found = map_classes(["Turdus merula_Amsel", "rain"], ["Dog_Dog", "Turdus merula_Eurasian Blackbird"])
    >>> found.labels, found.outputs.tolist(), found.unknown
    (('Turdus merula_Amsel',), [1], ('rain',))
    """
    names = species_names(teacher_labels, table, where="[teacher] names")
    try:
        found = [names.label_of(label) for label in labels]
    except InputError as error:
        raise InputError(
            error.what,
            where="[teacher] labels",
            expected="one output of the teacher for each class",
            remedy="name the class by its scientific name, or name a table in [teacher] names",
        ) from error
    times = Counter(found)
    known = {
        label: output for label, output in zip(labels, found, strict=True) if output and times[output] == 1
    }
    if not known:
        shown = [printable(one, longest=60) for one in labels]
        raise InputError(
            f"knows none of the classes to train: {first_names(shown)}",
            where="[teacher] labels",
            expected=f"some of them among its names, such as {printable(teacher_labels[0], longest=60)!r}",
            remedy="name classes by scientific names, or name a table in [teacher] names",
        )
    position = {label: number for number, label in enumerate(teacher_labels)}
    return ClassMap(
        labels=tuple(known),
        outputs=np.array([position[output] for output in known.values()], np.int64),
        unknown=tuple(label for label in labels if label not in known),
    )
