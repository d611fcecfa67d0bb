"""Read ``network_generate_report.txt``, the report for people, in the form of 2.x and in the form since 3.0.

For a part that the epoch controller runs, 2.x lists each epoch. 3.0 and later list only the first and the
last.
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
# 2.1 writes ?? for hybrid epochs.
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
UNITS = {"b": 1, "kb": 1024, "mb": 1024 * 1024}  # by the name of the unit in small letters
_PREFERRED = ("generate", "analyze")  # both describe the network; validate describes a board


@dataclass(frozen=True, kw_only=True)
class Report:
    """The content of the report.

    Args:
        tool: the version in the first line.
        compiler: version of the compiler inside, ``1.1.3-275``.
        epochs: the epochs that are listed one by one. Operators are given for software epochs.
        stretches: first and last index of each part that the epoch controller runs, if its epochs are not
            listed.
        count: number of all epochs.
        used: maps the name of a memory to the used bytes, rounded to three decimals of their unit, and the
            unit.
        ranges: maps the name of a used memory to its first address and the address after its end.
    """

    tool: ToolVersion
    compiler: str
    epochs: tuple[Epoch, ...]
    stretches: tuple[tuple[int, int], ...]
    count: int
    used: dict[str, tuple[int, str]]
    ranges: dict[str, tuple[int, int]]


def report_of(names: Iterable[str]) -> str:
    """Return the name of the report among the ``names`` of files.

    Raises:
        ToolError: there is no report.
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
    """Return the content of a report. Line ends may be of any kind.

    Raises:
        ToolError: the epochs have an unknown form, or there are fewer epochs than the report counts.
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
    # The numbers within a part may have gaps.
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
