"""Reads the lines a firmware prints; ``app/protocol.h`` has the format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from birdnet_stm32.detect.event import Event
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files.json_file import parse_json
from birdnet_stm32.terminal_text import printable

PROTOCOL_VERSION = 2
_LONGEST_QUOTE = 200  # characters of a damaged line that a message shows

STRING = r'("(?:[^"\\]|\\.)*")'
_LINES = {
    "birdnet-firmware": re.compile(rf"(\d+) {STRING} {STRING} {STRING}"),
    "recording": re.compile(rf"(\d+) (\d+) (\d+) {STRING}"),
    "window": re.compile(r"(\d+) (\d+)"),
    "detection": re.compile(rf"(\d+) (\d+) (\d+\.\d+) {STRING}"),
    "event": re.compile(rf"(\d+) (\d+) (\d+) (\d+) ([01]\.\d{{9}}) {STRING}"),
    "refused": re.compile(rf"(\d+) {STRING} {STRING}"),
    "error": re.compile(STRING),
    "done": re.compile(r"(\d+) (\d+)"),
}


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A class the firmware detected in a recording.

    Args:
        recording: index of the recording in the firmware's list.
        label: index of the class.
        name: its name.
        probability: maximum over the recording's windows.
    """

    recording: int
    label: int
    name: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class PrintedEvent:
    """An event that the firmware found in a recording.

    Args:
        recording: index of the recording in the firmware's list.
        event: the event. Its score has the bits that the firmware decided by.
    """

    recording: int
    event: Event


@dataclass(frozen=True, kw_only=True)
class Console:
    """All that a firmware reported.

    Args:
        title: the firmware's title.
        version: its version.
        model: digest of the generated C that it was built with.
        windows: windows it finished, as (recording, window).
        events: in the order printed: by recording, as they ended.
        detections: in the order printed: per recording the most probable first.
        refused: recordings it skipped, with the reason.
        errors: why it ended early; empty if it did not.
        recordings: how many it took from its list; None if it never reached the end.
    """

    title: str
    version: str
    model: str
    windows: tuple[tuple[int, int], ...]
    events: tuple[PrintedEvent, ...]
    detections: tuple[Detection, ...]
    refused: tuple[tuple[int, str], ...]
    errors: tuple[str, ...]
    recordings: int | None


def parse(text: str) -> Console:
    """Read everything a firmware printed; lines that are not of the protocol are skipped.

    Raises:
        ToolError: there is no first line of this protocol, its version is another, or a line is damaged.
    """
    lines: dict[str, list[tuple[Any, ...]]] = {word: [] for word in _LINES}
    for line in text.split("\n"):
        word, _, rest = line.partition(" ")
        if word in _LINES:
            lines[word].append(_fields(word, rest))
    if not lines["birdnet-firmware"]:
        raise ToolError(
            f"the firmware did not introduce itself; it printed {_quoted(text)}",
            where="console",
            expected=f"birdnet-firmware {PROTOCOL_VERSION}",
        )
    protocol, title, version, model = lines["birdnet-firmware"][0]
    if protocol != PROTOCOL_VERSION:
        raise ToolError(
            f"the firmware speaks protocol {protocol}",
            where="console",
            expected=str(PROTOCOL_VERSION),
            remedy="use the birdnet-stm32 version that generated it",
        )
    return Console(
        title=title,
        version=version,
        model=model,
        windows=tuple(lines["window"]),
        events=tuple(_event(*fields) for fields in lines["event"]),
        detections=tuple(
            Detection(recording=recording, label=label, name=name, probability=probability)
            for recording, label, probability, name in lines["detection"]
        ),
        refused=tuple((recording, reason) for recording, reason, _ in lines["refused"]),
        errors=tuple(reason for (reason,) in lines["error"]),
        recordings=lines["done"][-1][0] if lines["done"] else None,
    )


def _event(recording: int, _: int, start: int, end: int, score: float, name: str) -> PrintedEvent:
    return PrintedEvent(
        recording=recording,
        event=Event(label=name, start_samples=start, end_samples=end, score=round(score * 2**24) / 2**24),
    )


def _fields(word: str, rest: str) -> tuple[Any, ...]:
    match = _LINES[word].fullmatch(rest)
    if match is None:
        raise ToolError(f"the firmware printed {word} {_quoted(rest)}", where="console")
    try:
        return tuple(parse_json(field, where="console") for field in match.groups())
    except InputError as error:
        raise ToolError(
            f"the firmware printed {word} {_quoted(rest)}: {error.what}", where="console"
        ) from error


def _quoted(text: str) -> str:
    return repr(printable(text, longest=_LONGEST_QUOTE))
