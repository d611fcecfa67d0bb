"""Refuse an index from which nothing can be built, and names in the variant that mean nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from birdnet_stm32.audio.index import class_names
from birdnet_stm32.audio.index.recording_index import SMALL, IndexRow, belongs_to_class
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, first_names


def check_folders(
    rows: Sequence[IndexRow],
    table: IndexTable,
    *,
    beside: Collection[str] = (),
    no_class: Collection[str] = (),
) -> None:
    """Refuse names of folders that do not exist, and names that no class can have.

    Args:
        rows: the index.
        table: the variant's ``[index]``.
        beside: labels of a table of labels, also those that are not the main class of any recording.
        no_class: folders that are no class because of the table. They may be misspelt in it.

    Raises:
        InputError: names what does not exist, or cannot be a class.
    """
    folders = sorted({row.label for row in rows if row.label})
    expected = f"one of the folders {', '.join(folders) or '(none)'}"
    known = {row.label for row in rows if not row.is_folder} | set(beside)
    for name in sorted(set(table.background) - known):
        raise InputError(
            f"no recordings in the background folder {name}", where="[index] background", expected=expected
        )
    for name in sorted(set(table.untrained) - set(folders)):
        raise InputError(f"there is no folder {name}", where="[index] untrained", expected=expected)
    class_names.check_class_names(row.label for row in rows if belongs_to_class(row))
    if no_class:
        class_names.check_class_names({*beside, *filter(str.isprintable, filter(str.strip, no_class))})


def check_trained(rows: Sequence[IndexRow], table: IndexTable) -> None:
    """Refuse to train a model without a class whose recordings somebody collected."""
    small = {row.label for row in rows if row.reason.startswith(SMALL)}
    left = {row.label for row in rows if row.usable} | small | set(table.untrained)
    lost: dict[str, Counter[str]] = {}
    for row in rows:
        if row.label not in left and belongs_to_class(row) and not row.background:
            lost.setdefault(row.label, Counter())[row.reason] += 1
    if not lost:
        return
    listed = "; ".join(
        f"{label}: " + ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
        for label, reasons in list(lost.items())[:5]
    )
    more = f"; and {counted(len(lost) - 5, 'more class')}" if len(lost) > 5 else ""
    raise InputError(
        f"no recording to train on in {len(lost)} of the classes. {listed}{more}",
        where="[index] root",
        expected="at least one usable recording of every class",
        remedy=(
            "make recordings of these classes usable",
            f"to build a model without them, list them as [index] untrained: {', '.join(map(_quoted, lost))}",
        ),
    )


def without_untrained(rows: Sequence[IndexRow], table: IndexTable) -> tuple[IndexRow, ...]:
    """Return the rows without the recordings of classes that may stay untrained and do.

    Args:
        rows: the index, divided into splits by somebody.
        table: the variant's ``[index]``.

    Raises:
        InputError: a class has recordings to validate or to test with, but none to train on.
    """
    trained = {row.label for row in rows if row.split == recording_split.TRAIN}
    lost = sorted({row.label for row in rows if row.usable and not row.background} - trained)
    refused = [label for label in lost if label not in table.untrained]
    if refused:
        names = ", ".join(map(_quoted, refused))
        raise InputError(
            f"the split gives no recording to train on to {first_names(refused)}, only others",
            where="[index] splits",
            expected="at least one recording of every class to train on",
            remedy=(
                "move recordings of these classes to those that train",
                '[index] splits = "drawn" divides the recordings anew',
                f"to build a model without them, list them as [index] untrained: {names}",
            ),
        )
    reason = "no recording of its class trains"
    return tuple(
        replace(row, split="", fold=0, reason=reason) if row.usable and row.label in lost else row
        for row in rows
    )


def _quoted(name: str) -> str:
    """Return a name as a string of TOML."""
    return f"'{name}'" if "'" not in name else json.dumps(name, ensure_ascii=False)


def check_usable(rows: Sequence[IndexRow]) -> None:
    """Refuse an index without any usable recording of a class. Raises: InputError."""
    if any(row.usable and not row.background for row in rows):
        return
    reasons = Counter(row.reason for row in rows if not row.usable)
    listed = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(8))
    usable = sum(row.usable for row in rows)
    what = "only background recordings are usable" if usable else "no recording is usable"
    raise InputError(
        f"{what}, of {len(rows)} found" + (f": {listed}" if listed else ""),
        where="[index] root",
        expected="at least one usable recording in a class folder that is not background",
    )
