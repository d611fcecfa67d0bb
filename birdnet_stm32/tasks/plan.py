"""Find out what doit would do with a variant, without doing it. ``birdnet-stm32 why`` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from birdnet_stm32.engine.doit_state import DoitRequests, read_requests
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Stage
from birdnet_stm32.engine.staleness import reasons_to_run
from birdnet_stm32.errors import BirdnetError
from birdnet_stm32.stages.catalog import folders_needed, stages_of


class StageState(StrEnum):
    """What doit would do with a stage."""

    RUNS = "will run"
    MAY_RUN = "may run"  # depends on the outputs of an earlier stage
    CURRENT = "up to date"
    IGNORED = "ignored"


@dataclass(frozen=True, kw_only=True)
class PlannedStage:
    """One stage of a plan, with the reasons for its state. There is no reason if the stage is up to date."""

    stage: Stage
    state: StageState
    reasons: tuple[str, ...] = ()


def plan_stages(release: Release) -> tuple[PlannedStage, ...]:
    """Return what doit would do with every stage of a variant, in the order of the pipeline.

    Args:
        release: the variant and its place.

    Raises:
        InputError: the requests of the user to doit cannot be read.
    """
    requests = read_requests(release.build)
    steps: dict[str, PlannedStage] = {}
    for stage in stages_of(release.variant):
        steps[stage.key] = _step(stage, release, requests, steps)
    return tuple(steps.values())


def _step(
    stage: Stage, release: Release, requests: DoitRequests, before: dict[str, PlannedStage]
) -> PlannedStage:
    needs = folders_needed(stage, release)
    if stage.task(release.name) in requests.ignored:
        return PlannedStage(stage=stage, state=StageState.IGNORED, reasons=("doit was told to ignore it",))
    ignored = [key for key in needs if before[key].state is StageState.IGNORED]
    if ignored:
        return PlannedStage(
            stage=stage, state=StageState.IGNORED, reasons=(f"it needs {', '.join(ignored)}",)
        )
    waits_for = [key for key in needs if before[key].state is not StageState.CURRENT]
    try:
        reasons = reasons_to_run(stage, release, needs, unknown=waits_for)
    except BirdnetError as error:  # the stage reports the whole error when it runs
        reasons = [error.what]
    if reasons:
        return PlannedStage(stage=stage, state=StageState.RUNS, reasons=tuple(reasons))
    if waits_for:
        changing = f"runs if {' or '.join(waits_for)} changes its outputs"
        return PlannedStage(stage=stage, state=StageState.MAY_RUN, reasons=(changing,))
    return PlannedStage(stage=stage, state=StageState.CURRENT)
