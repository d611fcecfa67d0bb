"""Read what the stages evaluate and thresholds published."""

from __future__ import annotations

from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document


def read_accuracy(job: Job) -> EvaluateDocument | None:
    """Return the accuracy of a release; None if the stage does not need it.

    Where no recording was held out, the document has no form of the model, and says so in its sentences.
    """
    return read_document(EvaluateDocument, job.inputs["evaluate"]) if "evaluate" in job.inputs else None


def read_thresholds(job: Job) -> ThresholdsDocument | None:
    """Return the threshold of every class of a release; None if the stage does not need them."""
    return read_document(ThresholdsDocument, job.inputs["thresholds"]) if "thresholds" in job.inputs else None
