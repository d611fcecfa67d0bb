"""Read a species list: a text file on the host or on the card of a recorder.

The C in ``birdnet_species_list.c`` reads the same bytes to the same list, or refuses the same line for the
same reason. So this module works on bytes, as the C does, and has no feature of a larger CSV reader.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from birdnet_stm32.audio.annotations.species_names import SpeciesNames
from birdnet_stm32.detect.fixed_point import ONE
from birdnet_stm32.detect.species_list import ALL_WEEKS, WEEKS, ListedSpecies, SpeciesList, TimeOfDay
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.terminal_text import counted, printable

MAX_BYTES = 1 << 20
LONGEST_LINE_BYTES = 255
MOST_FIELDS = 5
MOST_NEED = 32
_MOST_SHOWN = 10
_MARK = b"\xef\xbb\xbf"  # that programs for spreadsheets put before UTF-8
_BLANKS = b" \t"


class Mistake(IntEnum):
    """Why a line is refused. The numbers are those of ``birdnet_species_mistake_t``."""

    LINE = 1
    CHARACTER = 2
    QUOTE = 3
    SEPARATOR = 4
    FIELDS = 5
    COLUMN = 6
    COLUMN_TWICE = 7
    NAME = 8
    AMBIGUOUS = 9
    TWICE = 10
    THRESHOLD = 11
    NEED = 12
    WEEKS = 13
    TIME = 14
    NO_SPECIES = 15


_EXPECTED = {
    Mistake.LINE: f"at most {LONGEST_LINE_BYTES} bytes in a line",
    Mistake.CHARACTER: "text in UTF-8, without control characters",
    Mistake.QUOTE: 'a quotation mark only around a whole field, and "" for one inside it',
    Mistake.SEPARATOR: "fields separated by commas",
    Mistake.FIELDS: "as many fields as the header has; without a header, only a name",
    Mistake.COLUMN: "the columns species, threshold, need, weeks and time, in any order",
    Mistake.COLUMN_TWICE: "each column once",
    Mistake.NAME: "the name of a species",
    Mistake.AMBIGUOUS: "a name that means one class only: its label, or its scientific name",
    Mistake.TWICE: "each species on one line",
    Mistake.THRESHOLD: "a probability between 0 and 1 with up to six digits after the point, such as 0.45",
    Mistake.NEED: f"a number of windows, 1 to {MOST_NEED}",
    Mistake.WEEKS: f"weeks from 1 to {WEEKS} or ranges of them, such as 14-26 40; 44-8 is winter",
    Mistake.TIME: "day, night or any",
    Mistake.NO_SPECIES: "at least one species that the model knows",
}


class _RefusedError(Exception):
    """A line is refused."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake)
        self.mistake = mistake


@dataclass(frozen=True, kw_only=True)
class RefusedLine:
    """A mistake: its line, counted from 1, or 0 if it is that of the whole file."""

    line: int
    mistake: Mistake


@dataclass(kw_only=True)
class _Reader:
    """The list so far, and the columns once the first line that is no comment has been read."""

    find: Callable[[bytes], int | None]
    find_here: Callable[[str], int | None]
    columns: tuple[str, ...] | None = None
    has_header: bool = False
    species: dict[int, ListedSpecies] = field(default_factory=dict)
    unknown: list[tuple[int, str]] = field(default_factory=list)
    only_here: list[tuple[int, str]] = field(default_factory=list)
    mistakes: list[RefusedLine] = field(default_factory=list)


def read_species_list(path: Path, labels: Sequence[str], *, names: SpeciesNames | None = None) -> SpeciesList:
    """Return the list in a file.

    Args:
        path: the file.
        labels: classes of the model, in the order of its outputs.
        names: more names that mean a class, such as codes from a table of the user. A device does not know
            them.

    Raises:
        InputError: the file cannot be read, or has mistakes. The message names each of them with its line.
    """
    content = read_bytes(path, max_bytes=MAX_BYTES)
    return parse_species_list(content, labels, names=names, where=path)


def parse_species_list(
    content: bytes, labels: Sequence[str], *, names: SpeciesNames | None = None, where: str | Path = "species"
) -> SpeciesList:
    """Return the list in the bytes of a file, as :func:`read_species_list` does.

    Args:
        content: the bytes.
        labels: classes of the model, in the order of its outputs.
        names: more names that mean a class.
        where: name of the file in errors.

    Raises:
        InputError: the bytes have mistakes.
    """
    reader = _read(content, labels, names)
    if reader.mistakes:
        raise _error(reader.mistakes, reader.unknown, content, where)
    return SpeciesList(
        labels=tuple(labels),
        species=reader.species,
        unknown=tuple(reader.unknown),
        only_here=tuple(reader.only_here),
    )


def first_mistake(content: bytes, labels: Sequence[str]) -> RefusedLine | None:
    """Return the mistake that a device reports, which is the first one; None if there is none."""
    mistakes = _read(content, labels, None).mistakes
    return mistakes[0] if mistakes else None


def species_list_bytes(species_list: SpeciesList) -> bytes:
    """Return a list as a file that a device reads: every species by its label."""
    lines = [b"species,threshold,need,weeks,time"]
    for index, species in sorted(species_list.species.items()):
        label = species_list.labels[index].encode()
        if any(byte in label for byte in (b",", b'"')):
            label = b'"' + label.replace(b'"', b'""') + b'"'
        # Six digits are finer than the steps of the threshold, so that the same step is read back.
        threshold = f"{species.threshold / ONE:.6f}" if species.threshold else ""
        numbers = (
            f",{threshold},{species.need or ''},{_weeks_text(species.weeks)},{species.time.name.lower()}"
        )
        lines.append(label + numbers.encode())
    return b"\n".join(lines) + b"\n"


def _read(content: bytes, labels: Sequence[str], names: SpeciesNames | None) -> _Reader:
    device_names = _device_names(labels)

    def find_here(name: str) -> int | None:
        if names is None:
            return None
        try:
            label = names.label_of(name)
        except InputError as error:  # the name means several classes
            raise _RefusedError(Mistake.AMBIGUOUS) from error
        return None if label is None else labels.index(label)

    reader = _Reader(find=lambda name: _find(name, device_names), find_here=find_here)
    for number, line in enumerate(_lines(content), start=1):
        try:
            _read_line(reader, number, line)
        except _RefusedError as refused:
            reader.mistakes.append(RefusedLine(line=number, mistake=refused.mistake))
    if not reader.species and not reader.mistakes:
        reader.mistakes.append(RefusedLine(line=0, mistake=Mistake.NO_SPECIES))
    return reader


def _lines(content: bytes) -> list[bytes]:
    text = content.removeprefix(_MARK)
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def _read_line(reader: _Reader, number: int, line: bytes) -> None:
    text = line.strip(_BLANKS)
    if not text or text.startswith(b"#"):
        return
    if len(line) > LONGEST_LINE_BYTES:
        raise _RefusedError(Mistake.LINE)
    if any((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in text):
        raise _RefusedError(Mistake.CHARACTER)
    fields = _fields(text)
    if reader.columns is None:
        if b"species" in map(bytes.lower, fields):
            reader.columns = _columns(fields)
            reader.has_header = True
            return
        reader.columns = ("species",)
    if not reader.has_header and (b";" in text or b"\t" in text):
        raise _RefusedError(Mistake.SEPARATOR)
    if len(fields) != len(reader.columns):
        raise _RefusedError(Mistake.FIELDS)
    _add(reader, number, dict(zip(reader.columns, fields, strict=True)))


def _add(reader: _Reader, number: int, values: Mapping[str, bytes]) -> None:
    name = values["species"]
    if not name:
        raise _RefusedError(Mistake.NAME)
    species = ListedSpecies(
        line=number,
        threshold=_threshold(values.get("threshold", b"")),
        need=_need(values.get("need", b"")),
        weeks=_weeks(values.get("weeks", b"")),
        time=_time(values.get("time", b"")),
    )
    text = name.decode("utf-8", errors="replace")
    index = reader.find(name)
    if index is None:
        index = reader.find_here(text)
        (reader.unknown if index is None else reader.only_here).append((number, text))
    if index is None:
        return
    if index in reader.species:
        raise _RefusedError(Mistake.TWICE)
    reader.species[index] = species


def _fields(text: bytes) -> list[bytes]:
    """Return the fields of a line, without the blanks around them."""
    found: list[bytes] = []
    at = 0
    while True:
        while at < len(text) and text[at] in _BLANKS:
            at += 1
        if text[at : at + 1] == b'"':
            value, at = _quoted(text, at + 1)
        else:
            end = text.find(b",", at) if b"," in text[at:] else len(text)
            value, at = text[at:end].rstrip(_BLANKS), end
            if b'"' in value:
                raise _RefusedError(Mistake.QUOTE)
        if len(found) == MOST_FIELDS:
            raise _RefusedError(Mistake.FIELDS)
        found.append(value)
        if at == len(text):
            return found
        at += 1  # the comma


def _quoted(text: bytes, at: int) -> tuple[bytes, int]:
    """Return a field in quotation marks, and the position of the comma or of the end behind it."""
    value = bytearray()
    while at < len(text):
        if text[at] != 0x22:
            value.append(text[at])
            at += 1
        elif text[at + 1 : at + 2] == b'"':
            value.append(0x22)
            at += 2
        else:
            at += 1
            while at < len(text) and text[at] in _BLANKS:
                at += 1
            if at < len(text) and text[at] != 0x2C:
                break
            return bytes(value).strip(_BLANKS), at
    raise _RefusedError(Mistake.QUOTE)


def _columns(fields: Sequence[bytes]) -> tuple[str, ...]:
    known = {b"species", b"threshold", b"need", b"weeks", b"time"}
    names: list[str] = []
    for one in map(bytes.lower, fields):
        if one not in known:
            raise _RefusedError(Mistake.COLUMN)
        if one.decode() in names:
            raise _RefusedError(Mistake.COLUMN_TWICE)
        names.append(one.decode())
    return tuple(names)


def _threshold(text: bytes) -> int:
    """Return a threshold with 24 bits after the point, rounded; 0 if the field is empty."""
    if not text:
        return 0
    digits = text.removeprefix(b"0").removeprefix(b".")
    if b"." not in text[:2] or not 1 <= len(digits) <= 6 or not digits.isdigit():
        raise _RefusedError(Mistake.THRESHOLD)
    millionths = int(digits.ljust(6, b"0"))
    if not millionths:
        raise _RefusedError(Mistake.THRESHOLD)
    return (millionths * ONE + 500_000) // 1_000_000


def _need(text: bytes) -> int:
    if not text:
        return 0
    if len(text) > 2 or not text.isdigit() or not 1 <= int(text) <= MOST_NEED:
        raise _RefusedError(Mistake.NEED)
    return int(text)


def _weeks(text: bytes) -> int:
    """Return a bit for each week; all if the field is empty."""
    if not text:
        return ALL_WEEKS
    weeks = 0
    for span in text.replace(b"\t", b" ").split(b" "):
        if not span:
            continue
        first, dash, last = span.partition(b"-")
        begin = _week(first)
        end = _week(last) if dash else begin
        week = begin
        while week != end:
            weeks |= 1 << (week - 1)
            week = week % WEEKS + 1
        weeks |= 1 << (end - 1)
    return weeks


def _week(text: bytes) -> int:
    if not 1 <= len(text) <= 2 or not text.isdigit() or not 1 <= int(text) <= WEEKS:
        raise _RefusedError(Mistake.WEEKS)
    return int(text)


def _time(text: bytes) -> TimeOfDay:
    times = {b"": TimeOfDay.ANY, b"any": TimeOfDay.ANY, b"day": TimeOfDay.DAY, b"night": TimeOfDay.NIGHT}
    found = times.get(text.lower())
    if found is None:
        raise _RefusedError(Mistake.TIME)
    return found


def _weeks_text(weeks: int) -> str:
    """Return weeks as ranges; empty for all of them."""
    spans = []
    week = 1
    while week <= WEEKS and weeks != ALL_WEEKS:
        if weeks >> (week - 1) & 1:
            first = week
            while week < WEEKS and weeks >> week & 1:
                week += 1
            spans.append(f"{first}-{week}" if week > first else f"{first}")
        week += 1
    return " ".join(spans)


@dataclass(frozen=True, kw_only=True)
class _DeviceNames:
    """The classes that a name may mean, by kind of name, as a device compares them."""

    labels: Mapping[bytes, list[int]]
    scientific: Mapping[bytes, list[int]]
    common: Mapping[bytes, list[int]]


def _device_names(labels: Sequence[str]) -> _DeviceNames:
    kinds: tuple[defaultdict[bytes, list[int]], ...] = tuple(defaultdict(list) for _ in range(3))
    for index, label in enumerate(labels):
        text = label.encode("utf-8", errors="replace").lower()
        for name, kind in zip((text, *_parts(text)), kinds, strict=True):
            if name:
                kind[name].append(index)
    return _DeviceNames(labels=kinds[0], scientific=kinds[1], common=kinds[2])


def _parts(name: bytes) -> tuple[bytes, bytes]:
    """Return what stands before and behind the first ``_``; nothing if there is none."""
    first, bar, second = name.partition(b"_")
    return (first, second) if bar else (b"", b"")


def _find(name: bytes, names: _DeviceNames) -> int | None:
    """Return the class that a name means: its label, else its scientific, else its common name.

    Case of the letters A to Z makes no difference. A label of another model, with a common name in another
    language, is found by its scientific name.
    """
    text = name.lower()
    scientific, common = _parts(text)
    for wanted, among in (
        (text, names.labels),
        (text, names.scientific),
        (text, names.common),
        (scientific, names.scientific),
        (common, names.common),
    ):
        found = among.get(wanted, [])
        if len(found) > 1:
            raise _RefusedError(Mistake.AMBIGUOUS)
        if found:
            return found[0]
    return None


def _error(
    mistakes: Sequence[RefusedLine], unknown: Sequence[tuple[int, str]], content: bytes, where: str | Path
) -> InputError:
    if mistakes[0].mistake is Mistake.NO_SPECIES:
        names = ", ".join(repr(printable(name, longest=60)) for _, name in unknown[:3])
        return InputError(
            f"names {len(unknown):,} species, none of which the model knows: {names}"
            if unknown
            else "names no species",
            where=where,
            expected=_EXPECTED[Mistake.NO_SPECIES],
            remedy="write the scientific names, or the labels of the model",
        )
    lines = _lines(content)
    shown = [
        f"line {one.line}: {printable(lines[one.line - 1].decode('utf-8', errors='replace'), longest=80)!r}; "
        f"expected: {_EXPECTED[one.mistake]}"
        for one in mistakes[:_MOST_SHOWN]
    ]
    more = len(mistakes) - len(shown)
    if more:
        shown.append(f"and {more} more")
    return InputError("\n".join((f"has {counted(len(mistakes), 'mistake')}", *shown)), where=where)
