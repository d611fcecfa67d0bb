"""Zip a release, and check such a zip: the same files give the same bytes, and all of them are listed."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.files.regular_file import why_unreadable
from birdnet_stm32.release import manifest as contents
from birdnet_stm32.release.manifest import MANIFEST, SUMS, BundleManifest, ManifestEntry, Role
from birdnet_stm32.terminal_text import counted, printable

MAX_FILES = 10_000
MAX_FILE_BYTES = 1 << 29
MAX_TOTAL_BYTES = 1 << 30
MAX_MANIFEST_BYTES = 1 << 23
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_UNIX = 3
_MODE = stat.S_IFREG | 0o644
_CHUNK_BYTES = 1 << 20
MAX_DIRECTORY_BYTES = MAX_FILES * 512  # a name of 200 bytes twice, with its other fields
_END_SIGNATURE = b"PK\5\6"
_END = struct.Struct("<4s4H2LH")
_LONGEST_END = _END.size + 0xFFFF  # with the longest comment
# What Python's reader raises for a damaged or forged zip.
_NO_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    EOFError,
    ValueError,
    struct.error,
    OverflowError,
    RuntimeError,
)


@dataclass(frozen=True, kw_only=True)
class BundleFile:
    """One file to bundle.

    Args:
        path: name of the file in the bundle.
        source: the bytes, or the file that holds them.
        role: what the file is for.
        sha256: SHA-256 that the bytes must have; None where none was recorded.
    """

    path: str
    source: bytes | Path
    role: Role
    sha256: str | None = None


def build_bundle(
    target: Path, files: Sequence[BundleFile], *, variant: str, title: str, version: str
) -> BundleManifest:
    """Write ``files`` with their manifest and checksums into the zip ``target``.

    The bytes depend only on the names, roles and contents of the files: not on their order, times,
    permissions or folders.

    Returns:
        The table of contents.

    Raises:
        InputError: a name is not allowed in a bundle, a source cannot be read or is too large, or a source
            changed while it was read.
        GateError: a source does not have the recorded SHA-256.
    """
    contents.check_bundle_names([*(file.path for file in files), MANIFEST, SUMS])
    files = sorted(files, key=lambda file: file.path)
    entries = tuple(_entry(file) for file in files)
    listed = BundleManifest(variant=variant, title=title, version=version, files=entries)
    table = contents.bundle_manifest_json(listed)
    sums = contents.bundle_sums_text(listed, hashlib.sha256(table).hexdigest())
    sizes = {entry.path: entry.size_bytes for entry in entries} | {MANIFEST: len(table), SUMS: len(sums)}
    _check_sizes(sizes, where=str(target))

    sources: dict[str, bytes | Path] = {file.path: file.source for file in files}
    sources |= {MANIFEST: table, SUMS: sums}
    digests = {entry.path: entry.sha256 for entry in entries}
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(sources):
            with archive.open(_member(path, sizes[path]), "w") as sink, _open(sources[path]) as source:
                written = _copy(source, sink)
            if path in digests and written != (sizes[path], digests[path]):
                raise InputError("changed while it was bundled", where=path)
    return listed


def verify_bundle(path: Path) -> BundleManifest:
    """Check that a bundle holds exactly what its manifest and checksums say. Nothing is extracted.

    Raises:
        InputError: the file is not such a zip: a name leaves the folder, repeats or is unknown, an entry is a
            link or encrypted, a size is beyond the limits, or the manifest has another schema.
        GateError: a file is missing, added or altered.
    """
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            return _verify(archive, str(path))
    except _NO_ZIP as error:
        raise InputError(f"is no readable zip: {printable(error, longest=200)}", where=path) from error
    except OSError as error:
        raise InputError(why_unreadable(error), where=path) from error


def _check_directory(path: Path) -> None:
    """Refuse what is not a zip of the size of a bundle, before its table of contents is read into memory.

    Raises:
        InputError: the file is not a regular file, is too large, has no table of contents, or one that is too
            large.
        OSError: the file cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError("is not a regular file", where=path, expected="a bundle, a .zip file")
    size_bytes = path.stat().st_size
    if size_bytes > MAX_TOTAL_BYTES + MAX_DIRECTORY_BYTES:
        raise InputError(f"has {size_bytes:,} bytes", where=path, expected=f"at most {MAX_TOTAL_BYTES:,}")
    with path.open("rb") as file:
        file.seek(max(0, size_bytes - _LONGEST_END))
        tail = file.read(_LONGEST_END)
    start = tail.rfind(_END_SIGNATURE)
    if start < 0 or len(tail) - start < _END.size:
        raise InputError("is no readable zip: it has no table of contents", where=path)
    _, _, _, _, entries, directory_bytes, _, _ = _END.unpack_from(tail, start)
    if entries > MAX_FILES + 2 or directory_bytes > MAX_DIRECTORY_BYTES:
        raise InputError(
            f"holds {counted(entries, 'file')} or more",
            where=path,
            expected=f"at most {MAX_FILES:,}, in a zip without 64-bit sizes",
        )


def _verify(archive: zipfile.ZipFile, where: str) -> BundleManifest:
    members = archive.infolist()
    names = [member.filename for member in members]
    contents.check_bundle_names(names)
    _check_members(members, where)
    _check_sizes({member.filename: member.file_size for member in members}, where=where)
    for name in (MANIFEST, SUMS):
        if name not in names:
            raise GateError(f"{name} is missing", where=where, remedy="fetch the bundle again")
        if archive.getinfo(name).file_size > MAX_MANIFEST_BYTES:
            raise InputError(f"{name} is over {MAX_MANIFEST_BYTES:,} bytes", where=where)

    table = archive.read(MANIFEST)
    listed = contents.read_bundle_manifest(table, where=where)
    _check_present({entry.path for entry in listed.files}, set(names) - {MANIFEST, SUMS}, where)
    if archive.read(SUMS) != contents.bundle_sums_text(listed, hashlib.sha256(table).hexdigest()):
        raise _altered(SUMS, where)
    for entry in listed.files:
        if _measure(archive, entry.path, where) != (entry.size_bytes, entry.sha256):
            raise _altered(entry.path, where)
    return listed


def _check_members(members: Sequence[zipfile.ZipInfo], where: str) -> None:
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or member.flag_bits & 0x1:
            raise InputError("is a link, a folder or encrypted", where=f"{where}: {member.filename}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError("is packed by an unusual method", where=f"{where}: {member.filename}")
    if members and min(member.header_offset for member in members) != 0:
        raise InputError("has something before its first file", where=where)


def _measure(archive: zipfile.ZipFile, name: str, where: str) -> tuple[int, str]:
    try:
        with archive.open(name) as source:
            return _copy(source, None)
    except _NO_ZIP as error:
        raise _altered(name, where) from error


def _check_present(expected: set[str], found: set[str], where: str) -> None:
    for what, names in (("misses", expected - found), ("holds the unlisted", found - expected)):
        if names:
            raise GateError(
                f"{what} {', '.join(sorted(names)[:5])}",
                where=where,
                expected=f"what its {MANIFEST} lists",
                remedy="fetch the bundle again",
            )


def _altered(name: str, where: str) -> GateError:
    return GateError(
        f"{name} is not what was bundled",
        where=where,
        expected="its SHA-256",
        remedy="fetch the bundle again",
    )


def _check_sizes(sizes: dict[str, int], *, where: str) -> None:
    if len(sizes) > MAX_FILES or sum(sizes.values()) > MAX_TOTAL_BYTES:
        raise InputError(
            f"holds {counted(len(sizes), 'file')} of {sum(sizes.values()):,} bytes",
            where=where,
            expected=f"at most {MAX_FILES:,} files of {MAX_TOTAL_BYTES:,} bytes together",
        )
    for name, size_bytes in sizes.items():
        if size_bytes > MAX_FILE_BYTES:
            raise InputError(
                f"{name} is {size_bytes:,} bytes", where=where, expected=f"at most {MAX_FILE_BYTES:,}"
            )


def _member(path: str, size_bytes: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(path, date_time=_EPOCH)
    member.create_system = _UNIX
    member.external_attr = _MODE << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    member.file_size = size_bytes
    return member


def _entry(file: BundleFile) -> ManifestEntry:
    with _open(file.source) as source:
        size_bytes, sha256 = _copy(source, None)
    if file.sha256 not in (None, sha256):
        raise GateError(
            "is not what was published: it was damaged or changed since",
            where=str(file.source) if isinstance(file.source, Path) else file.path,
            expected=f"the SHA-256 {file.sha256}",
            remedy="birdnet-stm32 check names all that is damaged, and how it is made anew",
        )
    return ManifestEntry(path=file.path, size_bytes=size_bytes, sha256=sha256, role=file.role)


def _open(source: bytes | Path) -> AbstractContextManager[IO[bytes]]:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return source.open("rb")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=source) from error


def _copy(source: IO[bytes], sink: IO[bytes] | None) -> tuple[int, str]:
    """Copy ``source`` to ``sink``, if there is one; return its size and SHA-256. Raises: InputError."""
    digest, size_bytes = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > MAX_FILE_BYTES:
            raise InputError(f"a file is over {MAX_FILE_BYTES:,} bytes", where=str(source))
        digest.update(chunk)
        if sink is not None:
            sink.write(chunk)
    return size_bytes, digest.hexdigest()
