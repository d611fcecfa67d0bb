"""What could not be read is tried again, and nothing else than recordings is opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.audio_files import scan_audio_files
from birdnet_stm32.audio.decoding.decode import Properties
from birdnet_stm32.audio.index import measurements
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files import json_file
from birdnet_stm32.stages import index
from birdnet_stm32.stages.inputs import recordings
from birdnet_stm32.stages.inputs.index import read_index, read_notes


class Locked:
    """Files that nobody may open, as a file system's rights would have it; root may open all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: set[str] = set()
        for owner in (os, Path):
            monkeypatch.setattr(owner, "open", self._guarded(owner.open))

    def _guarded(self, real: Callable[..., object]) -> Callable[..., object]:
        def opened(path: object, *arguments: object, **keywords: object) -> object:
            if Path(str(path)).name in self.names:
                raise PermissionError(13, "Permission denied")
            return real(path, *arguments, **keywords)

        return opened


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Locked:
    return Locked(monkeypatch)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    rng = np.random.default_rng(3)
    for label in ("owl", "tit"):
        (tmp_path / "songs" / label).mkdir(parents=True)
        for take in range(2):
            soundfile.write(tmp_path / f"songs/{label}/{take}.wav", rng.normal(0, 0.1, 8_000), 8_000)
    variant = Variant.model_validate({"variant": {"title": "x"}, "index": {"root": "songs"}})
    return Release(name="x", path=tmp_path / "x.toml", build=tmp_path / "build", variant=variant)


def run_index(release: Release) -> dict[str, str]:
    """Run the stage into its folder; return the reasons of what is unusable."""
    out = release.folder("index")
    out.mkdir(parents=True, exist_ok=True)
    previous = out.with_name("previous")
    if (out / recordings.MEASURES).is_file():
        out.rename(previous)
        out.mkdir()
    index.run(Job(release=release, inputs={}, files={}, out=out, previous=previous))
    return {row.path: row.reason for row in read_index(out) if row.reason}


def test_what_nobody_might_read_is_read_after_chmod(release: Release, locked: Locked) -> None:
    locked.names.add("1.wav")
    reasons = {f"{label}/1.wav": "cannot be read: no permission" for label in ("owl", "tit")}
    assert run_index(release) == reasons
    assert recordings.recordings_are_current(release), "nothing changed: it does not run again and again"
    locked.names.clear()
    assert not recordings.recordings_are_current(release)
    assert run_index(release) == {}
    assert recordings.recordings_are_current(release)


def test_what_nobody_may_read_any_more_is_current_until_it_is_touched(
    release: Release, locked: Locked
) -> None:
    assert run_index(release) == {}
    locked.names.add("1.wav")
    assert recordings.recordings_are_current(release)
    os.utime(release.resolve("songs/owl/1.wav"), ns=(1, 1))
    assert not recordings.recordings_are_current(release)


def test_pipes_and_folders_of_nothing_are_listed_and_watched(release: Release) -> None:
    os.mkfifo(release.resolve("songs/owl/live.wav"))
    release.resolve("songs/jay").mkdir()
    (release.resolve("songs/hawk")).symlink_to("nowhere")
    reasons = {
        "hawk/": "is a link to something that is not there",
        "jay/": "the folder holds no audio file",
        "owl/live.wav": "is a pipe, not a file",
    }
    assert run_index(release) == reasons
    assert recordings.recordings_are_current(release)
    listed = (release.folder("index") / "unusable.tsv").read_text(encoding="utf-8")
    assert listed == "path\treason\n" + "".join(f"{path}\t{reason}\n" for path, reason in reasons.items())
    notes = read_notes(release.folder("index"))
    assert notes == ("hawk: is a link to something that is not there", "jay: the folder holds no audio file")
    release.resolve("songs/owl/live.wav").unlink()
    assert not recordings.recordings_are_current(release)


def test_an_index_of_an_older_version_is_measured_again_without_a_traceback(release: Release) -> None:
    run_index(release)
    path = release.folder("index") / recordings.MEASURES
    document = json_file.load_json(path)
    for entry in document["files"]:
        del entry["problem"]
    path.write_text(json_file.canonical_json(document), encoding="utf-8")
    assert recordings.recordings_are_current(release)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": [1]}', '{"files": [{}]}', '{"files": 3}', "[" * 9_999]
)
def test_a_damaged_list_of_measures_is_measured_again(release: Release, text: str) -> None:
    run_index(release)
    (release.folder("index") / recordings.MEASURES).write_text(text, encoding="utf-8")
    assert not recordings.recordings_are_current(release)
    assert run_index(release) == {}


def test_a_folder_that_is_gone_is_not_current(release: Release) -> None:
    run_index(release)
    release.resolve("songs").rename(release.resolve("elsewhere"))
    assert not recordings.recordings_are_current(release)


def test_names_with_tabs_and_line_breaks_keep_every_list_whole(release: Release) -> None:
    release.resolve("songs/owl/0.wav").rename(release.resolve("songs/owl/a\tb\nc.wav"))
    release.resolve("songs/owl/d\ne.wav").touch()
    assert run_index(release) == {"owl/d\ne.wav": "the file is empty"}
    listed = (release.folder("index") / "unusable.tsv").read_text(encoding="utf-8")
    assert listed == "path\treason\nowl/d\\ne.wav\tthe file is empty\n"


def test_names_that_are_not_utf_8_are_no_traceback(release: Release) -> None:
    release.resolve("songs/caf\udce9").mkdir()
    release.resolve("songs/tit/1.wav").rename(release.resolve("songs/caf\udce9/1.wav"))
    root = release.resolve("songs")
    measured = measurements.measure_files(root, scan_audio_files(root), {}, n_jobs=1)
    assert measurements.measurements_from_json(measurements.measurements_to_json(measured)) == {
        one.stat.path: one for one in measured
    }
    assert sum(isinstance(one.content, Properties) for one in measured) == 3
    lenient = release.variant.index.model_copy(update={"untrained": (r"caf\xe9",)})
    variant = release.variant.model_copy(update={"index": lenient})
    found = run_index(Release(name="x", path=release.path, build=release.build, variant=variant))
    assert found == {r"caf\xe9/1.wav": "the name of its folder is not UTF-8: rename it"}
