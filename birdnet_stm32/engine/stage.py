"""A stage: what it reads, when it is stale, and how it runs into a folder that is published as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.paths import PACKAGE


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
class ExternalProgram:
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
    programs: tuple[ExternalProgram, ...] = ()
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
