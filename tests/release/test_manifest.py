"""The manifest is read strictly."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.release.manifest import (
    BundleManifest,
    ManifestEntry,
    Role,
    bundle_file_name,
    bundle_manifest_json,
    read_bundle_manifest,
)

MANIFEST = BundleManifest(
    variant="demo",
    title="Démo",
    version="1",
    files=(ManifestEntry(path="a", size_bytes=1, sha256="0" * 64, role=Role.IMAGE),),
)


def test_a_manifest_reads_back() -> None:
    assert read_bundle_manifest(bundle_manifest_json(MANIFEST), where="m") == MANIFEST


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 3},
        {"schema_version": 1},
        {"build": "00000000"},
        {"schema_version": None},
        {"title": 7},
        {"files": {}},
        {"files": ["a"]},
        {"files": [{"path": "a"}]},
        {"files": [{"path": "../a", "size_bytes": 1, "sha256": "0" * 64, "role": "image"}]},
        {"files": [{"path": "a", "size_bytes": True, "sha256": "0" * 64, "role": "image"}]},
        {"files": [{"path": "a", "size_bytes": -1, "sha256": "0" * 64, "role": "image"}]},
        {"files": [{"path": "a", "size_bytes": 1, "sha256": "0" * 63, "role": "image"}]},
        {"files": [{"path": "a", "size_bytes": 1, "sha256": "0" * 64, "role": "virus"}]},
        {"files": [{"path": "a", "size_bytes": 1, "sha256": "0" * 64, "role": []}]},
        {"unknown": 1},
    ],
)
def test_malformed_manifests_are_refused(change: dict[str, Any]) -> None:
    fields = json.loads(bundle_manifest_json(MANIFEST)) | change
    with pytest.raises(InputError):
        read_bundle_manifest(json.dumps(fields).encode(), where="m")


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"1", b"[" * 100_000])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(InputError):
        read_bundle_manifest(raw, where="m")


def test_a_manifest_from_before_the_build_was_named_is_read() -> None:
    fields = json.loads(bundle_manifest_json(MANIFEST))
    del fields["build"]
    old = json.dumps(fields | {"schema_version": 1}).encode()
    assert read_bundle_manifest(old, where="m") == MANIFEST


def test_bundles_that_differ_in_anything_have_other_names() -> None:
    entry = MANIFEST.files[0]
    others = [
        replace(MANIFEST, title="Demo"),
        replace(MANIFEST, files=(replace(entry, sha256="1" * 64),)),
        replace(MANIFEST, files=(replace(entry, path="b"),)),
        replace(MANIFEST, files=(entry, replace(entry, path="b"))),
    ]
    names = {bundle_file_name(one) for one in (MANIFEST, *others)}
    assert len(names) == 5
    assert all(re.fullmatch(r"demo-1-[0-9a-f]{8}\.zip", name) for name in names)
