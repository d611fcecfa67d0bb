"""The description of a stage: what it reads and when it is stale. Its code is in ``birdnet_stm32/stages``."""

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
    """The argument of a stage's ``run``.

    Args:
        release: the variant and its place.
        inputs: the published folder of every stage that this one needs, by name.
        files: files outside the build, by what they are.
        out: an empty folder to write into.
        previous: the folder of the last run, whose work may be reused; it may be missing.
        part: which part this is, if the stage has parts.
        summaries: the summary of each stage that this one needs, if this one reads summaries.
        unfinished: a folder for what a long stage has come to. It survives an interruption and is gone when
            the stage has ended. It may be missing. What is in it was made by the same code from the same
            inputs. None to keep nothing.
    """

    release: Release
    inputs: Mapping[str, Path]
    files: Mapping[str, Path]
    out: Path
    previous: Path
    part: str = ""
    summaries: Mapping[str, str] = field(default_factory=dict)
    unfinished: Path | None = None

    @property
    def variant(self) -> Variant:
        """The variant's tables."""
        return self.release.variant


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The return value of a stage's ``run``.

    Args:
        summary: the result in about a dozen words, for the table at the end.
        measures: numbers for the manifest.
        warnings: what a user has to know although nothing was refused, one sentence each. After every build,
            the terminal shows them in red below the table.
    """

    summary: str
    measures: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExternalProgram:
    """An external program whose version matters, and the Debian package that contains it."""

    name: str
    package: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the pipeline without its code, so that the list of stages imports nothing slow.

    The code is ``run(job: Job) -> Outcome`` in ``birdnet_stm32/stages/<name>.py``.

    Args:
        name: name of the stage and of its doit task and, without a part, of its folder.
        part: which part this is, if a variant has several of this stage.
        doc: one line for ``doit list``.
        needs: stages whose outputs it reads, if the variant has them.
        reads: tables of the variant that it reads, or single keys as ``table.key``.
        programs: external programs that it runs.
        templates: folders of ``firmware_templates`` that it renders or copies.
        wanted: returns whether a variant has this stage.
        files: returns the files outside the build that it reads.
        reads_summaries: whether it reads the summaries of the stages that it needs.
        is_current: one more check, for inputs that are not single files.
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
        """Name and part: the name by which other stages need it, and its folder below that of the variant."""
        return f"{self.name}/{self.part}" if self.part else self.name

    def task(self, variant: str) -> str:
        """Return the name of its doit task in ``variant``."""
        return task_of(self.key, variant)

    @property
    def module(self) -> Path:
        """The file that holds the stage's code."""
        return PACKAGE / "stages" / f"{self.name}.py"


def task_of(key: str, variant: str) -> str:
    """Return the doit task in ``variant`` of the stage with this key.

    >>> task_of("candidate/ptq", "demo")
    'candidate:demo/ptq'
    """
    name, _, part = key.partition("/")
    return f"{name}:{variant}/{part}" if part else f"{name}:{variant}"
