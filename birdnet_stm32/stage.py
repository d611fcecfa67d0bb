"""A stage: what it reads, when it is stale, and how it runs into a folder that is published as a whole."""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from birdnet_stm32 import code, process, store
from birdnet_stm32.config import Variant
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.paths import PACKAGE
from birdnet_stm32.variant_file import load_variant


@dataclass(frozen=True, kw_only=True)
class Release:
    """A variant in its place: the file it came from and the folder it builds into."""

    name: str
    path: Path
    build: Path
    variant: Variant

    def resolve(self, relative: str) -> Path:
        """Return a path of the variant file, which is relative to that file."""
        return (self.path.parent / relative).resolve()

    def folder(self, stage: str) -> Path:
        """Return where ``stage`` publishes."""
        return self.build / self.name / stage


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
    """

    release: Release
    inputs: Mapping[str, Path]
    files: Mapping[str, Path]
    out: Path
    previous: Path
    part: str = ""

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
    is_current: Callable[[Release], bool] = lambda _: True

    @property
    def key(self) -> str:
        """Name and part: what other stages need it by, and its folder below the variant's."""
        return f"{self.name}/{self.part}" if self.part else self.name

    def task(self, variant: str) -> str:
        """Return its doit task in ``variant``."""
        return f"{self.name}:{variant}/{self.part}" if self.part else f"{self.name}:{variant}"

    @property
    def module(self) -> Path:
        """The file that holds its code."""
        return PACKAGE / "stages" / f"{self.name}.py"


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
    return code.library_versions(stage.module) | programs


def input_digests(release: Release, needs: Mapping[str, Path], files: Mapping[str, Path]) -> dict[str, str]:
    """Return the digest of everything that a stage reads.

    Raises:
        InputError: a file of the user's is missing.
    """
    for what, path in files.items():
        if not path.is_file():
            raise InputError(f"the {what} is missing: there is no file {path}", where=release.path)
    digests = {name: store.sha256_of(folder / store.SUMS) for name, folder in needs.items()}
    return digests | {what: store.sha256_of(path) for what, path in files.items()}


def reasons_to_run(stage: Stage, release: Release, needs: Mapping[str, Path]) -> list[str]:
    """Return why ``stage`` has to run; empty when its folder is current."""
    folder = release.folder(stage.key)
    manifest = store.read_manifest(folder)
    if manifest is None:
        return ["it has not been published yet"]
    reasons = [f"output {path} was changed or removed" for path in store.changed_outputs(folder, manifest)]
    wanted = config_slice(stage, release.variant)
    reasons += [
        f"{name} of {release.path.name} changed"
        for name in sorted(wanted.keys() | manifest.config.keys())
        if wanted.get(name) != manifest.config.get(name)
    ]
    if manifest.code != code.digest(stage.module, stage.templates):
        reasons.append("the code or templates that it runs changed")
    reasons += _differences("version of", versions(stage), manifest.versions)
    files = stage.files(release)
    present = {name: needed for name, needed in needs.items() if (needed / store.SUMS).is_file()}
    reasons += _differences("input", input_digests(release, present, files), manifest.inputs)
    if not stage.is_current(release):
        reasons.append("the recordings changed")
    return reasons


def _differences(what: str, now: Mapping[str, str], then: Mapping[str, str]) -> list[str]:
    names = sorted(now.keys() | then.keys())
    return [f"{what} {name} changed" for name in names if now.get(name) != then.get(name)]


def run_stage(stage: Stage, release: Release, needs: Mapping[str, Path]) -> Outcome:
    """Run ``stage`` and publish its folder.

    A stage that misses a gate has no folder any more; what it made is in ``<stage>.failed``, which nothing
    reads.

    Raises:
        BirdnetError: as the stage does.
    """
    started = time.monotonic()
    final = release.folder(stage.key)
    work = final.with_name(f".{final.name}.{os.getpid()}")
    failed = final.with_name(f"{final.name}.failed")
    for leftover in (failed, *final.parent.glob(f".{final.name}.*")):
        if leftover.is_dir():
            shutil.rmtree(leftover)
    work.mkdir(parents=True)
    files = stage.files(release)
    inputs = input_digests(release, needs, files)
    module = importlib.import_module(f"birdnet_stm32.stages.{stage.name}")
    try:
        job = Job(release=release, inputs=needs, files=files, out=work, previous=final, part=stage.part)
        outcome: Outcome = module.run(job)
    except GateError:
        # What passed before belongs to other inputs; kept, it would look as if it had passed now.
        shutil.rmtree(final, ignore_errors=True)
        work.rename(failed)
        raise
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    manifest = store.Manifest(
        stage=stage.name,
        config=config_slice(stage, release.variant),
        code=code.digest(stage.module, stage.templates),
        versions=versions(stage),
        inputs=inputs,
        outputs=store.digest_outputs(work),
        measures=outcome.measures,
    )
    seconds = time.monotonic() - started
    ran = {"seconds": round(seconds, 2), "summary": outcome.summary, "warnings": list(outcome.warnings)}
    store.publish(work, final, manifest, ran)
    return outcome


def load_release(name: str, variants: Path, build: Path) -> Release:
    """Return the variant ``name`` of the folder ``variants``. Raises: InputError."""
    path = variants / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in variants.glob("*.toml")))
        raise InputError(
            f"there is no variant {name!r}",
            where=variants,
            expected=f"one of {known}" if known else "at least one NAME.toml",
        )
    return Release(name=name, path=path.resolve(), build=build.resolve(), variant=load_variant(path))
