"""A stage: what it reads, when it is stale, and how it runs into a folder that is published as a whole."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from birdnet_stm32 import process
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.config.variant_file import load_variant, variant_path
from birdnet_stm32.disk import disk_error
from birdnet_stm32.engine import code_digest, store
from birdnet_stm32.engine.doit_state import read_told
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.files.regular_file import real_path, why_unreadable
from birdnet_stm32.paths import PACKAGE

SUMS_REASON = f"{store.SUMS} was changed or removed"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A variant in its place: the file it came from and the folder it builds into."""

    name: str
    path: Path
    build: Path
    variant: Variant

    @property
    def root(self) -> Path:
        """The variant's folder, with one folder a stage."""
        return self.build / self.name

    def resolve(self, relative: str) -> Path:
        """Return a path of the variant file, which is relative to that file."""
        return real_path(self.path.parent / relative)

    def folder(self, stage: str) -> Path:
        """Return where ``stage`` publishes."""
        return self.root / stage


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a stage's ``run`` is given.

    Args:
        release: the variant and its place.
        inputs: the published folder of every stage that this one needs, by name.
        files: files from outside the build, by what they are.
        out: an empty folder to write into.
        previous: the folder of the last time, to reuse work from; may be missing.
        part: of a stage in parts, which one this is.
        summaries: what came out of each stage that this one needs, in its words, if this one reads that.
    """

    release: Release
    inputs: Mapping[str, Path]
    files: Mapping[str, Path]
    out: Path
    previous: Path
    part: str = ""
    summaries: Mapping[str, str] = field(default_factory=dict)

    @property
    def variant(self) -> Variant:
        """The variant's tables."""
        return self.release.variant


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a stage's ``run`` returns.

    Args:
        summary: what came out, for the table at the end; a dozen words.
        measures: numbers for the manifest.
        warnings: what a person has to know although nothing was refused, one sentence each. The terminal
            shows them below the table in red, after every build, until the stage no longer gives them.
    """

    summary: str
    measures: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Program:
    """An external program whose version matters, and the Debian package that brings it."""

    name: str
    package: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the pipeline, without its code, so that listing the stages imports nothing heavy.

    Its code is ``run(job: Job) -> Outcome`` in ``birdnet_stm32/stages/<name>.py``.

    Args:
        name: also the name of its doit task and, without a part, of its folder.
        part: of a stage that a variant has several of, which one this is.
        doc: one line for ``doit list``.
        needs: stages whose outputs it reads, where the variant has them.
        reads: tables, or ``table.key``, of the variant that it reads.
        programs: external programs that it runs.
        templates: folders under ``firmware_templates`` that it renders or copies.
        wanted: whether a variant has this stage.
        files: files from outside the build that it reads.
        reads_summaries: whether it reads what the stages that it needs say about themselves.
        is_current: one more check, for inputs that are no single file.
    """

    name: str
    part: str = ""
    doc: str
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    programs: tuple[Program, ...] = ()
    templates: tuple[str, ...] = ()
    wanted: Callable[[Variant], bool] = lambda _: True
    files: Callable[[Release], dict[str, Path]] = lambda _: {}
    reads_summaries: bool = False
    is_current: Callable[[Release], bool] = lambda _: True

    @property
    def key(self) -> str:
        """Name and part: what other stages need it by, and its folder below the variant's."""
        return f"{self.name}/{self.part}" if self.part else self.name

    def task(self, variant: str) -> str:
        """Return its doit task in ``variant``."""
        return task_of(self.key, variant)

    @property
    def module(self) -> Path:
        """The file that holds its code."""
        return PACKAGE / "stages" / f"{self.name}.py"


def task_of(key: str, variant: str) -> str:
    """Return the doit task in ``variant`` of the stage that others need by ``key``."""
    name, _, part = key.partition("/")
    return f"{name}:{variant}/{part}" if part else f"{name}:{variant}"


def config_slice(stage: Stage, variant: Variant) -> dict[str, Any]:
    """Return what ``stage`` reads of the variant, as JSON types, by ``table`` or ``table.key``."""
    whole = variant.model_dump(mode="json")
    slices: dict[str, Any] = {}
    for name in stage.reads:
        table, _, key = name.partition(".")
        slices[name] = whole[table][key] if key else whole[table]
    return slices


@cache
def _program_version(program: str, package: str) -> str:
    output = process.run([process.find(program, package=package), "--version"], timeout_s=20).output
    return output.splitlines()[0] if output else "unknown"


def versions(stage: Stage) -> dict[str, str]:
    """Return the versions of the libraries and programs that ``stage`` calls.

    Raises:
        ToolError: a program is missing.
    """
    programs = {program.name: _program_version(program.name, program.package) for program in stage.programs}
    return code_digest.library_versions(stage.module) | programs


def file_digests(stage: Stage, release: Release) -> dict[str, str]:
    """Return the digest of every file from outside the build that ``stage`` reads, by what it is.

    Raises:
        InputError: one is missing or cannot be read.
    """
    digests = {}
    for what, path in stage.files(release).items():
        if not path.is_file():
            raise InputError(f"the {what} is missing: there is no file {path}", where=release.path)
        try:
            digests[what] = store.sha256_of(path)
        except OSError as error:
            raise InputError(f"the {what} {why_unreadable(error)}", where=path) from error
    return digests


def _stage_digests(stage: Stage, published: Mapping[str, store.Manifest]) -> dict[str, str]:
    """Return the digests of what ``stage`` reads of other stages."""
    digests = {key: store.outputs_digest(manifest) for key, manifest in published.items()}
    if stage.reads_summaries:
        for key, manifest in published.items():
            digests[f"summary of {key}"] = hashlib.sha256(manifest.summary.encode()).hexdigest()
    return digests


def reasons_to_run(
    stage: Stage, release: Release, needs: Mapping[str, Path], *, unknown: Collection[str] = ()
) -> list[str]:
    """Return why ``stage`` has to run; empty when its folder is current.

    doit asks nothing else: this is all it goes by.

    Args:
        stage: the stage.
        release: the variant.
        needs: the folders of the stages that it needs, by their keys.
        unknown: those of them that will run before it, so that nobody knows what it will read.

    Raises:
        BirdnetError: it could not run either: a file of the user's or a program is missing.
    """
    folder = release.folder(stage.key)
    fault = store.manifest_fault(folder)
    manifest = store.read_manifest(folder)
    if manifest is None:
        return [fault]
    published = {
        key: found
        for key, needed in needs.items()
        if key not in unknown and (found := store.read_manifest(needed)) is not None
    }
    inputs = _stage_digests(stage, published) | file_digests(stage, release)
    left_out = {*unknown, *(f"summary of {key}" for key in unknown)}
    recorded = {name: digest for name, digest in manifest.inputs.items() if name not in left_out}
    return [
        *_folder_reasons(folder, manifest),
        *_told_reasons(stage, release),
        *_differences("", config_slice(stage, release.variant), manifest.config, f" of {release.path.name}"),
        *_code_reasons(stage, manifest),
        *_differences("input ", inputs, recorded),
        *([] if stage.is_current(release) else ["the recordings changed"]),
    ]


def _folder_reasons(folder: Path, manifest: store.Manifest) -> list[str]:
    reasons = [f"output {path} was changed or removed" for path in store.changed_outputs(folder, manifest)]
    return reasons + ([] if store.sums_are_whole(folder, manifest) else [SUMS_REASON])


def _told_reasons(stage: Stage, release: Release) -> list[str]:
    now = read_told(release.build).times_forgotten(stage.task(release.name))
    noted = store.read_run(release.folder(stage.key)).get("forgotten", 0)
    return [] if now == noted else ["doit was told to forget it"]


def _code_reasons(stage: Stage, manifest: store.Manifest) -> list[str]:
    same = manifest.code == code_digest.digest(stage.module, stage.templates)
    reasons = [] if same else ["the code or templates that it runs changed"]
    return reasons + _differences("version of ", versions(stage), manifest.versions)


def _differences(what: str, now: Mapping[str, object], then: Mapping[str, object], of: str = "") -> list[str]:
    names = sorted(now.keys() | then.keys())
    return [f"{what}{name}{of} changed" for name in names if now.get(name) != then.get(name)]


def repair(stage: Stage, release: Release, needs: Mapping[str, Path]) -> bool:
    """Write ``SHA256SUMS`` again where that alone is damaged; it holds nothing that the manifest does not.

    Returns:
        Whether that was all that the stage needed.
    """
    if reasons_to_run(stage, release, needs) != [SUMS_REASON]:
        return False
    folder = release.folder(stage.key)
    manifest = store.read_manifest(folder)
    assert manifest is not None  # noqa: S101 - it was just read
    store.restore_sums(folder, manifest)
    return True


def run_stage(stage: Stage, release: Release, needs: Mapping[str, Path]) -> Outcome:
    """Run ``stage`` and publish its folder.

    Everything that it reads of other stages is first held against what they recorded. A stage that misses a
    gate has no folder any more; what it made is in ``<stage>.failed``, which nothing reads.

    Raises:
        BirdnetError: as the stage does; or an input is damaged, or the disk full or read-only.
    """
    started = time.monotonic()
    final = release.folder(stage.key)
    store.refuse_foreign(final)
    work = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        outcome, manifest = _run_into(work, stage, release, needs)
        told = read_told(release.build).times_forgotten(stage.task(release.name))
        ran = {"seconds": round(time.monotonic() - started, 2), "forgotten": told}
        store.publish(work, final, manifest, ran)
    except GateError:
        # What passed before belongs to other inputs; kept, it would look as if it had passed now.
        store.remove(final)
        work.rename(_failed(final))
        raise
    except BaseException as error:
        cause = disk_error(error, work)  # while the work still takes its space
        shutil.rmtree(work, ignore_errors=True)
        if cause is not None:
            raise cause from error
        raise
    return outcome


def _failed(final: Path) -> Path:
    return final.with_name(f"{final.name}.failed")


def _run_into(
    work: Path, stage: Stage, release: Release, needs: Mapping[str, Path]
) -> tuple[Outcome, store.Manifest]:
    """Run ``stage`` into the new folder ``work``, and describe what it made of what."""
    final = release.folder(stage.key)
    for leftover in (_failed(final), *final.parent.glob(f".{final.name}.*")):
        store.remove(leftover)
    published = {key: _whole(key, needed, release) for key, needed in needs.items()}
    files = file_digests(stage, release)
    work.mkdir(parents=True)
    module = importlib.import_module(f"birdnet_stm32.stages.{stage.name}")
    summaries = {key: manifest.summary for key, manifest in published.items()}
    job = Job(
        release=release,
        inputs=needs,
        files=stage.files(release),
        out=work,
        # What it left beside its outputs for itself is no use when it is damaged.
        previous=final if store.local_files_are_whole(final) else final.with_name(f".{final.name}.none"),
        part=stage.part,
        summaries=summaries if stage.reads_summaries else {},
    )
    outcome: Outcome = module.run(job)
    for what, digest in file_digests(stage, release).items():
        if files.get(what) != digest:
            raise InputError(
                f"the {what} changed while the stage {stage.key} read it",
                where=stage.files(release)[what],
                remedy=f"doit {stage.task(release.name)}",
            )
    return outcome, store.Manifest(
        stage=stage.name,
        config=config_slice(stage, release.variant),
        code=code_digest.digest(stage.module, stage.templates),
        versions=versions(stage),
        inputs=_stage_digests(stage, published) | files,
        outputs=store.digest_outputs(work),
        measures=outcome.measures,
        summary=outcome.summary,
        warnings=outcome.warnings,
    )


def _whole(key: str, folder: Path, release: Release) -> store.Manifest:
    """Return what a stage published, every byte of which is what it recorded.

    Raises:
        InputError: it has published nothing, or something of it changed since.
    """
    task = task_of(key, release.name)
    manifest = store.read_manifest(folder)
    if manifest is None:
        raise InputError(f"{key}: {store.manifest_fault(folder)}", where=folder, remedy=f"doit {task}")
    damaged = store.damaged_outputs(folder, manifest)
    if damaged:
        raise InputError(
            f"is not what the stage {key} published: it was damaged or changed since",
            where=folder / damaged[0],
            expected=f"the SHA-256 {manifest.outputs[damaged[0]]}",
            remedy=f"doit clean {task}, then doit again: the stage {key} makes it anew",
        )
    return manifest


def load_release(name: str, variants: Path, build: Path) -> Release:
    """Return the variant ``name`` of the folder ``variants``. Raises: InputError."""
    path = variant_path(name, variants)
    return Release(name=name, path=real_path(path), build=real_path(build), variant=load_variant(path))
