"""Publish the folder of a stage, and find out whether it is still complete and unchanged.

A folder is published as a whole. ``manifest.json`` says what was read and written, and has a checksum of its
own. ``SHA256SUMS`` lists the outputs alone, so that ``sha256sum -c`` can check them. Later stages depend on
the list of outputs: equal outputs stop the cascade, whatever changed before them. They read the list from the
manifest, so that a damaged ``SHA256SUMS`` misleads nobody. Values that differ from run to run (seconds,
caches of file status) are in ``run.json`` and in files whose name starts with ``local_``. Both are outside of
the manifest and of ``SHA256SUMS``.
"""

from __future__ import annotations

import hashlib
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


def unfinished(final: Path) -> Path:
    """Return the folder beside that of a stage for what the stage has come to."""
    return final.with_name(f"{final.name}.unfinished")


def kept(final: Path) -> Path:
    """Return the folder beside that of a stage for what the stage keeps from run to run.

    Each file there is named by a digest of all that it depends on, so it holds for every run or for none.
    """
    return final.with_name(f"{final.name}.kept")


def unfinished_of(final: Path, fingerprint: object) -> Path:
    """Return the folder for what a stage has come to, and remove what it came to from anything else.

    Args:
        final: the folder that the stage publishes.
        fingerprint: what the stage runs on, as JSON types.
    """
    folder = unfinished(final)
    own = folder / hashlib.sha256(canonical_json(fingerprint).encode()).hexdigest()[:16]
    for other in folder.glob("*"):
        if other != own:
            remove(other)
    return own


def output_files(folder: Path) -> list[Path]:
    """Return the files that a stage wrote and that are recorded, sorted by their relative path."""
    own = {MANIFEST, SUMS, RUN}
    return [path for path in _files(folder) if path.name not in own and not _is_local(path)]


def digest_outputs(folder: Path) -> dict[str, str]:
    """Return the digest of every recorded file of ``folder``, by relative path."""
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in output_files(folder)}


def publish(work: Path, final: Path, manifest: StageManifest, run: Mapping[str, Any]) -> None:
    """Replace ``final`` by ``work`` as a whole.

    If the process is killed at any moment, ``final`` is the old folder, the new folder, or missing. It is
    never a mixture.

    Args:
        work: folder with the outputs, on the same file system as ``final``.
        final: the place of the stage's folder.
        manifest: description of the outputs.
        run: values that differ from run to run.
    """
    fields = {"schema": SCHEMA, **asdict(manifest)}
    fields["checksum"] = manifest_checksum(fields)
    (work / MANIFEST).write_text(canonical_json(fields), encoding="utf-8")
    (work / SUMS).write_text(sums_text(manifest), encoding="utf-8")
    last_run = {**run, "stats": _stats(work), "local": _local_digests(work)}
    _write_run(last_run, work)
    retired = final.with_name(f".{final.name}.old")
    remove(retired)
    final.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(final):
        final.rename(retired)
    work.rename(final)
    remove(retired)
    # A file that the old folder shared has lost one of its names, which changed the time of its status.
    stats = _stats(final)
    if stats != last_run["stats"]:
        _write_run({**last_run, "stats": stats}, final)


def _write_run(last_run: Mapping[str, Any], folder: Path) -> None:
    partial = folder / f".{RUN}.{os.getpid()}"
    partial.write_text(canonical_json(last_run), encoding="utf-8")
    partial.replace(folder / RUN)


def remove(path: Path) -> None:
    """Remove a folder with all its content, or a file. Of a link, only the link is removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def refuse_foreign(folder: Path) -> None:
    """Refuse to replace or remove a folder that holds files and that no stage published.

    ``build=.`` and a variant with the name of a folder of recordings must not destroy the recordings.

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
    """Return whether ``SHA256SUMS`` is as it was published."""
    try:
        return read_bytes(folder / SUMS, max_bytes=MAX_JSON_BYTES) == sums_text(manifest).encode()
    except InputError:
        return False


def changed_outputs(folder: Path, manifest: StageManifest) -> list[str]:
    """Return the outputs that are missing or differ from their recorded digest.

    A file is not read again if its size and times are those of its publication. One of them is the time of
    the last status change, which also changes if a file is replaced and its modification time is restored.
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
    """Return the outputs that are missing or differ from their recorded digest. All files are read.

    A process reads each file only once, as long as its size and times stay the same.
    """
    return [
        path
        for path, digest in manifest.outputs.items()
        if not (folder / path).is_file() or _digest_or_none(folder / path) != digest
    ]


def local_files_are_whole(folder: Path) -> bool:
    """Return whether the files beside the outputs (caches of the stage) are as they were written."""
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
    """Return a file's digest; None if it cannot be read, because then it is not what was published."""
    try:
        return _cached_digest(path, *_stat(path))
    except OSError:
        return None


@cache
def _cached_digest(path: Path, *_: int) -> str:
    return sha256_of(path)
