"""Cuts the windows that calibrate and those that verify: ``windows.npy`` and ``windows.parquet``."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.audio import table
from birdnet_stm32.audio.representative import CALIBRATION, WindowRow, choose
from birdnet_stm32.progress import track
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.index import read_index
from birdnet_stm32.stages.models import window_shape
from birdnet_stm32.stages.recordings import root_of
from birdnet_stm32.stages.windows import PCM, TABLE


def run(job: Job) -> Outcome:
    """Choose the windows."""
    settings = job.variant.representative
    sample_rate_hz, window_samples = window_shape(job)
    with track("decode") as report:
        windows = choose(
            read_index(job.inputs["index"]),
            root_of(job.release),
            sample_rate_hz=sample_rate_hz,
            window_samples=window_samples,
            calibration_windows=settings.calibration_windows,
            validation_windows=settings.validation_windows,
            seed=settings.seed,
            report=report,
        )
    np.save(job.out / PCM, windows.pcm, allow_pickle=False)
    table.write(windows.rows, WindowRow, job.out / TABLE)
    calibration = sum(row.set == CALIBRATION for row in windows.rows)
    validation = len(windows.rows) - calibration
    return Outcome(
        summary=f"{calibration} calibration and {validation} validation windows "
        f"of {window_samples / sample_rate_hz:g} s",
        measures={"calibration_windows": calibration, "validation_windows": validation},
    )
