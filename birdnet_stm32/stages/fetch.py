"""Downloads the recordings that the variant lists, with credits and licences beside them."""

from __future__ import annotations

from birdnet_stm32.audio.packages import CREDITS, LICENCES, fetch_packages
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.recordings import FETCHED
from birdnet_stm32.terminal_text import counted


def run(job: Job) -> Outcome:
    """Fetch every package of the variant."""
    assert job.variant.fetch is not None  # noqa: S101 - the catalog asks for this stage only then
    packages = job.variant.fetch.packages
    recordings = job.out / FETCHED
    with track("packages") as report:
        fetch_packages(packages, recordings, report)
    (recordings / CREDITS).rename(job.out / CREDITS)
    (recordings / LICENCES).rename(job.out / LICENCES)
    count = sum(len(package.files) for package in packages)
    return Outcome(summary=f"{counted(count, 'recording')} from {counted(len(packages), 'package')}")
