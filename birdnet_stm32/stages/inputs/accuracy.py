"""Read what the stages evaluate and thresholds published."""

from __future__ import annotations

from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document


def read_accuracy(job: Job) -> EvaluateDocument | None:
    """Return the accuracy of a release; None if the stage does not need it or nothing was scored."""
    if "evaluate" not in job.inputs:
        return None
    document = read_document(EvaluateDocument, job.inputs["evaluate"])
    return document if document.windows else None


def read_thresholds(job: Job) -> ThresholdsDocument | None:
    """Return the threshold of every class of a release; None if the stage does not need them."""
    return read_document(ThresholdsDocument, job.inputs["thresholds"]) if "thresholds" in job.inputs else None
