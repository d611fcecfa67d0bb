"""The record of a published folder: what the stage read, and the digest of every file that it wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import MAX_JSON_BYTES, canonical_json, json_object, parse_json, read_json
from birdnet_stm32.files.regular_file import read_bytes, why_unreadable

MANIFEST = "manifest.json"


SUMS = "SHA256SUMS"


RUN = "run.json"


SCHEMA = 2


@dataclass(frozen=True, kw_only=True)
class StageManifest:
    """What a stage read and what it wrote.

    Args:
        stage: name of the stage.
        config: the tables of the variant that it read.
        code: digest of the modules and templates that it ran.
        versions: versions of the libraries and programs that it called.
        inputs: digest of each input: of another stage's list of outputs, of another stage's summary if the
            stage reads it, or of a file outside the build.
        outputs: digest of each file, by path relative to the folder.
        measures: what the stage measured, gates included.
        summary: the result in about a dozen words, for people.
        warnings: what a user has to know although nothing was refused.
    """

    stage: str
    config: Mapping[str, Any]
    code: str
    versions: Mapping[str, str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    measures: Mapping[str, Any]
    summary: str
    warnings: tuple[str, ...]


class _UnusableError(Exception):
    """A manifest cannot be used; carries the reason."""


def sums_text(manifest: StageManifest) -> str:
    """Return the content of ``SHA256SUMS``."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(manifest.outputs.items()))


def outputs_digest(manifest: StageManifest) -> str:
    """Return the digest of all that a stage published: that of the content of ``SHA256SUMS``."""
    return hashlib.sha256(sums_text(manifest).encode()).hexdigest()


def read_manifest(folder: Path) -> StageManifest | None:
    """Return the manifest of a published folder; None if there is no usable manifest."""
    try:
        return _load_manifest(folder)
    except _UnusableError:
        return None  # manifest_fault returns the reason


def manifest_fault(folder: Path) -> str:
    """Return why a folder has no usable manifest; an empty text if it has one."""
    try:
        _load_manifest(folder)
    except _UnusableError as error:
        return str(error)
    return ""


def read_run(folder: Path) -> dict[str, Any]:
    """Return the content of ``run.json``, about the last run; empty if the file is missing or damaged."""
    try:
        return json_object(read_json(folder / RUN, max_bytes=MAX_JSON_BYTES), where=folder / RUN)
    except InputError:
        return {}  # only seconds and the cached file status are lost


def _load_manifest(folder: Path) -> StageManifest:
    path = folder / MANIFEST
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise _UnusableError("it has not been published yet") from None
    except OSError as error:
        raise _UnusableError(f"its {MANIFEST} {why_unreadable(error)}") from None
    return _parsed_manifest(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=256)
def _parsed_manifest(path: Path, *_: int) -> StageManifest:
    damaged = _UnusableError(f"its {MANIFEST} is damaged")
    try:
        content = read_bytes(path, max_bytes=MAX_JSON_BYTES)
        fields = json_object(parse_json(content, where=path, max_bytes=MAX_JSON_BYTES), where=path)
    except InputError:
        raise damaged from None
    if fields.get("schema") in range(SCHEMA):
        raise _UnusableError("it was published by another version of this program")
    checksum = fields.pop("checksum", None)
    if checksum != manifest_checksum(fields) or fields.pop("schema") != SCHEMA:
        raise damaged
    try:
        return StageManifest(**{**fields, "warnings": tuple(fields["warnings"])})
    except (KeyError, TypeError):
        raise damaged from None


def manifest_checksum(fields: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's fields, which ``manifest.json`` carries as ``checksum``."""
    return hashlib.sha256(canonical_json(fields).encode()).hexdigest()
