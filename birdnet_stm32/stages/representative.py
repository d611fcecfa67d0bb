"""Cuts the windows that calibrate and those that verify: ``windows.npy`` and ``windows.parquet``.

Windows of one role lie together in both files, in the order of ``ROLES`` in the module ``window_roles``.
``classes.parquet``, and for people ``classes.tsv``, count the recordings and windows of each class.
``left_out.json`` says how many of them each option of ``[representative]`` left out of the calibration.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.shards.window_set import read_samples
from birdnet_stm32.audio.windows.class_coverage import ClassCoverage, missing_windows
from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.audio.windows.representative_windows import choose_representative_windows
from birdnet_stm32.audio.windows.window_roles import (
    LEFT_OUT,
    ROLES,
    LeftOutDocument,
    assign_roles,
    count_coverage,
)
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files import parquet_table
from birdnet_stm32.files.document import write_document
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.file_names import CLASSES, COVERAGE
from birdnet_stm32.stages.inputs.index import read_index
from birdnet_stm32.stages.inputs.teacher import with_choice
from birdnet_stm32.stages.inputs.windows import PCM, TABLE, open_window_set
from birdnet_stm32.terminal_text import first_names


def run(job: Job) -> Outcome:
    """Choose the windows."""
    settings = job.variant.representative
    stored = with_choice(job, open_window_set(job.inputs["windows"]))
    shape = stored.window_shape
    rows = read_index(job.inputs["index"])
    recordings = {one.path: one for one in stored.recordings}

    def read_parts(row: IndexRow, parts: list[tuple[int, int]]) -> list[NDArray[np.int16]]:
        return [
            read_samples(stored.folder, recordings[row.path], start, stop - start) for start, stop in parts
        ]

    with track("windows") as report:
        chosen = choose_representative_windows(
            rows,
            read_parts,
            shape,
            calibration_windows=settings.calibration_windows,
            validation_windows=settings.validation_windows,
            seed=settings.seed,
            report=report,
        )
    assigned = assign_roles(chosen, settings, shape.sample_rate_hz)
    np.save(job.out / PCM, assigned.windows.pcm, allow_pickle=False)
    parquet_table.write(assigned.windows.rows, WindowRow, job.out / TABLE)
    write_document(LeftOutDocument(left_out=assigned.left_out), job.out)
    trained = job.variant.model.checkpoint is None
    learned = np.bincount(stored.recording_of[stored.chosen], minlength=len(stored.recordings)).tolist()
    learned_windows = dict(zip(recordings, learned, strict=True)) if trained else {}
    classes = count_coverage(rows, assigned.windows.rows, learned_windows)
    parquet_table.write(classes, ClassCoverage, job.out / COVERAGE)
    parquet_table.write_text(classes, ClassCoverage, job.out / CLASSES)
    lacking = missing_windows(classes, trained=trained)
    counts = {role: sum(row.set == role for row in assigned.windows.rows) for role in ROLES}
    said = [
        f"{count} {role.replace('_', ' ')}" for role, count in counts.items() if count or role != LEFT_OUT
    ]
    by_option = ", ".join(f"{count} by {name}" for name, count in assigned.left_out.items())
    return Outcome(
        summary=f"{', '.join(said)} windows of {shape.window_samples / shape.sample_rate_hz:g} s"
        + (f"; left out {by_option}" if by_option else "")
        + "".join(f"; no {part} window of {first_names(labels, most=3)}" for part, labels in lacking.items()),
        measures={f"{role}_windows": count for role, count in counts.items()}
        | {f"left_out_by_{name}": count for name, count in assigned.left_out.items()}
        | {
            f"classes_without_{part.replace('-', '_')}_windows": len(labels)
            for part, labels in lacking.items()
        },
    )
