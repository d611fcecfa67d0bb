"""``network_generate_report.txt``: the tool's report for people, as 2.x and as 3.0 and later write it.

Of what the epoch controller runs, 2.x lists each epoch, and 3.0 and later only the first and the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.compilation import Epoch, EpochKind, ToolVersion
from birdnet_stm32.npu.stedgeai.tool import REPORT_IT, parse_version

_COMPILER = re.compile(r"^Compiler version: *(\S+)", re.MULTILINE)
_POOL = re.compile(
    r"^\s*(\w+)\s+\[(0x[0-9A-F]+) - (0x[0-9A-F]+)\]:\s*(\d+(?:\.\d+)?)\s*(B|kB|MB) /",
    re.MULTILINE | re.IGNORECASE,
)
_RANGE = re.compile(
    r"^\s*(\w+)\s+\[0x[0-9A-F]+ - 0x[0-9A-F]+\]: (0x[0-9A-F]+)-(0x[0-9A-F]+)\s*$",
    re.MULTILINE | re.IGNORECASE,
)
_TOTAL = re.compile(
    r"^Total number of epochs:?\s+(\d+)(?: of which (\d+) implemented in software)?", re.MULTILINE
)
# 2.1 knows of hybrid epochs only that they are neither, and writes ??.
_OLD_EPOCH = re.compile(r"^epoch (\d+)\s+-?(HW|SW|EC|\?\?)-?(?:\s+\(\s*(.*?)\s*\))?\s*$", re.MULTILINE)
_NEW_EPOCH = re.compile(r"^\|\s*epoch_(\d+)\s*\|\s*(\w+)\s*\|\s*(.*?)\s*\|\s*$", re.MULTILINE)
_STRETCH = re.compile(r"^\|\s*epochs?[ _]*(\d+)\s*->\s*(\d+)\s*\|\s*EC\s*\|.*\|\s*$", re.MULTILINE)
_KINDS: dict[str, EpochKind] = {
    "HW": "hardware",
    "EC": "hardware",
    "HYBRID": "hybrid",
    "??": "hybrid",
    "SW": "software",
}
UNITS = {"b": 1, "kb": 1024, "mb": 1024 * 1024}  # by the unit's name in small letters
_PREFERRED = ("generate", "analyze")  # the same network; validate tells of a board instead


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was read.

    Args:
        tool: the version in the first line.
        compiler: version of the compiler inside, ``1.1.3-275``.
        epochs: those that are listed one by one; operators are given for those that run in software.
        stretches: indices of the first and the last epoch of each stretch that the epoch controller runs,
            where nothing else is listed of it.
        count: of all epochs.
        used: by the memory's name, bytes, rounded to what three decimals of their unit show, and that unit.
        ranges: first address and the one after the last, of memories that are used.
    """

    tool: ToolVersion
    compiler: str
    epochs: tuple[Epoch, ...]
    stretches: tuple[tuple[int, int], ...]
    count: int
    used: dict[str, tuple[int, str]]
    ranges: dict[str, tuple[int, int]]


def report_of(names: Iterable[str]) -> str:
    """Return the name of the report among ``names`` of files.

    Raises:
        ToolError: there is none.
    """
    found = sorted(name for name in names if name.endswith("_report.txt"))
    for command in _PREFERRED:
        for name in found:
            if f"_{command}_report" in name:
                return name
    raise ToolError(
        f"of the reports only {', '.join(found)} is there" if found else "the text report is missing",
        expected="network_generate_report.txt or network_analyze_report.txt",
        remedy="compile again into an empty folder",
    )


def read_report(text: str) -> Report:
    """Return what ``text``, with any line ends, says.

    Raises:
        ToolError: its epochs are in a form of neither kind, or fewer than it counts.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    compiler, total = _COMPILER.search(text), _TOTAL.search(text)
    if compiler is None or total is None:
        raise ToolError(
            "has no section on the NPU's compiler",
            where="the text report",
            expected="Compiler version: ..., Total number of epochs ...",
            remedy=("the option --st-neural-art", REPORT_IT),
        )
    found = (_OLD_EPOCH if total[2] is not None else _NEW_EPOCH).findall(text)
    epochs = tuple(
        Epoch(
            index=int(index),
            kind=_KINDS[kind.upper()],
            operators=tuple(re.split(r"\s*,\s*", details)) if details else (),
            cycles=None,
        )
        for index, kind, details in found
        if kind.upper() in _KINDS
    )
    stretches = tuple((int(first), int(last)) for first, last in _STRETCH.findall(text))
    # The numbers within a stretch may have gaps.
    most = len(epochs) + sum(last - first + 1 for first, last in stretches)
    least, count = len(epochs) + len(stretches), int(total[1])
    if not least <= count <= most:
        raise ToolError(
            f"counts {count} epochs and lists {most} that can be read",
            where="the text report",
            remedy=REPORT_IT,
        )
    return Report(
        tool=parse_version(text, where="the text report"),
        compiler=compiler[1],
        epochs=epochs,
        stretches=stretches,
        count=count,
        used={
            name: (round(float(number) * UNITS[unit.lower()]), unit.lower())
            for name, _, _, number, unit in _POOL.findall(text)
        },
        ranges={name: (int(first, 16), int(end, 16)) for name, first, end in _RANGE.findall(text)},
    )
