"""Read what the stages evaluate and thresholds published, and the samples of scored recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import read_samples
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document
from birdnet_stm32.stages.inputs.windows import open_window_set


def read_accuracy(job: Job) -> EvaluateDocument | None:
    """Return the accuracy of a release; None if the stage does not need it or nothing was scored."""
    if "evaluate" not in job.inputs:
        return None
    document = read_document(EvaluateDocument, job.inputs["evaluate"])
    return document if document.windows else None


def read_thresholds(job: Job) -> ThresholdsDocument | None:
    """Return the threshold of every class of a release; None if the stage does not need them."""
    return read_document(ThresholdsDocument, job.inputs["thresholds"]) if "thresholds" in job.inputs else None


def sample_reader(folder: Path) -> Callable[[str, int, int], NDArray[np.int16]]:
    """Return a function that reads a part of a recording from the shards of the stage windows.

    The function takes the path of the file, the first sample and the sample after the last one, at the rate
    of the model. It returns int16 ``[n]``, fewer samples where the recording ends earlier.

    Args:
        folder: what the stage windows published.

    Raises:
        InputError: a table is missing or damaged.
    """
    windows = open_window_set(folder)
    by_path = {recording.path: recording for recording in windows.recordings}

    def read(path: str, first: int, end: int) -> NDArray[np.int16]:
        return read_samples(windows.folder, by_path[path], first, end - first)

    return read
