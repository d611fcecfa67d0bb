"""Whose work a release builds on: the recordings' authors and the C library."""

from __future__ import annotations

import csv
from pathlib import Path

from birdnet_stm32.audio.packages import CREDITS
from birdnet_stm32.release.credits import Credit
from birdnet_stm32.stage import Job

TOOLCHAIN = (
    Credit(
        work="newlib",
        authors="Red Hat and contributors",
        licence="BSD and similar",
        use="C library linked into the firmware",
    ),
    Credit(
        work="libgcc",
        authors="Free Software Foundation",
        licence="GPL-3.0-or-later WITH GCC-exception-3.1",
        use="compiler support linked into the firmware",
    ),
)


def credits_of(job: Job) -> tuple[Credit, ...]:
    """Return the credits of a release; recordings of the user's own are credited by the user."""
    recordings = _recordings(job.inputs["fetch"] / CREDITS) if "fetch" in job.inputs else ()
    return (*recordings, *TOOLCHAIN)


def _recordings(path: Path) -> tuple[Credit, ...]:
    """Return one credit for all files of a package with the same author and licence."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, dialect="excel-tab"))
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        source = f"{row['package']} {row['version']} on the Python package index"
        grouped.setdefault((source, row["credit"], row["licence"]), []).append(row["file"])
    return tuple(
        Credit(
            work=files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more",
            authors=authors,
            licence=licence,
            use="training and verification",
            source=source,
        )
        for (source, authors, licence), files in sorted(grouped.items())
    )
