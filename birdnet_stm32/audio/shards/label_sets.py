"""What windows hold: sets of labels, which many windows share, and the targets that follow from them.

A label of a model is a positive of a window (it is heard there), unjudged (it may be there: neither heard nor
missed counts), or negative. Windows refer to a set by its number, so that a million windows need little room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.files import parquet_table

POSITIVE, NEGATIVE, UNJUDGED = 1, 0, -1
_BETWEEN = "\t"


@dataclass(frozen=True, kw_only=True, order=True)
class LabelSet:
    """What a window holds. Every label that is not named is a negative.

    Args:
        positives: labels that are heard, sorted; empty for background.
        unjudged: labels that may be heard, sorted.
    """

    positives: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Row:
    positives: str
    unjudged: str


def write_label_sets(sets: Iterable[LabelSet], path: Path) -> None:
    """Write label sets to a Parquet file, in their order."""
    rows = [
        _Row(positives=_BETWEEN.join(one.positives), unjudged=_BETWEEN.join(one.unjudged)) for one in sets
    ]
    parquet_table.write(rows, _Row, path)


def read_label_sets(path: Path) -> tuple[LabelSet, ...]:
    """Read the file that :func:`write_label_sets` wrote. Raises: InputError."""
    return tuple(
        LabelSet(positives=_split(row.positives), unjudged=_split(row.unjudged))
        for row in parquet_table.read(path, _Row)
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(_BETWEEN)) if text else ()


def label_codes(sets: Sequence[LabelSet], labels: Sequence[str]) -> NDArray[np.int8]:
    """Return what each set says of each label of a model; labels that the model does not have are ignored.

    Args:
        sets: the label sets.
        labels: labels of the model.

    Returns:
        ``POSITIVE``, ``NEGATIVE`` or ``UNJUDGED``, int8 ``[sets, labels]``.

    >>> label_codes([LabelSet(positives=("owl",), unjudged=("tit",))], ("tit", "crow", "owl")).tolist()
    [[-1, 0, 1]]
    """
    position = {label: number for number, label in enumerate(labels)}
    codes = np.full((len(sets), len(labels)), NEGATIVE, np.int8)
    for number, one in enumerate(sets):
        codes[number, [position[label] for label in one.unjudged if label in position]] = UNJUDGED
        codes[number, [position[label] for label in one.positives if label in position]] = POSITIVE
    return codes


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowTargets:
    """The targets of windows, made when they are asked for.

    Args:
        codes: see :func:`label_codes`, int8 ``[sets, labels]``.
        label_set: number of the label set of each window, int32 ``[windows]``.
    """

    codes: NDArray[np.int8]
    label_set: NDArray[np.int32]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of windows and of labels."""
        return len(self.label_set), self.codes.shape[1]

    def __len__(self) -> int:
        return len(self.label_set)

    def __getitem__(self, key: int | slice | NDArray[np.integer]) -> NDArray[np.float32]:
        """Return 1 for a positive, 0 for a negative and -1 where it is unjudged, float32 ``[n, labels]``."""
        return self.codes[self.label_set[key]].astype(np.float32)
