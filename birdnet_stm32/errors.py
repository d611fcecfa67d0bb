"""All errors that a user can meet, each with its exit code.

An error says what was found, where, what was expected and what to do. Only ``cli.main`` and the stage runner
catch :class:`BirdnetError`. All other code lets it pass.
"""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.terminal_text import printable

_LONGEST_WHERE = 500  # characters: the cause, which follows, must stay visible
_LONGEST_LINES = 4_000  # characters of a cause: enough for the last lines of a program, not for a whole file


class BirdnetError(Exception):
    """An error that says what to do.

    Args:
        what: what was found, in one sentence without a full stop.
        where: the file, key, tensor or operator concerned.
        expected: what would have been right.
        remedy: what the user can do: one suggestion or several.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        expected: str | None = None,
        remedy: str | tuple[str, ...] = (),
    ) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.expected = expected
        self.remedies = (remedy,) if isinstance(remedy, str) else remedy
        super().__init__(what, where, expected, remedy)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the keywords, so that the error can pass from a worker process to its parent."""
        return (_rebuild, (type(self), self.what, self.where, self.expected, self.remedies))

    def __str__(self) -> str:
        """Return the message for people. Characters that a terminal would obey are escaped."""
        where = printable(self.where, longest=_LONGEST_WHERE) if self.where else ""
        lines = [f"{where}: {self.what}" if where else self.what]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        lines.extend(f"  try: {remedy}" for remedy in self.remedies)
        return "\n".join(printable(line, longest=_LONGEST_LINES, keep="\n\t") for line in lines)


def _rebuild(
    kind: type[BirdnetError], what: str, where: str | None, expected: str | None, remedies: tuple[str, ...]
) -> BirdnetError:
    return kind(what, where=where, expected=expected, remedy=remedies)


class InputError(BirdnetError):
    """Something that the user gave cannot be used: a file, a key, a folder, a model."""

    exit_code = 2


class GateError(BirdnetError):
    """A measured value is beyond its limit, or two things that must agree do not."""

    exit_code = 1


class ToolError(BirdnetError):
    """A program is missing, failed or did not end: a compiler, an emulator, a package index."""

    exit_code = 3
