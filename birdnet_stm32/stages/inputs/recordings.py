"""Find the recordings of a variant, and check whether they are still those that were indexed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from birdnet_stm32.audio.audio_files import FileStat, scan_audio_files
from birdnet_stm32.audio.index.call_tables import table_paths
from birdnet_stm32.audio.mixing.mixed_sources import LIST
from birdnet_stm32.audio.recording_roots import (
    RecordingRoot,
    RecordingRoots,
    RecordingsFolder,
    in_index,
    name_roots,
)
from birdnet_stm32.engine.release import Release
from birdnet_stm32.files.regular_file import sha256_of

MEASURES = "local_measures.json"
FETCHED = "recordings"
OWN_TABLE = "table of credits"
LABELS = "table of labels"
NAMES = "table of names"
CALL_TABLE = "table of calls"
HELD_OUT = "[evaluate]"
"""What the paths of recordings begin with that only measure accuracy."""


def recordings_root(release: Release) -> RecordingsFolder:
    """Return what the paths in the index are relative to: a folder, or several that act as one."""
    roots = every_root(release)
    return roots if roots.roots[0].name else roots.roots[0].folder


def every_root(release: Release) -> RecordingRoots:
    """Return all folders of recordings: the one that only measures accuracy first, if there is one."""
    held_out = held_out_root(release)
    own = recording_roots(release)
    return own if held_out is None else RecordingRoots(roots=(held_out, *own.roots))


def held_out_root(release: Release) -> RecordingRoot | None:
    """Return the folder whose recordings only measure accuracy; None without one."""
    table = release.variant.evaluate
    named = table.root if table.soundscapes is None else table.soundscapes
    return None if named is None else RecordingRoot(name=HELD_OUT, folder=release.resolve(named))


def recording_roots(release: Release) -> RecordingRoots:
    """Return the folders of recordings: those of the user, or that of the stage fetch."""
    index = release.variant.index
    folders = [release.resolve(root) for root in index.roots] or [release.folder("fetch") / FETCHED]
    return name_roots(folders, [release.resolve(root) for root in index.background_roots])


def own_credits_table(release: Release) -> dict[str, Path]:
    """Return the table of credits that a variant names, by what it is; empty if it names none."""
    named = release.variant.index.credits
    return {} if named is None else {OWN_TABLE: release.resolve(named)}


def labels_path(release: Release) -> Path | None:
    """Return the table of labels, or the folder of tables, that a variant names; None if it names none."""
    named = release.variant.index.labels
    return None if named is None else release.resolve(named)


def label_tables(release: Release) -> dict[str, Path]:
    """Return the tables of labels of a variant by what they are."""
    path = labels_path(release)
    if path is not None and path.is_dir():
        return {f"{LABELS} {name}": table for name, table in table_paths(path).items()}
    return {} if path is None else {LABELS: path}


def soundscape_tables(release: Release) -> dict[str, Path]:
    """Return what lies beside the soundscapes of a variant: tables of calls, lists of mixed recordings."""
    named = release.variant.evaluate.soundscapes
    if named is None:
        return {}
    folder = release.resolve(named)
    lists = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob(LIST))}
    return {f"{CALL_TABLE} {name}": path for name, path in (table_paths(folder) | lists).items()}


def own_names_table(release: Release) -> dict[str, Path]:
    """Return the table of names of species that a variant names, by what it is; empty if it names none."""
    named = release.variant.evaluate.names
    return {} if named is None else {NAMES: release.resolve(named)}


def recordings_are_current(release: Release) -> bool:
    """Return whether the recordings on disk are those of the index, by content.

    Only files whose size or modification time changed are read, and files that could not be read before.
    """
    roots = every_root(release)
    folders = [root.folder for root in roots.roots]
    try:
        indexed = json.loads((release.folder("index") / MEASURES).read_text(encoding="utf-8"))["files"]
        known = {entry["path"]: entry for entry in indexed}
        # Of a folder that is gone or locked, there is a problem that the list does not have.
        files = [
            file for root in roots.roots for file in in_index(root, scan_audio_files(root.folder), folders)
        ]
        return [file.path for file in files] == list(known) and all(
            _is_unchanged(roots / file.path, file, entry)
            for file, entry in zip(files, known.values(), strict=True)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False  # the list is a cache: if it is missing or damaged, the stage measures again


def _is_unchanged(path: Path, file: FileStat, entry: dict[str, Any]) -> bool:
    """Return whether a file is as it was indexed; a file that could not be read then is read again."""
    if file.problem != entry.get("problem", ""):
        return False
    if file.problem:
        return True
    if entry["digest"] and (file.size_bytes, file.mtime_ns) == (entry["size_bytes"], entry["mtime_ns"]):
        return True
    try:
        return bool(file.size_bytes == entry["size_bytes"] and sha256_of(path) == entry["digest"])
    except OSError:
        return not entry["digest"]  # still unreadable, or unreadable now
