"""Find the recording to which a table, or a name in a table, belongs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from birdnet_stm32.audio.audio_files import SUPPORTED, UNSUPPORTED, suffix
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import first_names, printable

# What programs put between the stem of a recording and the extension of its table.
_OF_A_TABLE = re.compile(
    r"(?:\.Table\.\d{1,4})?(?:[._]selections?(?:\.table)?)?(?:[._](?:annotations?|labels?))?\.[a-z]{3,7}$",
    re.IGNORECASE,
)


class RecordingNames:
    """Recordings of a folder, found by their names.

    Args:
        paths: the recordings, relative to the folder, with forward slashes.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_stem: dict[str, list[str]] = {}
        for path in sorted(paths):
            self._by_stem.setdefault(_stem(path).casefold(), []).append(path)

    def of_table(self, table: str) -> str | None:
        """Return the recording whose stem a table has in its name; None if there is none.

        Args:
            table: path of the table, relative to the folder.

        Raises:
            InputError: several recordings have that stem, and none lies nearer to the table.
        """
        name = PurePosixPath(table).name
        whole = PurePosixPath(name).stem.casefold()
        for stem in (whole, _OF_A_TABLE.sub("", name).casefold(), *_beginnings(whole)):
            if stem in self._by_stem:
                return self._nearest(self._by_stem[stem], table, table)
        return None

    def named(self, file: str, table: str) -> str | None:
        """Return the recording that a table names; None if there is none.

        The folder and the extension may differ, because collections are moved and converted.

        Args:
            file: a name or a path, with forward slashes or backslashes.
            table: path of the table, relative to the folder.

        Raises:
            InputError: several recordings have that name, and none lies nearer to the table.
        """
        path = file.replace("\\", "/")
        name = path.rpartition("/")[2]
        found = self._by_stem.get(_stem(name).casefold(), [])
        for wanted in (path.lstrip("/"), name):
            same = [one for one in found if one == wanted or one.endswith(f"/{wanted}")]
            if same:
                found = same
                break
        if len(found) > 1 and (folder := path.rpartition("/")[0]):
            ending = [one for one in found if f"/{_folder(one)}".endswith(f"/{folder.rpartition('/')[2]}")]
            found = ending or found
        return self._nearest(found, file, table) if found else None

    def _nearest(self, paths: Sequence[str], name: str, table: str) -> str:
        """Return the recording that shares most folders with the table."""
        shared = [_shared_folders(path, table) for path in paths]
        nearest = [path for path, count in zip(paths, shared, strict=True) if count == max(shared)]
        if len(nearest) > 1:
            raise InputError(
                f"{printable(name, longest=120)!r} may be {first_names(nearest, most=3)}",
                where=table,
                expected="one recording of that name",
                remedy=(
                    "put each table into the folder of its recording",
                    "remove copies of a recording in another format",
                ),
            )
        return nearest[0]


def _beginnings(stem: str) -> list[str]:
    """Return the parts of a name up to each of its dots, the longest first."""
    parts = stem.split(".")[:50]
    return [".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]


def _stem(path: str) -> str:
    """Return the name of a recording without its extension. A dot may also stand in a name without one."""
    name = PurePosixPath(path).name
    return PurePosixPath(name).stem if suffix(name) in SUPPORTED | UNSUPPORTED else name


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _shared_folders(path: str, table: str) -> int:
    """Return how many folders, from the top, two paths share."""
    count = 0
    for one, other in zip(_folder(path).split("/"), _folder(table).split("/"), strict=False):
        if one != other:
            break
        count += 1
    return count
