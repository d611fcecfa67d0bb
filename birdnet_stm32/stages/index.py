"""Finds every recording and what it holds; publishes ``recordings.parquet`` and ``unusable.tsv``.

A rescan costs only the files that changed: what was measured stays in ``local_measures.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from birdnet_stm32.audio import measure, table
from birdnet_stm32.audio.index import IndexRow, build_index, list_files, summarize
from birdnet_stm32.progress import track
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.recordings import MEASURES, root_of

RECORDINGS = "recordings.parquet"
UNUSABLE = "unusable.tsv"


def run(job: Job) -> Outcome:
    """Index the variant's recordings."""
    root = root_of(job.release)
    files = list_files(root)
    with track("recordings") as report:
        measured = measure.measure(root, files, _known(job.previous / MEASURES), report=report)
    (job.out / MEASURES).write_text(measure.to_json(measured), encoding="utf-8")
    rows = build_index(measured, job.variant.index, train_every_label=job.variant.model.checkpoint is None)
    table.write(rows, IndexRow, job.out / RECORDINGS)
    _list_unusable(rows, job.out / UNUSABLE)
    classes = summarize(rows)
    usable = sum(row.usable for row in rows)
    unusable = f", {len(rows) - usable} unusable: see {UNUSABLE}" if usable < len(rows) else ""
    species = sum(not one.background and one.usable > 0 for one in classes)
    background = " and background" if any(one.background for one in classes) else ""
    return Outcome(
        summary=f"{usable} recordings of {species} classes{background}{unusable}",
        measures={"usable": usable, "unusable": len(rows) - usable},
    )


def _list_unusable(rows: Sequence[IndexRow], path: Path) -> None:
    """List every recording that takes no part, with the reason."""
    lines = [f"{row.path}\t{row.reason}\n" for row in rows if not row.usable]
    path.write_text("".join(["path\treason\n", *lines]), encoding="utf-8")


def _known(path: Path) -> dict[str, measure.Measured]:
    try:
        return measure.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # a cache that is missing or broken: everything is measured again


def read_index(folder: Path) -> tuple[IndexRow, ...]:
    """Return the rows that this stage published in ``folder``."""
    return table.read(folder / RECORDINGS, IndexRow)
