"""Names of a network's outputs: ``class_names`` of its configuration, and the label file beside it.

The two must name the same classes. A label file may use other words for the same species, for example a
translation. Names are therefore compared as a whole, or by one of the two parts of ``Scientific name_Common
name``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.files import text_file
from birdnet_stm32.files.value_errors import shown_value
from birdnet_stm32.terminal_text import counted, first_names


class LabelOrder(StrEnum):
    """Which order is that of the outputs, if the label file has the same names in another order."""

    LABELS = "labels"
    CONFIGURATION = "configuration"


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the names in a label file, one for each line. Empty lines at the end are ignored.

    Args:
        path: the label file.

    Raises:
        InputError: the file cannot be read, or a line cannot be a name; see :func:`check_names`.
    """
    lines = list(text_file.read_lines(path))
    while lines and not lines[-1].strip():
        lines.pop()
    return check_names([line.strip() for line in lines], what="line", where=path)


def check_names(names: Sequence[object], *, what: str, where: str | Path) -> tuple[str, ...]:
    """Check that each name can name one output, and return the names in Unicode's composed form (NFC).

    Args:
        names: in the order of the outputs.
        what: how errors call a name: ``class_names`` or ``line``.
        where: name of the file in errors.

    Raises:
        InputError: a name is not text, is empty, holds a control character, or appears twice.
    """
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not isinstance(name, str):
            raise InputError(f"{what} {number} is {shown_value(name)}", where=where, expected="a name")
        if not name.strip():
            raise InputError(f"{what} {number} is empty", where=where, expected="one name for every output")
        if any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in name):
            raise InputError(
                f"{what} {number} is {shown_value(name)}",
                where=where,
                expected="a name of one line, without control characters",
            )
        if (first := seen.setdefault(_whole(name), number)) != number:
            raise InputError(
                f"{shown_value(name)} stands there twice, as {what} {first} and {number}",
                where=where,
                expected="a name of its own for every output",
                remedy="put in what the network was trained with; outputs of one name cannot be told apart",
            )
    return tuple(unicodedata.normalize("NFC", str(name)) for name in names)


def reconcile_labels(
    labels: Sequence[str],
    class_names: Sequence[str],
    *,
    order: LabelOrder | None,
    where: Path,
    remedy: str | tuple[str, ...],
) -> tuple[str, ...]:
    """Return the names to show, in the order of the outputs.

    Args:
        labels: the names in the label file, which are the ones to show.
        class_names: the names in the model's configuration.
        order: whose order counts if both have the same names in different orders; None refuses such files.
        where: the label file.
        remedy: what the user can do if the orders differ.

    Raises:
        InputError: the names differ, or ``order`` is None and the orders differ.
    """
    orders = {_order(labels, class_names, part) for part in _PARTS} - {None}
    if not orders:
        raise _differ(labels, class_names, where)
    if len(orders) > 1:
        raise InputError(
            "has scientific names in one order and common names in another, beside class_names",
            where=where,
            expected="the same species on the same line in both files",
            remedy="name the label file that was written with this model",
        )
    (permutation,) = (one for one in orders if one is not None)
    if permutation == tuple(range(len(labels))) or order is LabelOrder.LABELS:
        return tuple(labels)
    if order is LabelOrder.CONFIGURATION:
        return tuple(labels[line] for line in permutation)
    first = next(output for output, line in enumerate(permutation) if output != line)
    raise InputError(
        f"has the names of the model's configuration in another order: line {first + 1} is "
        f"{shown_value(labels[first])}, class_names has {shown_value(class_names[first])} there",
        where=where,
        expected="the order of the network's outputs in both files",
        remedy=remedy,
    )


def _whole(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _scientific(name: str) -> str:
    return _whole(name).partition("_")[0]


def _common(name: str) -> str:
    return _whole(name).rpartition("_")[2]


_PARTS = (_whole, _scientific, _common)


def _order(
    labels: Sequence[str], class_names: Sequence[str], part: Callable[[str], str]
) -> tuple[int, ...] | None:
    """Return the line of each class, compared by one part of the names; None if that part is not unique."""
    lines = {part(name): line for line, name in enumerate(labels)}
    known = [part(name) for name in class_names]
    if len(lines) < len(labels) or len(labels) != len(known) or set(lines) != set(known):
        return None
    return tuple(lines[name] for name in known)


def _differ(labels: Sequence[str], class_names: Sequence[str], where: Path) -> InputError:
    """Say which names only one of the two has, compared by the part of the names that most of them share."""

    def alone(part: Callable[[str], str]) -> tuple[list[str], list[str]]:
        own, known = {part(name) for name in labels}, {part(name) for name in class_names}
        missing = [name for name in class_names if part(name) not in own]
        return missing, [name for name in labels if part(name) not in known]

    missing, extra = min((alone(part) for part in _PARTS), key=lambda two: len(two[0]) + len(two[1]))
    found = [f"lacks {_quoted(missing)} of class_names"] if missing else []
    found += [f"has {_quoted(extra)}, which class_names has not"] if extra else []
    return InputError(
        f"holds {counted(len(labels), 'name')} for {counted(len(class_names), 'output')}: "
        + " and ".join(found),
        where=where,
        expected="the names in class_names of the model's configuration, in the same order",
        remedy=(
            "name the label file and the configuration that were written with this model",
            "translate one part of 'Scientific name_Common name' only, and keep the other",
        ),
    )


def _quoted(names: Sequence[str]) -> str:
    return first_names([repr(name) for name in names])
