"""Bundles repeat byte by byte, and what was changed on the way is noticed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import struct
import subprocess
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.release import bundle
from birdnet_stm32.release.bundle import BundleFile, build_bundle, verify_bundle
from birdnet_stm32.release.manifest import Role, bundle_digest

Files = tuple[BundleFile, ...]


def build(target: Path, files: Sequence[BundleFile]) -> Path:
    build_bundle(target, files, variant="demo", title="Démo", version="1.0.0")
    return target


def on_disk(folder: Path, files: Files, *, mode: int, mtime: int) -> Files:
    """Write the files below ``folder`` and return them as paths, in another order."""
    placed = []
    for file in reversed(files):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        assert isinstance(file.source, bytes)
        path.write_bytes(file.source)
        path.chmod(mode)
        os.utime(path, (mtime, mtime))
        placed.append(BundleFile(path=file.path, source=path, role=file.role))
    return tuple(placed)


def test_equal_contents_give_equal_bytes_wherever_they_come_from(tmp_path: Path, files: Files) -> None:
    first = build(tmp_path / "a.zip", on_disk(tmp_path / "one", files, mode=0o600, mtime=1_000_000_000))
    second = build(tmp_path / "b.zip", on_disk(tmp_path / "two", files, mode=0o755, mtime=1_700_000_001))
    third = build(tmp_path / "c.zip", files)
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()


def test_members_are_sorted_dated_1980_and_plain(tmp_path: Path, files: Files) -> None:
    with zipfile.ZipFile(build(tmp_path / "a.zip", files)) as archive:
        members = archive.infolist()
    assert [member.filename for member in members] == sorted(member.filename for member in members)
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {member.external_attr >> 16 for member in members} == {stat.S_IFREG | 0o644}


def test_the_checksums_satisfy_sha256sum(tmp_path: Path, files: Files) -> None:
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(build(tmp_path / "a.zip", files)) as archive:
        archive.extractall(unpacked)
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    checked = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=True)
    assert checked.stdout.count(": OK") == len(files) + 1
    (unpacked / "CREDITS").write_bytes(b"Thanks\n")
    assert subprocess.run(command, cwd=unpacked, capture_output=True, check=False).returncode == 1


def test_the_manifest_lists_every_file(tmp_path: Path, files: Files) -> None:
    target = build(tmp_path / "a.zip", files)
    with zipfile.ZipFile(target) as archive:
        fields = json.loads(archive.read("manifest.json"))
    assert {entry["path"] for entry in fields["files"]} == {file.path for file in files}
    assert (fields["schema_version"], fields["title"], fields["variant"]) == (2, "Démo", "demo")
    assert fields["build"] == bundle_digest(verify_bundle(target))
    verified = verify_bundle(target)
    assert [entry.role for entry in verified.files if entry.path == "c/empty.h"] == [Role.SOURCE]


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "/a",
        "a//b",
        "a/./b",
        "a\\b",
        "C:a",
        "a b",
        "-a",
        "ä",
        "",
        "a/",
        "con",
        "x/NUL.txt",
        "a.",
        "a\n",
        "a" * 101,
    ],
)
def test_unusable_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot stand in a bundle"):
        build(tmp_path / "a.zip", [BundleFile(path=name, source=b"", role=Role.DOCUMENT)])


@pytest.mark.parametrize("names", [("a", "a"), ("a/B", "A/b"), ("manifest.json",), ("sha256sums",)])
def test_colliding_names_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="both in the bundle"):
        build(tmp_path / "a.zip", [BundleFile(path=name, source=b"", role=Role.DOCUMENT) for name in names])


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.bin: cannot be read"):
        build(tmp_path / "a.zip", [BundleFile(path="a", source=tmp_path / "nothing.bin", role=Role.IMAGE)])


def repack(source: Path, target: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda members: members.update({"CREDITS": b"Thanks\n"}), "CREDITS is not what was bundled"),
        (lambda members: members.pop("CREDITS"), "misses CREDITS"),
        (lambda members: members.update({"extra": b""}), "holds the unlisted extra"),
        (lambda members: members.pop("manifest.json"), r"manifest\.json is missing"),
        (lambda members: members.pop("SHA256SUMS"), "SHA256SUMS is missing"),
        (lambda members: members.update({"SHA256SUMS": b""}), "SHA256SUMS is not what was bundled"),
        (
            lambda members: members.update(
                {"manifest.json": members["manifest.json"].replace(b"demo", b"Demo")}
            ),
            "names the build",
        ),
    ],
)
def test_changes_are_noticed(tmp_path: Path, files: Files, change, message: str) -> None:
    original = build(tmp_path / "a.zip", files)
    with pytest.raises((GateError, InputError), match=message):
        verify_bundle(repack(original, tmp_path / "b.zip", change))


def test_any_flipped_byte_that_changes_a_file_is_noticed(tmp_path: Path) -> None:
    data = bytes(range(64))
    target = build(tmp_path / "a.zip", [BundleFile(path="a", source=data, role=Role.IMAGE)])
    with zipfile.ZipFile(target) as archive:
        member = archive.getinfo("a")
    raw = bytearray(target.read_bytes())
    name_length, extra_length = struct.unpack_from("<HH", raw, member.header_offset + 26)
    start = member.header_offset + 30 + name_length + extra_length
    for position in range(start, start + member.compress_size):
        raw[position] ^= 0x10
        target.write_bytes(raw)
        with contextlib.suppress(GateError):
            verify_bundle(target)
            with zipfile.ZipFile(target) as archive:  # a bit that the compression does not use
                assert archive.read("a") == data
        raw[position] ^= 0x10


@pytest.mark.parametrize("name", ["../evil", "/evil", "folder/", "a\\b"])
def test_archives_with_climbing_names_are_refused(tmp_path: Path, files: Files, name: str) -> None:
    original = build(tmp_path / "a.zip", files)
    hostile = repack(original, tmp_path / "b.zip", lambda members: members.update({name: b""}))
    with pytest.raises(InputError, match="cannot stand in a bundle"):
        verify_bundle(hostile)


def test_repeated_members_are_refused(tmp_path: Path, files: Files) -> None:
    target = build(tmp_path / "a.zip", files)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(target, "a") as archive:
        archive.writestr("CREDITS", b"Thanks\n")
    with pytest.raises(InputError, match="both in the bundle"):
        verify_bundle(target)


def test_links_are_refused(tmp_path: Path, files: Files) -> None:
    target = build(tmp_path / "a.zip", files)
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(link, b"/etc/passwd")
    with pytest.raises(InputError, match="is a link"):
        verify_bundle(target)


def test_sizes_are_bounded(tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    target = build(tmp_path / "a.zip", files)
    monkeypatch.setattr(bundle, "MAX_FILE_BYTES", 3_999)
    for refused in (lambda: verify_bundle(target), lambda: build(tmp_path / "b.zip", files)):
        with pytest.raises(InputError, match=r"4,?000 bytes|over 3,999"):
            refused()
    monkeypatch.setattr(bundle, "MAX_FILES", 3)
    with pytest.raises(InputError, match="holds 7 files"):
        verify_bundle(target)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(17)])
def test_other_files_are_no_bundles(tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(content)
    with pytest.raises(InputError, match="no readable zip"):
        verify_bundle(target)
    with pytest.raises(InputError, match="there is no such file"):
        verify_bundle(tmp_path / "missing.zip")


def test_a_truncated_bundle_is_refused(tmp_path: Path, files: Files) -> None:
    target = build(tmp_path / "a.zip", files)
    shutil.copy(target, tmp_path / "b.zip")
    os.truncate(tmp_path / "b.zip", target.stat().st_size - 30)
    with pytest.raises(InputError):
        verify_bundle(tmp_path / "b.zip")


def test_a_source_that_is_not_what_was_recorded_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "model.tflite"
    source.write_bytes(b"damaged")
    file = BundleFile(path="model", source=source, role=Role.MODEL, sha256="0" * 64)
    with pytest.raises(GateError, match=r"model\.tflite: is not what was published"):
        build(tmp_path / "a.zip", [file])


def test_what_stands_before_the_first_file_is_refused(tmp_path: Path, files: Files) -> None:
    target = build(tmp_path / "a.zip", files)
    target.write_bytes(b"#!/bin/sh\n" + target.read_bytes())
    with pytest.raises(InputError, match="before its first file"):
        verify_bundle(target)


@pytest.mark.parametrize("entries", [20_000, 0xFFFF])
def test_an_endless_table_of_contents_is_not_read(tmp_path: Path, entries: int) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, entries, entries, 2**31, 0, 0))
    with pytest.raises(InputError, match=r"holds .* files or more"):
        verify_bundle(target)


def test_other_methods_of_packing_are_refused(tmp_path: Path, files: Files) -> None:
    target = tmp_path / "a.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("manifest.json", b"{}")
    with pytest.raises(InputError, match="unusual method"):
        verify_bundle(target)


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.zip")
    with pytest.raises(InputError, match="not a regular file"):
        verify_bundle(tmp_path / "a.zip")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_forged_zip_is_refused_or_holds_the_same(tmp_path: Path, data: st.DataObject) -> None:
    content = b"bird" * 20
    target = build(tmp_path / "a.zip", [BundleFile(path="a", source=content, role=Role.IMAGE)])
    raw = bytearray(target.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    forged = tmp_path / "b.zip"
    forged.write_bytes(raw)
    with contextlib.suppress(GateError, InputError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that stands twice
        verified = verify_bundle(forged)
        assert [entry.sha256 for entry in verified.files] == [hashlib.sha256(content).hexdigest()]
