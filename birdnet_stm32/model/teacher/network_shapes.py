"""Find out how a teacher is fed and which of its outputs belongs to the labels; the same for every kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, first_names, printable

Shape = Sequence[int | None]


def one_input(names: Sequence[str], path: Path) -> int:
    """Return the position of the only input. Raises: InputError, if there are several, or none."""
    if len(names) != 1:
        shown = first_names([printable(name, longest=60) for name in names])
        raise InputError(
            f"has {counted(len(names), 'input')}" + (f": {shown}" if names else ""),
            where=path,
            expected="one input: the samples of a window",
            remedy="name a model that hears and needs nothing else, neither a place nor a date",
        )
    return 0


def window_shape(shape: Shape, path: Path) -> tuple[int, ...]:
    """Return the shape of an input for one window, without the dimension of the batch.

    Args:
        shape: the whole shape; -1 or None where it is open.
        path: name of the model in errors.

    Raises:
        InputError: a dimension beside the batch is open.
    """
    sizes = tuple(-1 if size is None else int(size) for size in shape)
    if len(sizes) == 1 and sizes[0] > 1:
        return sizes
    if len(sizes) < 2 or any(size < 1 for size in sizes[1:]):
        raise InputError(
            f"its input has the shape {list(sizes)}",
            where=path,
            expected="a fixed number of samples, such as [1, 144000]",
            remedy="export the model anew for windows of one length",
        )
    return sizes[1:]


def chosen_output(outputs: Sequence[tuple[str, Shape]], classes: int, path: Path) -> int:
    """Return the position of the output that has a value for each name.

    Args:
        outputs: name and shape of each output; the first dimension is that of the batch.
        classes: number of names in the label file.
        path: name of the model in errors.

    Raises:
        InputError: no output has that many values, or several have.
    """
    sizes = [_values(shape) for _, shape in outputs]
    found = [number for number, size in enumerate(sizes) if size == classes]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(
        f"{printable(name, longest=60)} of {'an open number of' if size < 0 else size} values"
        for (name, _), size in zip(outputs, sizes, strict=True)
    )
    if found:
        raise InputError(
            f"has {counted(len(found), 'output')} of {classes} values ({shown})",
            where=path,
            expected="one output with a value for each name",
        )
    raise InputError(
        f"has the output {shown}" if len(outputs) == 1 else f"has the outputs {shown}",
        where=path,
        expected=f"{classes} values for the {counted(classes, 'name')} in [teacher] labels",
        remedy="name the label file that was published with this model",
    )


def _values(shape: Shape) -> int:
    size = 1
    for one in list(shape)[1:]:
        size = -1 if one is None or one < 0 or size < 0 else size * int(one)
    return size
