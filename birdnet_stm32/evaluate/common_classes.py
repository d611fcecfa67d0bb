"""Compare models that have other class lists, on the classes that all of them have.

A model of 10 species and one of 6,000 cannot be compared by the mean over their own species. They are
compared on the species of both, and each of them names only these: the strongest class among 10 is easier
to get right than among 6,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.annotations.columns import folded
from birdnet_stm32.audio.annotations.species_names import parts_of
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import first_names

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class CommonClasses:
    """The classes that several models share.

    Args:
        labels: their names, as the first model writes them, in its order.
        columns: the outputs of each model that are these classes, int64 ``[common classes]`` for each model.
        others: the classes of each model that not all the others have.
    """

    labels: tuple[str, ...]
    columns: tuple[Indices, ...]
    others: tuple[tuple[str, ...], ...]


def common_classes(class_lists: Sequence[Sequence[str]]) -> CommonClasses:
    """Find the classes that all models have.

    Two classes are the same if their scientific names are. Without a scientific name in one of them, their
    whole names decide, and then their common names. Case, blanks and hyphens make no difference. A name that
    two classes of a model share decides nothing.

    Args:
        class_lists: the classes of each model, in the order of its outputs. At least one model.

    Raises:
        InputError: the models have no class in common.
    """
    first, *rest = (tuple(labels) for labels in class_lists)
    found = [{own: position for position, own in enumerate(first)}]
    for labels in rest:
        found.append(_matches(first, labels))
    shared = [label for label in first if all(label in positions for positions in found)]
    if not shared:
        raise InputError(
            "the models have no class in common",
            expected=f"classes that are named alike, such as {first_names(first, most=2)}",
            remedy="use labels with scientific names, such as Turdus merula_Eurasian Blackbird",
        )
    columns = tuple(np.array([positions[label] for label in shared], np.int64) for positions in found)
    return CommonClasses(
        labels=tuple(shared),
        columns=columns,
        others=tuple(
            tuple(label for position, label in enumerate(labels) if position not in used)
            for labels, used in zip((first, *rest), map(set, columns), strict=True)
        ),
    )


def _matches(first: Sequence[str], labels: Sequence[str]) -> dict[str, int]:
    """Return the position in ``labels`` of each class of ``first`` that is there."""
    matches: dict[str, int] = {}
    taken: set[int] = set()
    for name_of in (_scientific, _whole, _common):
        ours, theirs = _by_name(first, name_of), _by_name(labels, name_of)
        for name in ours.keys() & theirs.keys():
            label, position = first[ours[name]], theirs[name]
            differ = name_of is not _scientific and _scientific(label) and _scientific(labels[position])
            if not differ and label not in matches and position not in taken:
                matches[label] = position
                taken.add(position)
    return matches


def _by_name(labels: Sequence[str], name_of: Callable[[str], str]) -> dict[str, int]:
    """Return the position of each name that only one label has."""
    names = [name_of(label) for label in labels]
    times = Counter(names)
    return {name: position for position, name in enumerate(names) if name and times[name] == 1}


def _scientific(label: str) -> str:
    return folded(parts_of(label)[0])


def _whole(label: str) -> str:
    return folded(label)


def _common(label: str) -> str:
    return folded(parts_of(label)[1] or label)
