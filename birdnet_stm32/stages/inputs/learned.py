"""Read from which recordings the model of a variant learned."""

from __future__ import annotations

from birdnet_stm32.audio.index.learned_from import read_learned_from
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.stages.inputs.file_names import START_LEARNED


def read_learned(job: Job) -> dict[str, str] | None:
    """Return the use of each recording that a checkpoint learned from, by SHA-256; None if nobody knows them.

    A model that the pipeline trained learned nothing from the test split, and from the validation recordings
    only which epoch is the best. For such a model, nothing is returned; but if its training started from
    another model, what that one learned from.

    Args:
        job: of a stage that needs ``train`` and reads the table beside the checkpoint, or beside the model
            that the training starts from.
    """
    if "train" not in job.inputs:
        table = job.files.get("recordings that it learned from")
        return None if table is None else read_learned_from(table)
    if job.variant.train.start is None:
        return {}
    return start_learned(job)


def start_learned(job: Job) -> dict[str, str] | None:
    """Return the use of each recording that the model to start from learned from; None if unknown."""
    table = job.files.get(START_LEARNED)
    return None if table is None else read_learned_from(table)
