"""Collect the credits of a release: the authors of its recordings, and the C library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.audio.credits import RecordingCredit, credit_key, read_credits
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.packages import CREDITS
from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.audio.windows.representative_windows import VALIDATION
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.errors import InputError
from birdnet_stm32.files import parquet_table
from birdnet_stm32.release.credits import Credit, Uncredited
from birdnet_stm32.stages.inputs.index import read_index
from birdnet_stm32.stages.inputs.recordings import OWN_TABLE
from birdnet_stm32.stages.inputs.windows import TABLE
from birdnet_stm32.terminal_text import printable

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


def release_credits(job: Job) -> tuple[Credit, ...]:
    """Return the credits of a release, those of its recordings first.

    Raises:
        InputError: the table of credits has another form, or a line is about another file of the same name.
    """
    found, _, _ = _divide(job)
    return (*_grouped(found), *TOOLCHAIN)


def uncredited_recordings(job: Job) -> Uncredited:
    """Return the recordings of a release without a stated licence. Raises: as :func:`release_credits`."""
    _, missing, strays = _divide(job)
    compiled = {
        row.path
        for row in _validation(job)[: job.variant.codegen.test_vectors]
        if row.path in {one.path for one in missing}
    }
    return Uncredited(
        recordings=tuple(printable(row.path) for row in missing),
        compiled=tuple(sorted(map(printable, compiled))),
        strays=strays,
    )


def licence_counts(job: Job) -> tuple[tuple[str, int], ...]:
    """Return how many files of a release are under which licence, the most frequent first.

    Raises:
        InputError: as :func:`release_credits`.
    """
    found, _, _ = _divide(job)
    return tuple(Counter(entry.licence for entry in found).most_common())


def _validation(job: Job) -> list[WindowRow]:
    rows = parquet_table.read(job.inputs["representative"] / TABLE, WindowRow)
    return [row for row in rows if row.set == VALIDATION]


def _divide(job: Job) -> tuple[list[RecordingCredit], list[IndexRow], tuple[str, ...]]:
    """Return the entries of the recordings in use, the recordings without an entry, and all other entries."""
    path = _table_of(job)
    entries: Mapping[str, RecordingCredit] = {} if path is None else read_credits(path)
    found, missing = [], []
    rows = read_index(job.inputs["index"])
    strays = entries.keys() - {credit_key(row.path) for row in rows}
    for row in rows:
        if not row.usable:
            continue
        entry = entries.get(credit_key(row.path))
        if entry is None:
            missing.append(row)
            continue
        _check(entry, row, where=f"{path}")
        found.append(entry)
    return found, missing, tuple(sorted(strays))


def _table_of(job: Job) -> Path | None:
    """Return the table about the recordings in use; recordings that [fetch] brought may not be in use."""
    if job.variant.index.root is None:
        return job.inputs["fetch"] / CREDITS
    return job.files.get(OWN_TABLE)


def _check(entry: RecordingCredit, row: IndexRow, *, where: str) -> None:
    for what, said, found in (("sha256", entry.sha256, row.digest), ("label", entry.label, row.label)):
        if said and said != found:
            raise InputError(
                f"is about another {printable(row.path)}: its {what} is {printable(found)}",
                where=where,
                expected=printable(said),
                remedy="correct the line, or leave it out",
            )


def _grouped(entries: list[RecordingCredit]) -> tuple[Credit, ...]:
    """Return one credit for all files of a package with the same author and licence."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for entry in entries:
        source = f"{entry.package} on the Python package index" if entry.package else ""
        grouped.setdefault((source, entry.credit, entry.licence), []).append(entry.file)
    return tuple(
        Credit(
            work=files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more",
            authors=authors,
            licence=licence,
            use="training, verification and evaluation",
            source=source,
        )
        for (source, authors, licence), files in sorted(grouped.items())
    )
