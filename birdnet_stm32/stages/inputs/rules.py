"""Read how the firmware of a release makes events of windows."""

from __future__ import annotations

from birdnet_stm32.detect.rules import Rules, make_rules
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.stages.inputs.file_names import CONFIG


def release_rules(job: Job) -> Rules:
    """Return how the firmware of a release makes events of windows.

    Args:
        job: of a stage that reads ``[detect]``, and what the stages verify and thresholds published.
    """
    contract = read_contract(job.inputs["verify"] / CONFIG)
    chosen = read_document(ThresholdsDocument, job.inputs["thresholds"])
    thresholds = [one.threshold for one in chosen.species]
    return make_rules(job.variant.detect, contract.labels, thresholds, contract.frontend.window_shape)
