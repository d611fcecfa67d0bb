"""Decodes the recordings that only measure accuracy, as the stage windows decodes the others."""

from __future__ import annotations

from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.stages.windows import publish_windows


def run(job: Job) -> Outcome:
    """Decode what is new, and list the windows."""
    return publish_windows(job, (recording_split.TEST,))
