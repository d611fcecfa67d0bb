"""Read a table of credits, with one line for each recording: its author and its licence.

``fetch`` writes such a table. A user who brings recordings writes one for them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.text_file import read_lines
from birdnet_stm32.terminal_text import counted, printable

COLUMNS = ("file", "label", "sha256", "package", "version", "licence", "credit")
REQUIRED = ("file", "licence", "credit")
MAX_TABLE_BYTES = 256 << 20
_OPTIONAL = tuple(name for name in COLUMNS if name not in REQUIRED)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class RecordingCredit:
    """The credit of one recording that somebody else made.

    Args:
        file: path of the recording, relative to the folder of recordings.
        licence: SPDX identifier or name of the licence.
        credit: whom to name.
        label: class of the recording; empty if the table does not say it.
        sha256: SHA-256 of the recording; empty if the table does not say it.
        package: name and version of the package that contained it; empty if there was none.
    """

    file: str
    licence: str
    credit: str
    label: str = ""
    sha256: str = ""
    package: str = ""


def credit_key(path: str) -> str:
    """Return the name of a recording in a table: its path in composed Unicode (NFC), as text has it."""
    return unicodedata.normalize("NFC", printable(path))


def read_credits(path: Path) -> Mapping[str, RecordingCredit]:
    """Return a table of credits, by :func:`credit_key` of the recording.

    Args:
        path: the table.

    Raises:
        InputError: one of the columns file, licence and credit is missing; there is a column other than
            these, label, sha256, package and version; or a line has another form. The message names the line.
    """
    lines = read_lines(path, max_bytes=MAX_TABLE_BYTES)
    columns = tuple(lines[0].split("\t")) if lines else ()
    unknown = [name for name in columns if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in columns]
    if unknown or missing or len(set(columns)) < len(columns):
        raise InputError(
            f"has the columns {', '.join(map(printable, columns)) or '(none)'}",
            where=f"{path}:1",
            expected=f"{', '.join(REQUIRED)}, and any of {', '.join(_OPTIONAL)}; a tab between them",
        )
    entries: dict[str, RecordingCredit] = {}
    for number, line in enumerate(lines[1:], start=2):
        entry = _entry(line, columns, where=f"{path}:{number}")
        if entries.setdefault(credit_key(entry.file), entry) is not entry:
            raise InputError(
                f"credits {printable(entry.file)} again",
                where=f"{path}:{number}",
                expected="one line for each recording",
            )
    return entries


def _entry(line: str, columns: tuple[str, ...], *, where: str) -> RecordingCredit:
    cells = line.split("\t")
    if len(cells) != len(columns):
        raise InputError(
            f"has {counted(len(cells), 'cell')}", where=where, expected=f"{len(columns)}, a tab between two"
        )
    fields = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    for name in REQUIRED:
        if not fields[name]:
            raise InputError(
                f"{name} is empty",
                where=where,
                expected="a recording's path, its licence and whom to name",
                remedy="leave out the line of a recording whose licence is not known",
            )
    digest = fields.get("sha256", "")
    if digest and not _DIGEST.fullmatch(digest):
        raise InputError(f"sha256 is {printable(digest, longest=80)}", where=where, expected="64 digits a-f")
    return RecordingCredit(
        file=fields["file"],
        licence=fields["licence"],
        credit=fields["credit"],
        label=unicodedata.normalize("NFC", fields.get("label", "")),
        sha256=digest,
        package=" ".join(filter(None, (fields.get("package", ""), fields.get("version", "")))),
    )
