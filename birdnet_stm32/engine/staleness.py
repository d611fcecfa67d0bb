"""Decide whether a stage has to run, and say why."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from birdnet_stm32 import process
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine import code_digest, store
from birdnet_stm32.engine.doit_state import read_requests
from birdnet_stm32.engine.manifest import (
    SUMS,
    StageManifest,
    manifest_fault,
    outputs_digest,
    read_manifest,
    read_run,
)
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Stage
from birdnet_stm32.errors import InputError
from birdnet_stm32.files import regular_file
from birdnet_stm32.files.regular_file import why_unreadable

SUMS_REASON = f"{SUMS} was changed or removed"


def config_slice(stage: Stage, variant: Variant) -> dict[str, Any]:
    """Return the part of the variant that ``stage`` reads, as JSON types, by ``table`` or ``table.key``."""
    whole = variant.model_dump(mode="json")
    slices: dict[str, Any] = {}
    for name in stage.reads:
        table, _, key = name.partition(".")
        slices[name] = whole[table][key] if key else whole[table]
    return slices


@cache
def _program_version(program: str, package: str) -> str:
    output = process.run_program(
        [process.find_program(program, package=package), "--version"], timeout_s=20
    ).output
    return output.splitlines()[0] if output else "unknown"


def program_versions(stage: Stage) -> dict[str, str]:
    """Return the versions of the libraries and programs that ``stage`` calls.

    Raises:
        ToolError: a program is missing.
    """
    programs = {program.name: _program_version(program.name, program.package) for program in stage.programs}
    return code_digest.library_versions(stage.module) | programs


def file_digests(stage: Stage, release: Release) -> dict[str, str]:
    """Return the digest of every file outside the build that ``stage`` reads, by what the file is.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    digests = {}
    for what, path in stage.files(release).items():
        if not path.is_file():
            raise InputError(f"the {what} is missing: there is no file {path}", where=release.path)
        try:
            digests[what] = regular_file.sha256_of(path)
        except OSError as error:
            raise InputError(f"the {what} {why_unreadable(error)}", where=path) from error
    return digests


def stage_digests(stage: Stage, published: Mapping[str, StageManifest]) -> dict[str, str]:
    """Return the digests of what ``stage`` reads of other stages."""
    digests = {key: outputs_digest(manifest) for key, manifest in published.items()}
    if stage.reads_summaries:
        for key, manifest in published.items():
            digests[f"summary of {key}"] = hashlib.sha256(manifest.summary.encode()).hexdigest()
    return digests


def reasons_to_run(
    stage: Stage, release: Release, needs: Mapping[str, Path], *, unknown: Collection[str] = ()
) -> list[str]:
    """Return why ``stage`` has to run; empty if its folder is current.

    doit runs a stage if and only if this list has an entry.

    Args:
        stage: the stage.
        release: the variant and its place.
        needs: the folders of the stages that it needs, by their keys.
        unknown: keys of those stages that will run before it, so that their outputs are not known yet.

    Raises:
        BirdnetError: the stage cannot run: a file of the user or a program is missing.
    """
    folder = release.folder(stage.key)
    fault = manifest_fault(folder)
    manifest = read_manifest(folder)
    if manifest is None:
        return [fault]
    published = {
        key: found
        for key, needed in needs.items()
        if key not in unknown and (found := read_manifest(needed)) is not None
    }
    inputs = stage_digests(stage, published) | file_digests(stage, release)
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


def _folder_reasons(folder: Path, manifest: StageManifest) -> list[str]:
    reasons = [f"output {path} was changed or removed" for path in store.changed_outputs(folder, manifest)]
    return reasons + ([] if store.sums_are_whole(folder, manifest) else [SUMS_REASON])


def _told_reasons(stage: Stage, release: Release) -> list[str]:
    now = read_requests(release.build).times_forgotten(stage.task(release.name))
    noted = read_run(release.folder(stage.key)).get("forgotten", 0)
    return [] if now == noted else ["doit was told to forget it"]


def _code_reasons(stage: Stage, manifest: StageManifest) -> list[str]:
    same = manifest.code == code_digest.stage_code_digest(stage.module, stage.templates)
    reasons = [] if same else ["the code or templates that it runs changed"]
    return reasons + _differences("version of ", program_versions(stage), manifest.versions)


def _differences(what: str, now: Mapping[str, object], then: Mapping[str, object], of: str = "") -> list[str]:
    names = sorted(now.keys() | then.keys())
    return [f"{what}{name}{of} changed" for name in names if now.get(name) != then.get(name)]


def repair_sums(stage: Stage, release: Release, needs: Mapping[str, Path]) -> bool:
    """Write ``SHA256SUMS`` again if only this file is damaged. The manifest holds its whole content.

    Returns:
        Whether the stage needed nothing else.
    """
    if reasons_to_run(stage, release, needs) != [SUMS_REASON]:
        return False
    folder = release.folder(stage.key)
    manifest = read_manifest(folder)
    assert manifest is not None  # noqa: S101 - it was just read
    store.restore_sums(folder, manifest)
    return True
