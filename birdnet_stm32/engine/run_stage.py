"""Run a stage and publish its results."""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.disk import disk_error
from birdnet_stm32.engine import code_digest, store
from birdnet_stm32.engine.doit_state import read_requests
from birdnet_stm32.engine.manifest import StageManifest, manifest_fault, read_manifest
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job, Outcome, Stage, task_of
from birdnet_stm32.engine.staleness import config_slice, file_digests, program_versions, stage_digests
from birdnet_stm32.errors import GateError, InputError


def run_stage(stage: Stage, release: Release, needs: Mapping[str, Path]) -> Outcome:
    """Run ``stage`` and publish its folder.

    Everything that the stage reads of other stages is first compared with the digests that they recorded. A
    stage that misses a gate loses its published folder. Its results are then in ``<stage>.failed``, which no
    other stage reads.

    Args:
        stage: the stage.
        release: the variant and its place.
        needs: the folders of the stages that it needs, by their keys.

    Raises:
        BirdnetError: the stage raised it; or an input is damaged, or the disk is full or read-only.
    """
    started = time.monotonic()
    final = release.folder(stage.key)
    store.refuse_foreign(final)
    work = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        outcome, manifest = _run_into(work, stage, release, needs)
        times_forgotten = read_requests(release.build).times_forgotten(stage.task(release.name))
        ran = {"seconds": round(time.monotonic() - started, 2), "forgotten": times_forgotten}
        store.publish(work, final, manifest, ran)
        store.remove(store.unfinished(final))
    except GateError:
        # The older results passed with other inputs. If they stayed, they would look as if they passed now.
        store.remove(final)
        store.remove(store.unfinished(final))
        work.rename(_failed(final))
        raise
    except BaseException as error:
        cause = disk_error(error, work)  # before the work is removed, which frees space
        shutil.rmtree(work, ignore_errors=True)
        if cause is not None:
            raise cause from error
        raise
    return outcome


def _failed(final: Path) -> Path:
    return final.with_name(f"{final.name}.failed")


def _run_into(
    work: Path, stage: Stage, release: Release, needs: Mapping[str, Path]
) -> tuple[Outcome, StageManifest]:
    """Run ``stage`` into the new folder ``work``, and return its manifest too."""
    final = release.folder(stage.key)
    for leftover in (_failed(final), *final.parent.glob(f".{final.name}.*")):
        store.remove(leftover)
    published = {key: _whole(key, needed, release) for key, needed in needs.items()}
    files = file_digests(stage, release)
    config = config_slice(stage, release.variant)
    code = code_digest.stage_code_digest(stage.module, stage.templates)
    versions, inputs = program_versions(stage), stage_digests(stage, published) | files
    work.mkdir(parents=True)
    module = importlib.import_module(f"birdnet_stm32.stages.{stage.name}")
    summaries = {key: manifest.summary for key, manifest in published.items()}
    job = Job(
        release=release,
        inputs=needs,
        files=stage.files(release),
        out=work,
        # A damaged cache must not be reused.
        previous=final if store.local_files_are_whole(final) else final.with_name(f".{final.name}.none"),
        part=stage.part,
        summaries=summaries if stage.reads_summaries else {},
        unfinished=store.unfinished_of(final, [config, code, versions, inputs]),
    )
    outcome: Outcome = module.run(job)
    for what, digest in file_digests(stage, release).items():
        if files.get(what) != digest:
            raise InputError(
                f"the {what} changed while the stage {stage.key} read it",
                where=stage.files(release)[what],
                remedy=f"doit {stage.task(release.name)}",
            )
    return outcome, StageManifest(
        stage=stage.name,
        config=config,
        code=code,
        versions=versions,
        inputs=inputs,
        outputs=store.digest_outputs(work),
        measures=outcome.measures,
        summary=outcome.summary,
        warnings=outcome.warnings,
    )


def _whole(key: str, folder: Path, release: Release) -> StageManifest:
    """Return the manifest of a stage whose files are all as they were published.

    Raises:
        InputError: the stage has published nothing, or a file has changed since.
    """
    task = task_of(key, release.name)
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(f"{key}: {manifest_fault(folder)}", where=folder, remedy=f"doit {task}")
    damaged = store.damaged_outputs(folder, manifest)
    if damaged:
        raise InputError(
            f"is not what the stage {key} published: it was damaged or changed since",
            where=folder / damaged[0],
            expected=f"the SHA-256 {manifest.outputs[damaged[0]]}",
            remedy=f"doit clean {task}, then doit again: the stage {key} makes it anew",
        )
    return manifest
