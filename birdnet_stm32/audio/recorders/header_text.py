"""Read what recorders write into the chunks LIST INFO and bext of a WAV file."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from birdnet_stm32.audio.recorders.clock_text import moment

MOST_BYTES = 1 << 16
_MOST_FIELDS = 100
_BEXT_DATE_AT, _BEXT_TIME_AT, _BEXT_BYTES = 320, 330, 602
_AUDIOMOTH = re.compile(
    r"Recorded at (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) (?P<day>\d\d)/(?P<month>\d\d)/"
    r"(?P<year>\d{4}) \(UTC(?P<sign_hours>[-+]\d{1,2})?(?::(?P<minutes>\d\d))?\)",
    re.ASCII,
)
_SERIAL = re.compile(r"AudioMoth ([0-9A-F]{16})", re.ASCII)
_BROADCAST = re.compile(
    r"(?P<year>\d{4})[-:_/. ](?P<month>\d\d)[-:_/. ](?P<day>\d\d) "
    r"(?P<hour>\d\d)[-:_/. ](?P<minute>\d\d)[-:_/. ](?P<second>\d\d)",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class AudioMothComment:
    """What an AudioMoth says in the comment of a recording.

    Args:
        start: the start, with its zone; None if the comment gives none.
        serial: serial number; empty if it gives none.
    """

    start: datetime | None
    serial: str


def info_fields(content: bytes) -> dict[str, str]:
    """Return the texts of a chunk ``LIST`` by their names, as ``ICMT``; nothing for another kind of list.

    Args:
        content: the bytes of the chunk, at most :data:`MOST_BYTES`. What is behind a damaged part is not
            read.
    """
    fields: dict[str, str] = {}
    if content[:4] != b"INFO" or len(content) > MOST_BYTES:
        return fields
    at = 4
    while at + 8 <= len(content) and len(fields) < _MOST_FIELDS:
        name, size = struct.unpack_from("<4sI", content, at)
        if at + 8 + size > len(content):
            break
        text = content[at + 8 : at + 8 + size].split(b"\0", 1)[0].decode("utf-8", errors="replace")
        fields.setdefault(name.decode("latin-1"), text.strip())
        at += 8 + size + size % 2
    return fields


def audiomoth_comment(info: Mapping[str, str]) -> AudioMothComment | None:
    """Return what an AudioMoth says of a recording; None if no AudioMoth wrote it.

    Args:
        info: from :func:`info_fields`.
    """
    comment, artist = info.get("ICMT", ""), info.get("IART", "")
    if "AudioMoth" not in f"{comment} {artist}":
        return None
    serial = _SERIAL.search(artist) or _SERIAL.search(comment)
    found = _AUDIOMOTH.match(comment)
    start = None
    if found is not None:
        offset = f"{found['sign_hours']}:{found['minutes'] or '00'}" if found["sign_hours"] else "Z"
        start = moment({**found.groupdict(), "offset": offset})
    return AudioMothComment(start=start, serial=serial[1] if serial else "")


def broadcast_start(content: bytes) -> datetime | None:
    """Return the start in a chunk ``bext``, which has no zone; None if it has none.

    Args:
        content: the bytes of the chunk. Source: EBU Tech 3285.
    """
    if len(content) < _BEXT_BYTES:
        return None
    date = content[_BEXT_DATE_AT:_BEXT_TIME_AT].decode("latin-1")
    found = _BROADCAST.fullmatch(f"{date} {content[_BEXT_TIME_AT : _BEXT_TIME_AT + 8].decode('latin-1')}")
    return None if found is None else moment(found.groupdict())
