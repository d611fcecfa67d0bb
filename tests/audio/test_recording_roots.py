from __future__ import annotations

from pathlib import Path

from birdnet_stm32.audio.audio_files import FileStat
from birdnet_stm32.audio.recording_roots import in_index, name_roots


def stats(*paths: str) -> list[FileStat]:
    return [FileStat(path=path, size_bytes=1, mtime_ns=1) for path in paths]


def test_one_folder_keeps_its_paths() -> None:
    roots = name_roots([Path("/data/birds")])
    assert roots / "owl/1.wav" == Path("/data/birds/owl/1.wav")
    assert roots.within("owl/1.wav") == "owl/1.wav"
    assert in_index(roots.roots[0], stats("owl/1.wav")) == stats("owl/1.wav")


def test_of_several_folders_each_path_begins_with_a_name_of_its_own() -> None:
    roots = name_roots([Path("/a/birds"), Path("/b/birds")], [Path("/c/rain")])
    assert [root.name for root in roots.roots] == ["birds", "birds-2", "rain"]
    assert [root.background for root in roots.roots] == [False, False, True]
    for root in roots.roots:
        (file,) = in_index(root, stats("owl/1.wav"))
        assert roots / file.path == root.folder / "owl/1.wav"
        assert roots.within(file.path) == "owl/1.wav"
        assert roots.root_of(file.path) == root


def test_a_folder_inside_another_one_is_listed_once() -> None:
    roots = name_roots([Path("/a")], [Path("/a/rain")])
    folders = [root.folder for root in roots.roots]
    outer = in_index(roots.roots[0], stats("owl/1.wav", "rain/2.wav", "rainy/3.wav"), folders)
    assert [file.path for file in outer] == ["a/owl/1.wav", "a/rainy/3.wav"]
    inner = in_index(roots.roots[1], stats("2.wav"), folders)
    assert [file.path for file in inner] == ["rain/2.wav"]
