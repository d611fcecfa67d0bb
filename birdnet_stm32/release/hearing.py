"""Say by which recordings a release is compared with chance."""

from __future__ import annotations

from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.chance import Hearing
from birdnet_stm32.files.document import read_document
from birdnet_stm32.quant.verify import VerifyDocument
from birdnet_stm32.stages.inputs.accuracy import read_accuracy


def int8_hearing(job: Job) -> Hearing:
    """Return how the int8 model of a release compares with chance.

    The recordings that measure its accuracy decide where there are enough of them, and otherwise the
    validation windows, which may have chosen the epoch.
    """
    accuracy = read_accuracy(job)
    by_windows = read_document(VerifyDocument, job.inputs["verify"]).hearing.int8
    measured = None if accuracy is None else accuracy.hearing
    if measured is not None and (measured.provable or by_windows.ranking is None):
        return measured
    return by_windows
