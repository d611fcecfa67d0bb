"""Reads everything that the pipeline published and names what is damaged, or verifies a bundle.

A build reads a file again only if its size or one of its times has changed. When a disk loses a bit, neither
changes. This command reads every byte. It does not extract a bundle: it compares names, sizes and digests
with the manifest inside. It writes nothing.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.commands.shared import variant_option
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.engine import store
from birdnet_stm32.engine.build_lock import lock_of
from birdnet_stm32.engine.manifest import SUMS, manifest_fault, read_manifest
from birdnet_stm32.engine.release import Release, load_release
from birdnet_stm32.engine.stage import Stage
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.files.regular_file import why_unreadable
from birdnet_stm32.release.bundle import verify_bundle
from birdnet_stm32.release.manifest import bundle_digest
from birdnet_stm32.stages.catalog import stages_of
from birdnet_stm32.terminal_text import counted, printable

EXAMPLE = "birdnet-stm32 check demo\n  birdnet-stm32 check demo-0.1.0-1a2b3c4d.zip"
_SHOWN = 5
_LONGEST = 500


@dataclass(frozen=True, kw_only=True)
class CheckedStage:
    """The result of checking the folder of one stage.

    Args:
        task: the doit task of the stage.
        files: number of outputs that the stage recorded.
        damaged: one sentence for each file that is not as it was published.
    """

    task: str
    files: int
    damaged: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument(
        "target",
        nargs="?",
        metavar="VARIANT|FILE.zip",
        help="variant or bundle to check; default: every variant",
    )
    variant_option.add_build_folders(parser)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the result to this file; - for standard output"
    )


def run(options: argparse.Namespace) -> None:
    """Check a bundle, a variant or all variants.

    Raises:
        GateError: something is damaged. The message names it and says how to make it anew.
        InputError: there is no such variant or bundle, or a build is running.
    """
    writer = writer_of(options)
    writer.check(options.json)
    if options.target is not None and options.target.lower().endswith(".zip"):
        writer.write_json(options.json, _check_bundle(Path(options.target), options.json))
        return
    names = [options.target] if options.target else variant_option.variant_names(options.variants)
    checked: dict[str, list[CheckedStage]] = {}
    broken: list[InputError] = []
    for name in names:
        try:
            release = load_release(name, options.variants, options.build)
        except InputError as error:
            broken.append(error)
            continue
        checked[name] = _check_variant(release, options.json)
    if broken and not checked:
        raise broken[0]
    found = {name: [one for one in stages if one.damaged] for name, stages in checked.items()}
    faults = {one.task: list(one.damaged) for stages in checked.values() for one in stages}
    writer.write_json(options.json, faults)
    damaged = {name: stages for name, stages in found.items() if stages}
    if damaged:
        raise _damage(damaged, options.build)
    if broken:  # raised last, so that the other variants are checked first
        raise broken[0]


def _check_bundle(path: Path, json: Path | None) -> dict[str, object]:
    listed = verify_bundle(path)
    size_bytes = sum(entry.size_bytes for entry in listed.files)
    build = bundle_digest(listed)
    said = (
        f"{path.name}: {listed.variant} {listed.version}, build {build}: "
        f"{counted(len(listed.files), 'file')}, "
        f"{size_bytes:,} bytes, all as they were bundled"
    )
    print_message(printable(said, longest=_LONGEST), json)  # these words come from the bundle
    fields = {"variant": listed.variant, "title": listed.title, "version": listed.version, "build": build}
    return {**fields, "files": {entry.path: entry.sha256 for entry in listed.files}}


def _check_variant(release: Release, json: Path | None) -> list[CheckedStage]:
    lock = lock_of(release.root)
    lock.refuse_if_held()
    checked = []
    for stage in stages_of(release.variant):
        task = stage.task(release.name)
        if not release.folder(stage.key).exists():
            print_message(f"{task}: not published", json)
            continue
        one = _check_stage(stage, release)
        said = "; ".join(one.damaged) or f"{counted(one.files, 'file')} as they were published"
        print_message(f"{task}: {said}", json)
        checked.append(one)
    lock.refuse_if_held()  # a file that a build has replaced meanwhile is not damaged
    return checked


def _check_stage(stage: Stage, release: Release) -> CheckedStage:
    folder, task = release.folder(stage.key), stage.task(release.name)
    manifest = read_manifest(folder)
    if manifest is None:
        return CheckedStage(task=task, files=0, damaged=(manifest_fault(folder),))
    damaged = [f"{path} {_fault(folder / path)}" for path in store.damaged_outputs(folder, manifest)]
    if not store.sums_are_whole(folder, manifest):
        damaged.append(f"{SUMS} is not what was published")
    return CheckedStage(task=task, files=len(manifest.outputs), damaged=tuple(damaged))


def _fault(path: Path) -> str:
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return why_unreadable(error)
    return "is not what was published"


def _damage(damaged: dict[str, list[CheckedStage]], build: Path) -> GateError:
    named = [f"{one.task}: {what}" for stages in damaged.values() for one in stages for what in one.damaged]
    more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    tasks = " ".join(one.task for stages in damaged.values() for one in stages)
    return GateError(
        "; ".join(named[:_SHOWN]) + more,
        where=build,
        expected="every file with the SHA-256 that its stage recorded",
        remedy=(
            f"doit clean {tasks}, which removes what is damaged",
            f"doit {' '.join(f'bundle:{name}' for name in damaged)}, which makes it anew",
        ),
    )
