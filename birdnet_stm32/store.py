"""What a stage leaves behind: its published folder, and doit's memory of it.

A folder is published whole: ``manifest.json`` says what went in and came out, ``SHA256SUMS`` lists the
outputs alone (``sha256sum -c`` checks it) and is what later stages depend on, so that equal outputs stop the
cascade whatever changed before them. What differs from run to run (seconds, stat caches) stands in
``run.json`` and in files whose name starts with ``local_``, outside both.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doit.dependency import SqliteDB

from birdnet_stm32.errors import InputError

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
RUN = "run.json"
LOCAL_PREFIX = "local_"
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a stage was made from and what it made.

    Args:
        stage: its name.
        config: the tables of the variant that it read.
        code: digest of the modules and templates that it ran.
        versions: of the libraries and programs that it called.
        inputs: digest of each input's SHA256SUMS, or of a file from outside the build.
        outputs: digest of each file, by path relative to the folder.
        measures: what it found out, gates included.
    """

    stage: str
    config: Mapping[str, Any]
    code: str
    versions: Mapping[str, str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    measures: Mapping[str, Any]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: object) -> str:
    """Return ``value`` as JSON, the same text for equal values."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def output_files(folder: Path) -> list[Path]:
    """Return the recorded files of a stage's folder, sorted by their relative path."""
    own = {MANIFEST, SUMS, RUN}
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        (path for path in files if path.name not in own and not path.name.startswith(LOCAL_PREFIX)),
        key=lambda path: path.relative_to(folder).as_posix(),
    )


def digest_outputs(folder: Path) -> dict[str, str]:
    """Return the digest of every recorded file of ``folder``, by relative path."""
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in output_files(folder)}


def publish(work: Path, final: Path, manifest: Manifest, run: Mapping[str, Any]) -> None:
    """Put ``work`` in the place of ``final``, as a whole.

    Killed at any moment, ``final`` is the old folder, the new one, or missing: never a mixture.

    Args:
        work: folder with the outputs, on the same file system as ``final``.
        final: where the stage's folder belongs.
        manifest: its description.
        run: what differs from run to run.
    """
    (work / MANIFEST).write_text(canonical_json({"schema": SCHEMA, **manifest.__dict__}), encoding="utf-8")
    sums = "".join(f"{digest}  {path}\n" for path, digest in manifest.outputs.items())
    (work / SUMS).write_text(sums, encoding="utf-8")
    (work / RUN).write_text(canonical_json({**run, "stats": _stats(work)}), encoding="utf-8")
    retired = final.with_name(f".{final.name}.old")
    shutil.rmtree(retired, ignore_errors=True)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        final.rename(retired)
    work.rename(final)
    shutil.rmtree(retired, ignore_errors=True)


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a published folder, or None where there is none that can be read."""
    try:
        fields = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if fields.pop("schema") != SCHEMA:
            return None
        return Manifest(**fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # never published, or not by this version: both mean that the stage has to run


def read_run(folder: Path) -> dict[str, Any]:
    """Return what ``run.json`` holds of the last run; empty when it is gone."""
    try:
        fields = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # only seconds and a cache are lost
    return fields if isinstance(fields, dict) else {}


def changed_outputs(folder: Path, manifest: Manifest) -> list[str]:
    """Return the outputs that are missing or differ from their recorded digest.

    A file whose size and modification time are those of its publication is not read again.
    """
    stats = read_run(folder).get("stats", {})
    return [
        path
        for path, digest in manifest.outputs.items()
        if not (folder / path).is_file()
        or (stats.get(path) != _stat(folder / path) and sha256_of(folder / path) != digest)
    ]


def load_json(path: Path) -> Any:
    """Return what an earlier stage wrote to ``path``.

    Raises:
        InputError: the file is missing or broken.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", where=path, remedy="run doit again") from error


def published_files(folder: Path, part: str = "") -> dict[str, Path]:
    """Return the files that a stage published, by path relative to its folder or to a part of it.

    What somebody put beside them later, such as a build folder in a rendered project, is none of them.

    Args:
        folder: the stage's folder.
        part: a folder in it.

    Raises:
        InputError: nothing has been published there.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError("holds nothing that was published", where=folder, remedy="run doit again")
    root = folder / part
    files = (folder / path for path in manifest.outputs)
    return {path.relative_to(root).as_posix(): path for path in files if path.is_relative_to(root)}


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by relative path."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _stats(folder: Path) -> dict[str, list[int]]:
    return {path.relative_to(folder).as_posix(): _stat(path) for path in output_files(folder)}


def _stat(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


class DurableState(SqliteDB):  # type: ignore[misc]
    """doit's SQLite state, committed with every finished task.

    doit writes its state at a clean exit only; after a SIGKILL every finished stage would run again.
    """

    def set(self, task_id: str, dependency: str, value: object) -> None:
        """Store a value and write the task's row at once."""
        super().set(task_id, dependency, value)
        row = (task_id, self.codec.encode(self._cache[task_id]))
        self._conn.execute("insert or replace into doit values (?,?)", row)
        self._conn.commit()
