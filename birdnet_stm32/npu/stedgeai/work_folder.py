"""Make a work folder for ST's tools, and remove the traces of that folder from their files."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from birdnet_stm32.errors import ToolError

LONGEST = 40  # characters; the tools add long names, and fail without a message if a path is too long
_FALLBACKS = ("/tmp", "/var/tmp")  # noqa: S108 - a fresh folder of our own is made in it
_TEXT = (".c", ".h", ".json", ".txt")
# The time of day, in all forms that occur in generated files.
_TIMES = (
    re.compile(r"(?m)^(\s*\* @date) .*$"),
    re.compile(r'("generated_time": )"[^"]*"'),
    re.compile(r"(?m)^(Created date\s*:).*$"),
)
_TIMELESS = (r"\1", r'\1""', r"\1")


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder with a short absolute path of plain ASCII, and remove it afterwards.

    Raises:
        ToolError: no folder for temporary files has such a path.
    """
    wanted = tempfile.gettempdir()
    parent = next((one for one in (wanted, *_FALLBACKS) if is_usable_path(one) and Path(one).is_dir()), None)
    if parent is None:
        raise ToolError(
            "ST's tools need a work folder with a path that they support",
            where=wanted,
            expected=f"ASCII letters, digits, . _ - /, at most {LONGEST} characters",
            remedy="set TMPDIR to such a folder",
        )
    with tempfile.TemporaryDirectory(prefix="n6-", dir=parent) as folder:
        yield Path(folder)


def is_usable_path(path: str) -> bool:
    """Return whether ST's tools can work in a folder at ``path``."""
    return len(path) <= LONGEST and re.fullmatch(r"([A-Za-z]:)?[/\\][A-Za-z0-9._/\\-]*", path) is not None


def reproducible(name: str, content: bytes, work: Path) -> bytes:
    """Remove the time of day and the path of the work folder from the comments of a generated file.

    Equal networks then give equal bytes, and a new date does not make later stages run again.

    Args:
        name: name of the file. Binary files are not changed.
        content: the bytes that the tool wrote, with any line ends.
        work: the work folder.
    """
    if not name.endswith(_TEXT):
        return content
    text = content.decode("utf-8", errors="surrogateescape").replace("\r\n", "\n").replace(str(work), "work")
    for pattern, replacement in zip(_TIMES, _TIMELESS, strict=True):
        text = pattern.sub(replacement, text)
    return text.encode("utf-8", errors="surrogateescape")
