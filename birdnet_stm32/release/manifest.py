"""The table of contents of a bundle, as ``manifest.json`` and ``SHA256SUMS``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import parse_json

SCHEMA_VERSION = 2
WITHOUT_BUILD = 1  # the older schema, without the key build; such bundles are still read
BUILD_LENGTH = 8
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
MAX_NAME_LENGTH = 200
_PART = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._+-]{0,99}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Role(StrEnum):
    """What a file in a bundle is for."""

    IMAGE = "image"  # to be written to a board
    FIRMWARE = "firmware"  # linked program, map
    MODEL = "model"
    LABELS = "labels"
    SOURCE = "source"  # C and the project around it
    REPORT = "report"
    LICENCE = "licence"
    DOCUMENT = "document"


@dataclass(frozen=True, kw_only=True)
class ManifestEntry:
    """One file of a bundle."""

    path: str
    size_bytes: int
    sha256: str
    role: Role


@dataclass(frozen=True, kw_only=True)
class BundleManifest:
    """The table of contents of a bundle, without itself and the checksum file.

    Args:
        variant: name of the variant.
        title: title of the variant.
        version: version of the variant.
        files: the files, sorted by path.
    """

    variant: str
    title: str
    version: str
    files: tuple[ManifestEntry, ...]


def check_bundle_name(name: str) -> None:
    """Refuse a name that is not the same plain relative path on every system.

    Raises:
        InputError: the name is absolute, leaves the folder, has unusual characters, or Windows reserves it.
    """
    parts = name.split("/")
    plain = all(_PART.fullmatch(part) and not part.endswith(".") for part in parts)
    if len(name) > MAX_NAME_LENGTH or not plain or any(_RESERVED.fullmatch(part) for part in parts):
        raise InputError(
            f"the name {name[:MAX_NAME_LENGTH]!r} cannot stand in a bundle",
            expected="a relative path of ASCII letters, digits and . _ + -, without ..",
            remedy="rename the file",
        )


def check_bundle_names(names: Iterable[str]) -> None:
    """Refuse names that are not allowed, and names that differ in case alone.

    Raises:
        InputError: as :func:`check_bundle_name`, or two names collide.
    """
    seen: dict[str, str] = {}
    for name in names:
        check_bundle_name(name)
        other = seen.get(name.lower())
        if other is not None:
            raise InputError(
                f"{other!r} and {name!r} are both in the bundle",
                expected="names that differ in more than case",
            )
        seen[name.lower()] = name


def bundle_digest(manifest: BundleManifest) -> str:
    """Return a digest of all contents; it tells bundles of one name and version apart."""
    return hashlib.sha256(_canonical(asdict(manifest))).hexdigest()[:BUILD_LENGTH]


def bundle_file_name(manifest: BundleManifest) -> str:
    """Return the name of the bundle; bundles with different contents have different names."""
    return f"{manifest.variant}-{manifest.version}-{bundle_digest(manifest)}.zip"


def bundle_manifest_json(manifest: BundleManifest) -> bytes:
    """Return ``manifest.json``: sorted keys, indented, the same bytes every time."""
    fields = {"schema_version": SCHEMA_VERSION, "build": bundle_digest(manifest), **asdict(manifest)}
    return _canonical(fields)


def _canonical(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=True) + "\n").encode("ascii")


def bundle_sums_text(manifest: BundleManifest, manifest_sha256: str) -> bytes:
    """Return ``SHA256SUMS`` in the format of ``sha256sum -c``: every file but itself."""
    digests = {entry.path: entry.sha256 for entry in manifest.files} | {MANIFEST: manifest_sha256}
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("ascii")


def read_bundle_manifest(raw: bytes, *, where: str) -> BundleManifest:
    """Read ``manifest.json`` strictly.

    Raises:
        InputError: it is not JSON, has another schema, has missing, unknown or malformed fields, or names
            that :func:`check_bundle_names` refuses.
    """
    fields = parse_json(raw, where=f"{where}, {MANIFEST}")
    schema = fields.get("schema_version") if isinstance(fields, dict) else None
    if schema not in (SCHEMA_VERSION, WITHOUT_BUILD):
        raise InputError(
            f"{MANIFEST} has another schema", where=where, expected=f"schema_version {SCHEMA_VERSION}"
        )
    build = {"build"} if schema == SCHEMA_VERSION else set()
    _exact_keys(fields, {"schema_version", "variant", "title", "version", "files", *build}, where)
    texts = [fields[key] for key in ("variant", "title", "version")]
    if not all(isinstance(text, str) for text in texts) or not isinstance(fields["files"], list):
        raise InputError(f"{MANIFEST} has fields of the wrong type", where=where)
    files = tuple(_entry(item, where) for item in fields["files"])
    check_bundle_names([*(entry.path for entry in files), MANIFEST, SUMS])
    manifest = BundleManifest(variant=texts[0], title=texts[1], version=texts[2], files=files)
    if schema == SCHEMA_VERSION and fields["build"] != bundle_digest(manifest):
        raise InputError(
            f"{MANIFEST} names the build {str(fields['build'])[:80]!r}",
            where=where,
            expected=f"{bundle_digest(manifest)}, by what it lists",
        )
    return manifest


def _entry(item: Any, where: str) -> ManifestEntry:
    _exact_keys(item, {"path", "size_bytes", "sha256", "role"}, where)
    path, size_bytes, sha256, role = (item[key] for key in ("path", "size_bytes", "sha256", "role"))
    well_formed = (
        isinstance(path, str)
        and type(size_bytes) is int
        and size_bytes >= 0
        and isinstance(sha256, str)
        and _DIGEST.fullmatch(sha256)
        and role in list(Role)
    )
    if not well_formed:
        raise InputError(f"{MANIFEST} has a malformed entry {str(item)[:200]}", where=where)
    return ManifestEntry(path=path, size_bytes=size_bytes, sha256=sha256, role=Role(role))


def _exact_keys(item: Any, keys: set[str], where: str) -> None:
    if not isinstance(item, dict) or set(item) != keys:
        found = ", ".join(sorted(item)) if isinstance(item, dict) else str(item)[:80]
        raise InputError(
            f"{MANIFEST} holds {found}", where=where, expected="exactly " + ", ".join(sorted(keys))
        )
