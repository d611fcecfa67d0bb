import errno
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine import code_digest, release, stage, staleness, store
from birdnet_stm32.engine.manifest import MANIFEST, SUMS, StageManifest, read_manifest
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.run_stage import run_stage
from birdnet_stm32.engine.stage import ExternalProgram, Job, Outcome, Stage
from birdnet_stm32.engine.staleness import reasons_to_run
from birdnet_stm32.errors import GateError, InputError, ToolError
from birdnet_stm32.stages.catalog import BY_NAME

TOY = Stage(name="toy", doc="make a toy", reads=("verify", "firmware.top_k"))


class Workshop:
    """A release with the stage ``toy``, whose code tests choose."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module = ModuleType("birdnet_stm32.stages.toy")
        self.source = root / "package" / "stages" / "toy.py"
        self.source.parent.mkdir(parents=True)
        self.edit("")
        monkeypatch.setitem(sys.modules, self.module.__name__, self.module)
        for module in (code_digest, stage):
            monkeypatch.setattr(module, "PACKAGE", root / "package")
        self.release = self.with_variant()
        self.makes({"toy.txt": "a duck"})

    def with_variant(self, **tables: object) -> Release:
        fields = {"variant": {"title": "x"}, "index": {"root": "recordings"}, **tables}
        root = self.source.parents[2]
        variant = Variant.model_validate(fields)
        return Release(name="demo", path=root / "demo.toml", build=root / "build", variant=variant)

    def edit(self, text: str) -> None:
        self.source.write_text(text)
        code_digest._imports.cache_clear()
        code_digest._file_digest.cache_clear()

    def makes(self, files: dict[str, str], error: BaseException | None = None) -> None:
        def run(job: Job) -> Outcome:
            for name, text in files.items():
                (job.out / name).write_text(text)
            if error is not None:
                raise error
            return Outcome(summary="made", measures={"wheels": 0})

        self.module.run = run  # type: ignore[attr-defined]

    @property
    def folder(self) -> Path:
        return self.release.folder("toy")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, monkeypatch)


def test_a_stage_publishes_what_it_made_and_is_then_current(workshop: Workshop) -> None:
    assert reasons_to_run(TOY, workshop.release, {}) == ["it has not been published yet"]
    assert run_stage(TOY, workshop.release, {}).summary == "made"
    assert (workshop.folder / "toy.txt").read_text() == "a duck"
    assert reasons_to_run(TOY, workshop.release, {}) == []
    manifest = read_manifest(workshop.folder)
    assert manifest is not None
    assert manifest.measures == {"wheels": 0}
    assert manifest.config["firmware.top_k"] == 5
    assert [path.name for path in workshop.folder.parent.iterdir()] == ["toy"]


@pytest.mark.parametrize(
    ("tables", "reasons"),
    [
        ({"verify": {"min_cosine_mean": 0.9}}, ["verify of demo.toml changed"]),
        ({"firmware": {"top_k": 3}}, ["firmware.top_k of demo.toml changed"]),
        ({"firmware": {"threshold": 0.9}}, []),
        ({"train": {"epochs": 1}}, []),
    ],
)
def test_only_its_own_slice_of_the_variant_counts(
    workshop: Workshop, tables: dict[str, object], reasons: list[str]
) -> None:
    run_stage(TOY, workshop.release, {})
    assert reasons_to_run(TOY, workshop.with_variant(**tables), {}) == reasons


def test_every_reason_is_given(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    run_stage(TOY, workshop.release, {})
    workshop.edit("import numpy")
    (workshop.folder / "toy.txt").write_text("a drake")
    changed = workshop.with_variant(verify={"min_cosine_p05": 0.1})
    monkeypatch.setattr(code_digest, "library_versions", lambda module: {"numpy": "3"})
    assert reasons_to_run(TOY, changed, {}) == [
        "output toy.txt was changed or removed",
        "verify of demo.toml changed",
        "the code or templates that it runs changed",
        "version of numpy changed",
    ]


def test_equal_outputs_have_equal_sums_whatever_made_them(workshop: Workshop) -> None:
    run_stage(TOY, workshop.release, {})
    sums = (workshop.folder / SUMS).read_bytes()
    workshop.edit("# other code")
    assert reasons_to_run(TOY, workshop.release, {}) == ["the code or templates that it runs changed"]
    run_stage(TOY, workshop.release, {})
    assert (workshop.folder / SUMS).read_bytes() == sums


def needed(folder: Path, text: str = "one", summary: str = "made") -> dict[str, Path]:
    """Publish a stage's folder with one file, and return it as what another needs."""
    work = folder.with_name("work")
    work.mkdir(parents=True)
    (work / "one.txt").write_text(text)
    manifest = StageManifest(
        stage="needed",
        config={},
        code="",
        versions={},
        inputs={},
        outputs=store.digest_outputs(work),
        measures={},
        summary=summary,
        warnings=(),
    )
    store.publish(work, folder, manifest, {})
    return {"needed": folder}


def test_another_input_is_a_reason(workshop: Workshop, tmp_path: Path) -> None:
    needs = needed(tmp_path / "needed")
    run_stage(TOY, workshop.release, needs)
    assert reasons_to_run(TOY, workshop.release, needs) == []
    needed(tmp_path / "needed", "two")
    assert reasons_to_run(TOY, workshop.release, needs) == ["input needed changed"]
    assert reasons_to_run(TOY, workshop.release, needs, unknown=["needed"]) == []


def test_damaged_sums_of_an_input_are_no_reason_and_are_written_again(
    workshop: Workshop, tmp_path: Path
) -> None:
    needs = needed(tmp_path / "needed")
    run_stage(TOY, workshop.release, needs)
    sums = needs["needed"] / SUMS
    sums.write_text(sums.read_text().replace("a", "b"))
    assert reasons_to_run(TOY, workshop.release, needs) == []

    own = workshop.folder / SUMS
    good = own.read_text()
    own.write_text(good[1:])
    assert reasons_to_run(TOY, workshop.release, needs) == ["SHA256SUMS was changed or removed"]
    workshop.makes({}, ValueError("the stage must not run"))
    assert staleness.repair_sums(TOY, workshop.release, needs)
    assert own.read_text() == good
    assert not staleness.repair_sums(TOY, workshop.release, needs)


def test_what_a_stage_reads_is_held_against_what_was_recorded(workshop: Workshop, tmp_path: Path) -> None:
    needs = needed(tmp_path / "needed")
    path = needs["needed"] / "one.txt"
    status = path.stat()
    path.write_text("onE")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(InputError, match="is not what the stage needed published") as caught:
        run_stage(TOY, workshop.release, needs)
    assert caught.value.where == str(path)
    assert "doit clean needed:demo" in str(caught.value)
    assert not workshop.folder.exists()


def test_a_stage_without_what_it_needs_says_what_to_do(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needed: it has not been published yet"):
        run_stage(TOY, workshop.release, {"needed": tmp_path / "needed"})


def test_a_summary_is_an_input_of_those_that_read_it(workshop: Workshop, tmp_path: Path) -> None:
    reader = Stage(name="toy", doc="", reads_summaries=True)
    seen: list[dict[str, str]] = []

    def run(job: Job) -> Outcome:
        seen.append(dict(job.summaries))
        return Outcome(summary="")

    workshop.module.run = run  # type: ignore[attr-defined]
    needs = needed(tmp_path / "needed")
    run_stage(reader, workshop.release, needs)
    assert seen == [{"needed": "made"}]
    needed(tmp_path / "needed", summary="made with care")
    assert reasons_to_run(reader, workshop.release, needs) == ["input summary of needed changed"]
    assert reasons_to_run(reader, workshop.release, needs, unknown=["needed"]) == []
    run_stage(TOY, workshop.release, needs)
    assert seen[1:] == [{}]


def test_a_damaged_manifest_is_a_reason(workshop: Workshop) -> None:
    run_stage(TOY, workshop.release, {})
    text = (workshop.folder / MANIFEST).read_text()
    (workshop.folder / MANIFEST).write_text(text.replace("wheels", "wheelz"))
    assert reasons_to_run(TOY, workshop.release, {}) == ["its manifest.json is damaged"]


def test_an_input_that_changes_meanwhile_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    licence = tmp_path / "licence.txt"
    licence.write_text("MIT")
    reader = Stage(name="toy", doc="", files=lambda release: {"licence": licence})

    def run(job: Job) -> Outcome:
        licence.write_text("BSD")
        return Outcome(summary="")

    workshop.module.run = run  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="the licence changed while the stage toy read it"):
        run_stage(reader, workshop.release, {})
    assert not workshop.folder.exists()


def test_a_damaged_cache_of_its_own_is_not_offered(workshop: Workshop) -> None:
    workshop.makes({"local_cache.json": "1", "toy.txt": "a duck"})
    run_stage(TOY, workshop.release, {})
    seen: list[bool] = []

    def run(job: Job) -> Outcome:
        seen.append((job.previous / "local_cache.json").exists())
        (job.out / "local_cache.json").write_text("1")
        return Outcome(summary="")

    workshop.module.run = run  # type: ignore[attr-defined]
    run_stage(TOY, workshop.release, {})
    (workshop.folder / "local_cache.json").write_text("2")
    run_stage(TOY, workshop.release, {})
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "no permission")],
)
def test_a_disk_that_cannot_be_written_is_one_sentence(workshop: Workshop, number: int, words: str) -> None:
    workshop.makes({"toy.txt": "half a duck"}, OSError(number, "", "/somewhere/toy.bin"))
    with pytest.raises(InputError, match=f"/somewhere/toy.bin: cannot be read or written: .*{words}"):
        run_stage(TOY, workshop.release, {})
    assert list(workshop.folder.parent.iterdir()) == []


def test_a_file_of_the_users_counts_by_its_content(workshop: Workshop, tmp_path: Path) -> None:
    licence = tmp_path / "licence.txt"
    reader = Stage(name="toy", doc="", files=lambda release: {"licence": licence})
    with pytest.raises(InputError, match="the licence is missing: there is no file"):
        run_stage(reader, workshop.release, {})
    licence.write_text("MIT")
    run_stage(reader, workshop.release, {})
    assert reasons_to_run(reader, workshop.release, {}) == []
    licence.write_text("BSD")
    assert reasons_to_run(reader, workshop.release, {}) == ["input licence changed"]


def test_inputs_that_are_no_single_file_have_a_check_of_their_own(workshop: Workshop) -> None:
    run_stage(TOY, workshop.release, {})
    scanning = Stage(name="toy", doc="", reads=TOY.reads, is_current=lambda release: False)
    assert reasons_to_run(scanning, workshop.release, {}) == ["the recordings changed"]


def test_a_program_counts_by_its_version(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    saw = ExternalProgram(name="python3", package="python3")
    sawing = Stage(name="toy", doc="", programs=(saw,))
    run_stage(sawing, workshop.release, {})
    manifest = read_manifest(workshop.folder)
    assert manifest is not None
    assert manifest.versions["python3"].startswith("Python 3.")
    monkeypatch.setattr(staleness, "_program_version", lambda program, package: "Python 4")
    assert reasons_to_run(sawing, workshop.release, {}) == ["version of python3 changed"]


def test_a_missing_program_is_named_with_its_package(workshop: Workshop) -> None:
    sawing = Stage(name="toy", doc="", programs=(ExternalProgram(name="no-such-saw", package="saws"),))
    with pytest.raises(ToolError, match="no-such-saw is not installed") as caught:
        staleness.program_versions(sawing)
    assert "apt-get install" in str(caught.value)


def test_a_missed_gate_keeps_its_evidence_apart(workshop: Workshop) -> None:
    run_stage(TOY, workshop.release, {})
    workshop.makes({"toy.txt": "a broken duck"}, GateError("it does not quack"))
    with pytest.raises(GateError):
        run_stage(TOY, workshop.release, {})
    evidence = workshop.folder.with_name("toy.failed")
    assert (evidence / "toy.txt").read_text() == "a broken duck"
    assert not workshop.folder.exists()  # what passed before was made of something else

    workshop.makes({"toy.txt": "a better duck"})
    run_stage(TOY, workshop.release, {})
    assert not evidence.exists()
    assert (workshop.folder / "toy.txt").read_text() == "a better duck"


@pytest.mark.parametrize("error", [InputError("no wood"), ValueError("a bug"), KeyboardInterrupt()])
def test_any_other_error_leaves_nothing_behind(workshop: Workshop, error: BaseException) -> None:
    workshop.makes({"toy.txt": "half a duck"}, error)
    with pytest.raises(type(error)):
        run_stage(TOY, workshop.release, {})
    assert list(workshop.folder.parent.iterdir()) == []


def test_what_a_killed_run_left_is_removed(workshop: Workshop) -> None:
    for name in (".toy.123", ".toy.old", ".toyshop.1"):
        (workshop.folder.parent / name).mkdir(parents=True)
    run_stage(TOY, workshop.release, {})
    assert sorted(path.name for path in workshop.folder.parent.iterdir()) == [".toyshop.1", "toy"]


def test_a_stage_sees_the_folder_of_the_last_time(workshop: Workshop) -> None:
    run_stage(TOY, workshop.release, {})
    seen: list[str] = []

    def run(job: Job) -> Outcome:
        seen.append((job.previous / "toy.txt").read_text())
        return Outcome(summary="")

    workshop.module.run = run  # type: ignore[attr-defined]
    run_stage(TOY, workshop.release, {})
    assert seen == ["a duck"]


@pytest.mark.parametrize("name", ["analyze", "codegen", "firmware", "compile", "emulate", "report", "bundle"])
def test_a_stage_behind_verify_is_stale_for_no_training_code(name: str) -> None:
    assert not {"keras", "tensorflow-cpu"} & code_digest.library_versions(BY_NAME[name].module).keys()


def test_an_unknown_variant_is_named_with_those_there_are(tmp_path: Path) -> None:
    for name in ("demo", "birds"):
        (tmp_path / f"{name}.toml").write_text("")
    with pytest.raises(InputError, match="there is no variant 'bird'") as caught:
        release.load_release("bird", tmp_path, tmp_path)
    assert caught.value.expected == "one of birds, demo"


def test_paths_of_a_variant_are_relative_to_its_file(workshop: Workshop, tmp_path: Path) -> None:
    assert workshop.release.resolve("../birds") == tmp_path.parent / "birds"


def test_a_path_that_is_a_link_to_itself_is_left_for_the_stage_to_refuse(workshop: Workshop) -> None:
    loop = workshop.release.path.parent / "loop"
    loop.symlink_to("loop")
    assert workshop.release.resolve("loop") == loop
