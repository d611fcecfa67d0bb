from __future__ import annotations

import os

from birdnet_stm32.audio import files


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_all_audio_is_listed_by_name_and_nothing_else(tmp_path):
    touch(tmp_path, "b/Z.WAV", "b/a.mp3", "a/2020/x.flac", "a/x.ogg", "top.wav", "b/phone.m4a")
    touch(tmp_path, "b/notes.txt", "MANIFEST.tsv", "b/.hidden.wav", ".git/y.wav", "b/._Z.WAV")
    found = [file.path for file in files.scan(tmp_path)]
    assert found == ["a/2020/x.flac", "a/x.ogg", "b/Z.WAV", "b/a.mp3", "b/phone.m4a", "top.wav"]
    assert all(file.size_bytes == 1 and file.mtime_ns > 0 for file in files.scan(tmp_path))


def test_the_order_does_not_come_from_the_file_system(tmp_path, monkeypatch):
    touch(tmp_path, *(f"{folder}/{name}.wav" for folder in "äBa" for name in ("10", "9", "Ö", "ö", "z")))
    before, real = files.scan(tmp_path), os.scandir

    class Shuffled(list):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def shuffled(folder):
        with real(folder) as entries:
            return Shuffled(sorted(entries, key=lambda entry: entry.name[::-1], reverse=True))

    monkeypatch.setattr(os, "scandir", shuffled)
    assert files.scan(tmp_path) == before


def test_links_are_followed_but_never_in_circles(tmp_path):
    touch(tmp_path, "root/a/x.wav", "elsewhere/y.wav")
    (tmp_path / "root/a/loop").symlink_to(tmp_path / "root")
    (tmp_path / "root/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/a/dangling.wav").symlink_to(tmp_path / "nowhere.wav")
    found = {file.path: file.size_bytes for file in files.scan(tmp_path / "root")}
    assert found == {"a/dangling.wav": 0, "a/x.wav": 1, "b/y.wav": 1}
