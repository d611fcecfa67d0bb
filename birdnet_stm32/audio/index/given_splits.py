"""Take over the split of somebody who has divided the recordings: by folders or by a column of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from birdnet_stm32.audio.index.given_labels import GivenRecording
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.index.split_folders import SplitFolders, split_named
from birdnet_stm32.audio.recording_roots import RecordingRoots
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import printable

_Part = TypeVar("_Part", int, str)


def given_splits(
    rows: Iterable[IndexRow],
    folders: SplitFolders,
    roots: RecordingRoots,
    given: Mapping[str, GivenRecording],
) -> dict[str, str]:
    """Return the split of each recording that somebody has divided. A folder decides before a table.

    Raises:
        InputError: a cell names no split, or a recording is in two splits.
    """

    def split_of(row: IndexRow) -> str:
        by_folder = folders.split_of(roots.within(row.path))
        known = given.get(row.path)
        if by_folder or known is None or not known.split:
            return by_folder
        if not (split := split_named(known.split)):
            raise InputError(
                f"the split is {printable(known.split, longest=40)!r}",
                where=known.line,
                expected="train, validation, test or nothing",
                remedy='[index] splits = "drawn" does not look at this column',
            )
        return split

    return _by_recording(rows, split_of, "splits")


def given_folds(rows: Iterable[IndexRow], given: Mapping[str, GivenRecording], count: int) -> dict[str, int]:
    """Return the part of each recording that a table has divided for cross-validation.

    Args:
        rows: the index.
        given: what the table says of its recordings.
        count: number of parts.

    Raises:
        InputError: a cell is no number from 1 to ``count``, or a recording is in two parts.
    """

    def fold_of(row: IndexRow) -> int:
        known = given.get(row.path)
        if known is None or not known.fold:
            return 0
        number = (
            int(known.fold) if known.fold.isascii() and known.fold.isdigit() and len(known.fold) < 4 else 0
        )
        if not 1 <= number <= count:
            raise InputError(
                f"the fold is {printable(known.fold, longest=40)!r}",
                where=known.line,
                expected=f"a number from 1 to {count}, or nothing",
                remedy=(
                    "set [evaluate] folds to the number of folds in the table",
                    '[index] splits = "drawn" does not look at this column',
                ),
            )
        return number

    return _by_recording(rows, fold_of, "folds")


def _by_recording(
    rows: Iterable[IndexRow], part_of: Callable[[IndexRow], _Part], what: str
) -> dict[str, _Part]:
    """Return the part of each recording whose files have one."""
    first: dict[str, tuple[IndexRow, _Part]] = {}
    for row in rows:
        part = part_of(row) if row.usable else None
        if not part:
            continue
        other, earlier = first.setdefault(row.recording, (row, part))
        if earlier != part:
            raise InputError(
                f"{printable(other.path)} and {printable(row.path)} are of one recording, "
                f"{printable(row.recording, longest=80)}, but in two {what}, {earlier} and {part}",
                where="[index] splits",
                expected="every recording in one part",
                remedy=(
                    "move the files of a recording into one part",
                    f'[index] splits = "drawn" divides the recordings anew, without the given {what}',
                    "correct [index] recording and group, if the files are of different recordings",
                ),
            )
    return {recording: part for recording, (_, part) in first.items()}
