"""What a stage leaves behind: its published folder, and how it is told whether that is still whole.

A folder is published whole: ``manifest.json`` says what went in and came out and carries a checksum of its
own, ``SHA256SUMS`` lists the outputs alone (``sha256sum -c`` checks it). Later stages depend on the list of
outputs, so that equal outputs stop the cascade whatever changed before them; they take it from the manifest,
so that a damaged ``SHA256SUMS`` misleads nobody. What differs from run to run (seconds, stat caches) stands
in ``run.json`` and in files whose name starts with ``local_``, outside both.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from birdnet_stm32.engine.manifest import (
    MANIFEST,
    RUN,
    SCHEMA,
    SUMS,
    StageManifest,
    manifest_checksum,
    read_run,
    sums_text,
)
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import MAX_JSON_BYTES, canonical_json
from birdnet_stm32.files.regular_file import read_bytes, sha256_of

LOCAL_PREFIX = "local_"


def output_files(folder: Path) -> list[Path]:
    """Return the files that are to be recorded of what a stage wrote, sorted by their relative path."""
    own = {MANIFEST, SUMS, RUN}
    return [path for path in _files(folder) if path.name not in own and not _is_local(path)]


def digest_outputs(folder: Path) -> dict[str, str]:
    """Return the digest of every recorded file of ``folder``, by relative path."""
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in output_files(folder)}


def publish(work: Path, final: Path, manifest: StageManifest, run: Mapping[str, Any]) -> None:
    """Put ``work`` in the place of ``final``, as a whole.

    Killed at any moment, ``final`` is the old folder, the new one, or missing: never a mixture.

    Args:
        work: folder with the outputs, on the same file system as ``final``.
        final: where the stage's folder belongs.
        manifest: its description.
        run: what differs from run to run.
    """
    fields = {"schema": SCHEMA, **asdict(manifest)}
    fields["checksum"] = manifest_checksum(fields)
    (work / MANIFEST).write_text(canonical_json(fields), encoding="utf-8")
    (work / SUMS).write_text(sums_text(manifest), encoding="utf-8")
    told = {**run, "stats": _stats(work), "local": _local_digests(work)}
    (work / RUN).write_text(canonical_json(told), encoding="utf-8")
    retired = final.with_name(f".{final.name}.old")
    remove(retired)
    final.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(final):
        final.rename(retired)
    work.rename(final)
    remove(retired)


def remove(path: Path) -> None:
    """Remove a folder with all in it, or whatever else is there: of a link the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def refuse_foreign(folder: Path) -> None:
    """Refuse to replace or remove a folder that holds files and that no stage published.

    ``build=.`` with a variant called like a folder of recordings must not cost the recordings.

    Raises:
        InputError: it is such a folder, or a file.
    """
    if not folder.exists() or any((folder / name).is_file() for name in (MANIFEST, SUMS, RUN)):
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise InputError(
            "exists already, and no stage published it",
            where=folder,
            expected="a build folder of its own",
            remedy=("build elsewhere: doit build=DIR", "move it away"),
        )


def restore_sums(folder: Path, manifest: StageManifest) -> None:
    """Write ``SHA256SUMS`` again from the manifest."""
    partial = folder / f".{SUMS}.{os.getpid()}"
    partial.write_text(sums_text(manifest), encoding="utf-8")
    partial.replace(folder / SUMS)


def sums_are_whole(folder: Path, manifest: StageManifest) -> bool:
    """Return whether ``SHA256SUMS`` is what was published."""
    try:
        return read_bytes(folder / SUMS, max_bytes=MAX_JSON_BYTES) == sums_text(manifest).encode()
    except InputError:
        return False


def changed_outputs(folder: Path, manifest: StageManifest) -> list[str]:
    """Return the outputs that are missing or differ from their recorded digest.

    A file whose size and times are those of its publication is not read again. The time of the last change
    of its status is one of them: it moves when a file is put back with its old modification time.
    """
    stats = read_run(folder).get("stats")
    known = stats if isinstance(stats, dict) else {}
    return [
        path
        for path, digest in manifest.outputs.items()
        if not (folder / path).is_file()
        or (known.get(path) != _stat(folder / path) and _digest_or_none(folder / path) != digest)
    ]


def damaged_outputs(folder: Path, manifest: StageManifest) -> list[str]:
    """Return the outputs that are missing or differ from their recorded digest; all of them are read.

    A process reads a file once as long as its size and times stay the same.
    """
    return [
        path
        for path, digest in manifest.outputs.items()
        if not (folder / path).is_file() or _digest_or_none(folder / path) != digest
    ]


def local_files_are_whole(folder: Path) -> bool:
    """Return whether the files beside the outputs, caches of a stage's own, are as they were written."""
    recorded = read_run(folder).get("local")
    return isinstance(recorded, dict) and all(
        _digest_or_none(folder / path) == digest for path, digest in recorded.items()
    )


def _files(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix())


def _is_local(path: Path) -> bool:
    return path.name.startswith(LOCAL_PREFIX)


def _local_digests(folder: Path) -> dict[str, str]:
    local = (path for path in _files(folder) if _is_local(path))
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in local}


def _stats(folder: Path) -> dict[str, list[int]]:
    return {path.relative_to(folder).as_posix(): _stat(path) for path in output_files(folder)}


def _stat(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _digest_or_none(path: Path) -> str | None:
    """Return a file's digest, None where it cannot be read: it is then not what was published."""
    try:
        return _cached_digest(path, *_stat(path))
    except OSError:
        return None


@cache
def _cached_digest(path: Path, *_: int) -> str:
    return sha256_of(path)
