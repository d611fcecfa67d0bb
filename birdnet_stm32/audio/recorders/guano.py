r"""Read GUANO, the text that recorders of bats and birds write into a chunk ``guan`` of their WAV files.

Each line is ``Key: value``, or ``Namespace|Key: value``, in UTF-8. The recorder may reserve the chunk as
blanks, and fill it when the recording ends. Source: the GUANO specification, version 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from birdnet_stm32.audio.recorders.clock_text import moment
from birdnet_stm32.terminal_text import printable

MOST_BYTES = 1 << 18
MOST_LINES = 1_000
_MOST_NOTES = 5
_TIMESTAMP = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:\.(?P<fraction>\d{1,9}))? ?(?P<offset>Z|[-+]\d\d:?\d\d)?",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Guano:
    """The fields of a GUANO text.

    Args:
        fields: values by key, as ``Timestamp`` or ``OAD|Battery Voltage``, without blanks around them.
        notes: what could not be read.
    """

    fields: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def timestamp(self) -> datetime | None:
        """The start of the recording, with a zone if it states one; None if it states none."""
        found = _TIMESTAMP.fullmatch(self.fields.get("Timestamp", ""))
        return None if found is None else moment(found.groupdict())


def parse_guano(content: bytes) -> Guano:
    """Return the fields of a GUANO chunk. What contradicts the specification is left out and noted.

    Args:
        content: the bytes of the chunk, at most :data:`MOST_BYTES`.
    """
    if len(content) > MOST_BYTES:
        return Guano(fields={}, notes=(f"GUANO not read: it has {len(content):,} bytes",))
    try:
        text = content.decode("utf-8").strip(" \0\r\n\t")
    except UnicodeDecodeError as error:
        return Guano(fields={}, notes=(f"GUANO not read: it is not UTF-8 (byte {error.start})",))
    if not text:
        return Guano(fields={}, notes=("GUANO empty: the recorder reserved it and never filled it",))
    fields, wrong = _read_lines(text.split("\n"))
    if not text.startswith("GUANO|Version"):
        wrong.append("GUANO version missing: its first line should be GUANO|Version")
    if "Timestamp" in fields and _TIMESTAMP.fullmatch(fields["Timestamp"]) is None:
        wrong.append(f"GUANO time not read: Timestamp is {_quoted(fields['Timestamp'])}")
    return Guano(fields=fields, notes=(*wrong[:_MOST_NOTES], *_more(wrong[_MOST_NOTES:])))


def _read_lines(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the fields that stand there once, and notes about all other lines."""
    fields: dict[str, str] = {}
    wrong: list[str] = []
    twice: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if number > MOST_LINES:
            wrong.append(f"GUANO not read to its end: it has more than {MOST_LINES:,} lines")
            break
        key, colon, value = line.partition(":")
        key = "|".join(part.strip() for part in key.split("|", 1))
        if key in fields:
            twice.add(key)
        elif colon and key:
            fields[key] = value.strip()
        elif line.strip():
            wrong.append(f"GUANO line not read: line {number} is {_quoted(line)}, expected is Key: value")
    wrong += [f"GUANO field twice: {_quoted(key)} is not used" for key in sorted(twice)]
    return {key: value for key, value in fields.items() if key not in twice}, wrong


def _more(left_out: list[str]) -> tuple[str, ...]:
    return (f"GUANO notes left out: {len(left_out)} more",) if left_out else ()


def _quoted(text: str) -> str:
    return repr(printable(text.strip(), longest=60))
