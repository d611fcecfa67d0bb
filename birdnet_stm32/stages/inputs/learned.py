"""Read from which recordings the model of a variant learned."""

from __future__ import annotations

from birdnet_stm32.audio.index.learned_from import read_learned_from
from birdnet_stm32.engine.stage import Job


def read_learned(job: Job) -> dict[str, str] | None:
    """Return the use of each recording that a checkpoint learned from, by SHA-256; None if nobody knows them.

    A model that the pipeline trained learned nothing from the test split, and from the validation recordings
    only which epoch is the best. For such a model, nothing is returned.

    Args:
        job: of a stage that needs ``train`` and reads the table beside the checkpoint.
    """
    if "train" in job.inputs:
        return {}
    table = job.files.get("recordings that it learned from")
    return None if table is None else read_learned_from(table)
