"""The values of an event that all table formats share: times, names, date and place, safe for any program.

All times are rounded down to milliseconds, so that no event ends after its recording. Names come from file
names and label files, which anybody may have written. A control character in one would end a line or a
column, and a spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from birdnet_stm32.audio.annotations.species_names import Species, parts_of
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.terminal_text import printable

_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """What the tables say beside the events.

    Args:
        lowest_hz: lowest frequency that the model hears.
        highest_hz: highest frequency that the model hears.
        species: names of species by the label of the class, if a table of names gives more than the labels.
    """

    lowest_hz: float
    highest_hz: float
    species: Mapping[str, Species] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """One event, as tables show it. Text is safe to write into any of them.

    Args:
        file: the recording.
        start_ms: start in the recording, in milliseconds.
        end_ms: end in the recording.
        label: class of the model.
        scientific_name: of the species; the label if it does not say one.
        common_name: of the species; the label if it does not say one.
        code: the species' code; empty if unknown.
        score: greatest probability, 0 to 1.
        date: day on which the event began, ``2026-05-01``; empty if unknown.
        time: time of day at which it began, ``04:30:15``; empty if unknown.
        utc_offset: zone of the two, ``+02:00``; empty if unknown.
        clock: how far they can be relied on; empty if unknown.
        latitude: in degrees; None if unknown.
        longitude: in degrees; None if unknown.
    """

    file: str
    start_ms: int
    end_ms: int
    label: str
    scientific_name: str
    common_name: str
    code: str
    score: float
    date: str
    time: str
    utc_offset: str
    clock: str
    latitude: float | None
    longitude: float | None

    @property
    def start_text(self) -> str:
        """The start in seconds, with milliseconds."""
        return seconds_text(self.start_ms)

    @property
    def end_text(self) -> str:
        """The end in seconds, with milliseconds."""
        return seconds_text(self.end_ms)

    @property
    def score_text(self) -> str:
        """The score with four decimals."""
        return f"{self.score:.4f}"

    @property
    def place_texts(self) -> tuple[str, str]:
        """Latitude and longitude; empty if unknown."""
        return _degrees(self.latitude), _degrees(self.longitude)


def event_rows(recordings: Sequence[DetectedRecording], settings: TableSettings) -> Iterator[EventRow]:
    """Yield the row of each event of recordings, in their order."""
    for recording in recordings:
        yield from rows_of(recording, settings)


def rows_of(recording: DetectedRecording, settings: TableSettings) -> list[EventRow]:
    """Return the rows of the events of one recording."""
    details = recording.details
    rows = []
    for event in recording.events:
        start_ms = milliseconds(event.start_samples, recording.sample_rate_hz)
        began = None if details.start is None else details.start + timedelta(milliseconds=start_ms)
        scientific, common, code = names_of(event.label, settings)
        rows.append(
            EventRow(
                file=safe_path(recording.path),
                start_ms=start_ms,
                end_ms=milliseconds(event.end_samples, recording.sample_rate_hz),
                label=safe_text(event.label),
                scientific_name=scientific,
                common_name=common,
                code=code,
                score=event.score,
                date="" if began is None else began.strftime("%Y-%m-%d"),
                time="" if began is None else began.strftime("%H:%M:%S"),
                utc_offset=utc_offset_text(began),
                clock="" if details.certainty is None else details.certainty.value,
                latitude=details.latitude,
                longitude=details.longitude,
            )
        )
    return rows


def names_of(label: str, settings: TableSettings) -> tuple[str, str, str]:
    """Return scientific name, common name and code of a class, safe to write into a table.

    >>> names_of("Turdus merula_Eurasian Blackbird", TableSettings(lowest_hz=150, highest_hz=12_000))
    ('Turdus merula', 'Eurasian Blackbird', '')
    """
    known = settings.species.get(label, Species())
    scientific, common = parts_of(label)
    return (
        safe_text(scientific or known.scientific_name or label),
        safe_text(common or known.common_name or label),
        safe_text(known.code),
    )


def milliseconds(samples: int, sample_rate_hz: int) -> int:
    """Return a position in whole milliseconds, rounded down.

    >>> milliseconds(33_075, 22_050)
    1500
    """
    return samples * 1_000 // sample_rate_hz


def seconds_text(position_ms: int) -> str:
    """Return milliseconds as seconds with three decimals.

    >>> seconds_text(61_500)
    '61.500'
    """
    return f"{position_ms // 1_000}.{position_ms % 1_000:03d}"


def utc_offset_text(time: datetime | None) -> str:
    """Return the zone of a time as ``+02:00``; empty if it has none."""
    return "" if time is None or time.tzinfo is None else time.isoformat()[-6:]


def safe_text(text: str) -> str:
    r"""Return a name that neither ends a line or a column nor is a formula.

    >>> safe_text("=1+1"), safe_text("owl\t1"), safe_text("Clark's Nutcracker")
    ("'=1+1", 'owl\\t1', "Clark's Nutcracker")
    """
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def safe_path(path: str) -> str:
    """Return the path of a recording, as :func:`safe_text` returns a name, but still leading to the file.

    >>> safe_path("-1.wav"), safe_path("day 1/-1.wav")
    ('./-1.wav', 'day 1/-1.wav')
    """
    shown = printable(path)
    return f"./{shown}" if shown.startswith(_FORMULA) else shown


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
