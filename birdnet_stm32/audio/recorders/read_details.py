"""Read all that a recording says of its start, its place and its recorder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from birdnet_stm32.audio.containers import wav
from birdnet_stm32.audio.containers.source import AudioBytes, UnreadableError, open_audio_bytes
from birdnet_stm32.audio.recorders import guano, header_text
from birdnet_stm32.audio.recorders.clock_text import place_of
from birdnet_stm32.audio.recorders.recorder_details import ClockSource, RecorderDetails
from birdnet_stm32.audio.recorders.recording_name import NameDetails, read_name
from birdnet_stm32.audio.recorders.start_choice import ClockReading, choose_start
from birdnet_stm32.files.regular_file import why_unreadable
from birdnet_stm32.terminal_text import printable

_LONGEST_TEXT = 100  # characters of a make, a model or a serial number


@dataclass(frozen=True, kw_only=True)
class _Metadata:
    """The contents of the chunks that are read. Each is empty if the file does not have it."""

    guano: guano.Guano = field(default_factory=lambda: guano.Guano(fields={}))
    info: Mapping[str, str] = field(default_factory=dict)
    broadcast: bytes = b""
    notes: tuple[str, ...] = ()


def read_details(path: Path, *, now: datetime | None = None) -> RecorderDetails:
    """Return what the header and the name of a recording say of it.

    The recording itself is not decoded. A file that cannot be read gives what its name says, and a note.

    Args:
        path: of the recording. Headers of WAV files are read; other formats have their names only.
        now: a later start is refused, with a zone; None for the clock of this computer.
    """
    metadata = _read_metadata(path)
    comment = header_text.audiomoth_comment(metadata.info)
    name = read_name(path, is_audiomoth=comment is not None)
    fields = metadata.guano.fields
    readings = [
        ClockReading(time=time, source=source, is_sure=source is not ClockSource.NAME or name.is_exact)
        for source, time in (
            (ClockSource.GUANO, metadata.guano.timestamp),
            (ClockSource.COMMENT, comment.start if comment else None),
            (ClockSource.BROADCAST, header_text.broadcast_start(metadata.broadcast)),
            (ClockSource.NAME, name.start),
        )
        if time is not None
    ]
    chosen = choose_start(readings, now=datetime.now(UTC) if now is None else now)
    place, place_notes = _place(fields.get("Loc Position", ""), name)
    is_audiomoth = comment is not None or fields.get("Model", "") == "AudioMoth"
    return RecorderDetails(
        start=chosen.reading.time if chosen.reading else None,
        start_source=chosen.reading.source if chosen.reading else None,
        certainty=chosen.certainty,
        latitude=place[0] if place else None,
        longitude=place[1] if place else None,
        make=_shortened(fields.get("Make", "")) or ("Open Acoustic Devices" if is_audiomoth else name.make),
        model=_shortened(fields.get("Model", "")) or ("AudioMoth" if is_audiomoth else ""),
        serial=_shortened(fields.get("Serial", "")) or (comment.serial if comment else "") or name.serial,
        notes=(*metadata.notes, *metadata.guano.notes, *name.notes, *chosen.notes, *place_notes),
    )


def _read_metadata(path: Path) -> _Metadata:
    try:
        with open_audio_bytes(path) as source:
            mark = source.read(0, 12)
            return _of_wav(source) if mark[:4] in wav.FORMS and mark[8:] == b"WAVE" else _Metadata()
    except UnreadableError as error:
        return _Metadata(notes=(f"header not read: {error}",))
    except OSError as error:
        return _Metadata(notes=(f"header not read: {why_unreadable(error)}",))


def _of_wav(source: AudioBytes) -> _Metadata:
    found = guano.Guano(fields={})
    info: dict[str, str] = {}
    broadcast = b""
    has_guano = False
    for chunk in wav.metadata_chunks(source, 0):
        if chunk.name == b"guan" and not has_guano:
            has_guano = True
            found = guano.parse_guano(source.read(chunk.first, min(chunk.size, guano.MOST_BYTES + 1)))
        elif chunk.name == b"LIST" and chunk.size <= header_text.MOST_BYTES:
            info = {**header_text.info_fields(source.read(chunk.first, chunk.size)), **info}
        elif chunk.name == b"bext" and not broadcast:
            broadcast = source.read(chunk.first, min(chunk.size, header_text.MOST_BYTES))
    return _Metadata(guano=found, info=info, broadcast=broadcast)


def _place(written: str, name: NameDetails) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Return the place in GUANO, else that in the name, and notes about it."""
    place = place_of(written) if written else name.place
    if written and place is None:
        shown = repr(printable(written, longest=60))
        return name.place, (f"place not read: {shown} is no latitude and longitude",)
    if place == (0.0, 0.0):
        return None, ("place not set: the recorder says latitude 0, longitude 0",)
    return place, ()


def _shortened(text: str) -> str:
    return printable(text, longest=_LONGEST_TEXT)
