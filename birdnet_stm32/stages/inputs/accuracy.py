"""Read what the stages evaluate and thresholds published, and the recordings that were scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.part import decode_part
from birdnet_stm32.audio.index.recording_index import channel_of
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument, Source
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document
from birdnet_stm32.stages.inputs.recordings import recordings_root


def read_accuracy(job: Job) -> EvaluateDocument | None:
    """Return the accuracy of a release; None if the stage does not need it or nothing was scored."""
    if "evaluate" not in job.inputs:
        return None
    document = read_document(EvaluateDocument, job.inputs["evaluate"])
    return document if document.windows else None


def read_thresholds(job: Job) -> ThresholdsDocument | None:
    """Return the threshold of every class of a release; None if the stage does not need them."""
    return read_document(ThresholdsDocument, job.inputs["thresholds"]) if "thresholds" in job.inputs else None


def scored_recordings(
    job: Job, source: Source, sample_rate_hz: int
) -> Callable[[str, int, int], NDArray[np.int16]]:
    """Return a function that reads a part of a scored recording: its path, first sample, and sample after.

    Args:
        job: of a stage that reads the index.
        source: where the recordings come from, as ``evaluate.json`` has it.
        sample_rate_hz: the rate of the model, to which the recordings are converted.
    """
    root = _root(job, source)
    channel = channel_of(job.variant.index)

    def read(path: str, first: int, end: int) -> NDArray[np.int16]:
        return decode_part(root / path, first, end, sample_rate_hz=sample_rate_hz, channel=channel)

    return read


def _root(job: Job, source: Source) -> Path:
    evaluate = job.variant.evaluate
    own = {"folder": evaluate.root, "soundscapes": evaluate.soundscapes}.get(source)
    return recordings_root(job.release) if own is None else job.release.resolve(own)
