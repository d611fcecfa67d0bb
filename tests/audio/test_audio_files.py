from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from birdnet_stm32.audio import audio_files

REPOSITORY = Path(__file__).parents[2]


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_all_audio_is_listed_by_name_and_nothing_else(tmp_path):
    touch(tmp_path, "b/Z.WAV", "b/a.mp3", "a/2020/x.flac", "a/x.ogg", "top.wav", "b/phone.m4a")
    touch(tmp_path, "b/notes.txt", "MANIFEST.tsv", "b/.hidden.wav", ".git/y.wav", "b/._Z.WAV")
    found = [file.path for file in audio_files.scan_audio_files(tmp_path)]
    assert found == ["a/2020/x.flac", "a/x.ogg", "b/Z.WAV", "b/a.mp3", "b/phone.m4a", "top.wav"]
    assert all(file.size_bytes == 1 and file.mtime_ns > 0 for file in audio_files.scan_audio_files(tmp_path))


def test_the_order_does_not_come_from_the_file_system(tmp_path, monkeypatch):
    touch(tmp_path, *(f"{folder}/{name}.wav" for folder in "äBa" for name in ("10", "9", "Ö", "ö", "z")))
    before, real = audio_files.scan_audio_files(tmp_path), os.scandir

    class Shuffled(list):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def shuffled(folder):
        with real(folder) as entries:
            return Shuffled(sorted(entries, key=lambda entry: entry.name[::-1], reverse=True))

    monkeypatch.setattr(os, "scandir", shuffled)
    assert audio_files.scan_audio_files(tmp_path) == before


def test_links_are_followed_but_never_in_circles(tmp_path):
    touch(tmp_path, "root/a/x.wav", "elsewhere/y.wav")
    (tmp_path / "root/a/loop").symlink_to(tmp_path / "root")
    (tmp_path / "root/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/a/dangling.wav").symlink_to(tmp_path / "nowhere.wav")
    found = {file.path: file.size_bytes for file in audio_files.scan_audio_files(tmp_path / "root")}
    assert found == {"a/dangling.wav": 0, "a/x.wav": 1, "b/y.wav": 1}


def problems(root):
    return {file.path: file.problem for file in audio_files.scan_audio_files(root) if file.problem}


def test_what_is_no_regular_file_is_listed_with_its_kind(tmp_path):
    touch(tmp_path, "a/x.wav")
    os.mkfifo(tmp_path / "a/pipe.wav")
    (tmp_path / "a/device.flac").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(tmp_path / "a", os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/socket.ogg")  # a path of its own may be too long
        os.close(here)
        assert problems(tmp_path) == {
            "a/device.flac": "is a device, not a file",
            "a/pipe.wav": "is a pipe, not a file",
            "a/socket.ogg": "is a socket, not a file",
        }


def test_links_that_lead_nowhere_are_named(tmp_path):
    touch(tmp_path, "a/x.wav")
    (tmp_path / "a/self.wav").symlink_to("self.wav")
    (tmp_path / "a/dangling.wav").symlink_to("nowhere.wav")
    (tmp_path / "Strix aluco").symlink_to(tmp_path / "an unplugged disk")
    (tmp_path / "Bubo bubo").symlink_to("Bubo bubo")
    (tmp_path / "a/notes.txt").symlink_to("gone.txt")
    assert problems(tmp_path) == {
        "Bubo bubo/": "is a link that leads back to itself",
        "Strix aluco/": "is a link to something that is not there",
        "a/dangling.wav": "is a link to something that is not there",
        "a/self.wav": "is a link that leads back to itself",
    }


def test_an_empty_class_folder_is_named_and_an_empty_folder_below_is_not(tmp_path):
    touch(tmp_path, "a/x.wav", "texts/notes.txt")
    (tmp_path / "a/empty").mkdir()
    (tmp_path / "empty/deep").mkdir(parents=True)
    holds_none = "the folder holds no audio file"
    assert problems(tmp_path) == {"empty/": holds_none, "texts/": holds_none}


@pytest.mark.skipif(os.getuid() != 0, reason="gives up rights that only root has")
def test_a_folder_that_may_not_be_read_is_named_and_the_rest_goes_on(tmp_path):
    touch(tmp_path, "a/x.wav", "locked/y.wav", "b/deep/z.wav")
    for name, mode in (("locked", 0o000), ("b/deep", 0o600), (".", 0o755), ("a", 0o755), ("b", 0o755)):
        (tmp_path / name).chmod(mode)
    script = (
        "import os, sys, json; from pathlib import Path; from birdnet_stm32.audio import audio_files;"
        "here = os.open(sys.argv[1], os.O_RDONLY); os.fchdir(here); os.setgroups([]); os.setuid(65534);"
        "print(json.dumps({one.path: one.problem for one in audio_files.scan_audio_files(Path('.'))}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], check=True, capture_output=True, text=True, cwd=REPOSITORY
    )
    (tmp_path / "locked").chmod(0o755)
    (tmp_path / "b/deep").chmod(0o755)
    found = json.loads(done.stdout)
    assert found == {
        "a/x.wav": "",
        "b/deep/": "the folder cannot be read: no permission",
        "locked/": "the folder cannot be read: no permission",
    }


def test_names_that_are_not_utf_8_are_listed_with_that_problem(tmp_path):
    touch(tmp_path, "caf\udce9/x.wav", "x\udcff.wav")
    assert problems(tmp_path) == {
        "caf\udce9/x.wav": "the name of its folder is not UTF-8: rename it",
        "x\udcff.wav": "its name is not UTF-8: rename it",
    }
