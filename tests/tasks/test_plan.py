"""What ``why`` says is what doit does."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine import code_digest, stage, staleness, store
from birdnet_stm32.engine.doit_state import STATE, ToldState
from birdnet_stm32.engine.manifest import MANIFEST, StageManifest, read_manifest
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Stage
from birdnet_stm32.tasks import plan
from birdnet_stm32.tasks.plan import StageState

ONE = Stage(name="one", doc="")
TWO = Stage(name="two", doc="", needs=("one",))
THREE = Stage(name="three", doc="", needs=("two",), reads_summaries=True)
FOUR = Stage(name="four", doc="", needs=("one", "three"))
STAGES = (ONE, TWO, THREE, FOUR)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    package = tmp_path / "package"
    (package / "stages").mkdir(parents=True)
    for module in (code_digest, stage):
        monkeypatch.setattr(module, "PACKAGE", package)
    monkeypatch.setattr(plan, "stages_of", lambda variant: STAGES)
    monkeypatch.setattr(
        plan, "folders_needed", lambda one, release: {need: release.folder(need) for need in one.needs}
    )
    fields = {"variant": {"title": "x"}, "index": {"root": "recordings"}}
    made = Release(
        name="demo",
        path=tmp_path / "demo.toml",
        build=tmp_path / "build",
        variant=Variant.model_validate(fields),
    )
    for one in STAGES:
        (package / "stages" / f"{one.name}.py").write_text("")
        publish(made, one, "first")
    return made


def publish(release: Release, one: Stage, text: str) -> None:
    folder = release.folder(one.name)
    work = folder.with_name("work")
    work.mkdir(parents=True)
    (work / "out.txt").write_text(text)
    needs = {need: read_manifest(release.folder(need)) for need in one.needs}
    manifest = StageManifest(
        stage=one.name,
        config={},
        code=code_digest.stage_code_digest(one.module, ()),
        versions={},
        inputs=staleness.stage_digests(one, {key: found for key, found in needs.items() if found}),
        outputs=store.digest_outputs(work),
        measures={},
        summary=text,
        warnings=(),
    )
    store.publish(work, folder, manifest, {"forgotten": 0})


def states(release: Release) -> list[StageState]:
    return [step.state for step in plan.plan_stages(release)]


def test_nothing_to_do(release: Release) -> None:
    assert states(release) == [StageState.CURRENT] * 4


def test_what_is_behind_a_stage_that_runs_may_run(release: Release) -> None:
    (release.folder("one") / "out.txt").write_text("edited")
    found = plan.plan_stages(release)
    assert [step.state for step in found] == [StageState.RUNS, *[StageState.MAY_RUN] * 3]
    assert [step.reasons for step in found] == [
        ("output out.txt was changed or removed",),
        ("runs if one changes its outputs",),
        ("runs if two changes its outputs",),
        ("runs if one or three changes its outputs",),
    ]


def test_a_removed_stage_is_no_reason_of_those_behind_it(release: Release) -> None:
    (release.folder("one") / MANIFEST).unlink()
    assert states(release) == [StageState.RUNS, *[StageState.MAY_RUN] * 3]


def test_an_input_that_changed_is_a_reason(release: Release) -> None:
    publish(release, TWO, "second")
    found = plan.plan_stages(release)
    assert [step.state for step in found] == [
        StageState.CURRENT,
        StageState.CURRENT,
        StageState.RUNS,
        StageState.MAY_RUN,
    ]
    assert found[2].reasons == ("input summary of two changed", "input two changed")


def test_what_doit_was_told_counts(release: Release) -> None:
    told = ToldState(str(release.build / STATE), None)
    told.remove("three:demo")
    told.dump()
    assert states(release) == [StageState.CURRENT, StageState.CURRENT, StageState.RUNS, StageState.MAY_RUN]
    told.set("two:demo", "ignore:", "1")
    told.dump()
    assert states(release) == [StageState.CURRENT, *[StageState.IGNORED] * 3]


def test_a_moved_build_is_current(release: Release, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    moved = release.build.rename(tmp_path / "elsewhere" / "build")
    other = Release(name="demo", path=release.path, build=moved, variant=release.variant)
    assert states(other) == [StageState.CURRENT] * 4
