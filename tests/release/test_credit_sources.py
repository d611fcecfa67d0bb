"""Recordings that nobody stated a licence for are counted and named, those compiled in most of all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.errors import InputError
from birdnet_stm32.files import parquet_table
from birdnet_stm32.release.credit_sources import licence_counts, release_credits, uncredited_recordings
from birdnet_stm32.release.credits import credits_text
from birdnet_stm32.stages.catalog import BY_NAME
from birdnet_stm32.stages.inputs.recordings import OWN_TABLE

PATHS = ("owl/1.wav", "owl/2.wav", "tit/3.wav", "tit/broken.wav")
MakeJob = Callable[..., Job]


def row(path: str) -> IndexRow:
    numbers = {"size_bytes": 1, "duration_s": 3.0, "rate_hz": 8_000, "channels": 1, "rms_db": -9.0}
    numbers |= {"snr_db": 9.0, "channel": 0, "fold": 0}
    texts = {
        "label": path.split("/")[0],
        "background": False,
        "recording": path,
        "digest": path.rjust(64, "0"),
    }
    texts |= {field: "" for field in IndexRow.__dataclass_fields__ if field not in {*numbers, *texts}}
    return IndexRow(**numbers, **texts | {"path": path, "reason": "bad" if "broken" in path else ""})


def window(path: str, role: str) -> WindowRow:
    return WindowRow(
        path=path,
        recording=path,
        label=path.split("/")[0],
        background=False,
        start_sample=0,
        set=role,
        rms_db=-9.0,
        snr_db=9.0,
    )


@pytest.fixture
def job(tmp_path: Path) -> MakeJob:
    """Return what makes a job on four recordings, with a table of credits or without."""
    inputs = {name: tmp_path / name for name in ("index", "representative")}
    for folder in inputs.values():
        folder.mkdir()
    parquet_table.write([row(path) for path in PATHS], IndexRow, inputs["index"] / "recordings.parquet")
    windows = [window("owl/1.wav", "calibration"), window("tit/3.wav", "validation")]
    windows.append(window("owl/2.wav", "validation"))
    parquet_table.write(windows, WindowRow, inputs["representative"] / "windows.parquet")

    def make(*lines: str) -> Job:
        path = tmp_path / "credits.tsv"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        index = {"root": "songs"} | ({"credits": "credits.tsv"} if lines else {})
        variant = Variant.model_validate(
            {"variant": {"title": "x"}, "index": index, "codegen": {"test_vectors": 1}}
        )
        release = Release(name="x", path=tmp_path / "x.toml", build=tmp_path, variant=variant)
        files = BY_NAME["report"].files(release)
        return Job(release=release, inputs=inputs, files=files, out=tmp_path, previous=tmp_path / "no")

    return make


def test_without_a_table_every_recording_in_use_is_named(job: MakeJob) -> None:
    found = uncredited_recordings(job())
    assert found.recordings == ("owl/1.wav", "owl/2.wav", "tit/3.wav")
    assert found.compiled == ("tit/3.wav",)
    assert found.sentence == (
        "No licence is stated for 3 recordings, 1 of which is compiled into this release as test vectors"
    )
    text = credits_text(release_credits(job()), found)
    assert text.endswith("test vectors:\n  owl/1.wav\n  owl/2.wav\n  tit/3.wav (compiled in)\n")


def test_a_table_credits_what_it_names_and_the_rest_is_named(job: MakeJob) -> None:
    made = job("file\tlicence\tcredit", "tit/3.wav\tCC BY 4.0\tAda", "gone.wav\tMIT\tBob")
    assert OWN_TABLE in made.files
    credit = release_credits(made)[0]
    assert (credit.work, credit.authors, credit.licence) == ("tit/3.wav", "Ada", "CC BY 4.0")
    assert uncredited_recordings(made).recordings == ("owl/1.wav", "owl/2.wav")
    assert uncredited_recordings(made).compiled == ()
    assert uncredited_recordings(made).strays == ("gone.wav",)
    assert credits_text((), uncredited_recordings(made)).endswith(
        "names files that are not recordings of this release:\n  gone.wav\n"
    )
    everything = [f"{path}\tMIT\tAda" for path in PATHS]
    assert uncredited_recordings(job("file\tlicence\tcredit", *everything)).sentence == ""


def test_licences_are_counted(job: MakeJob) -> None:
    lines = ("owl/1.wav\tMIT\tAda", "owl/2.wav\tCC0\tAda", "tit/3.wav\tMIT\tBob", "gone.wav\tGPL\tBob")
    assert licence_counts(job("file\tlicence\tcredit", *lines)) == (("MIT", 2), ("CC0", 1))
    assert licence_counts(job()) == ()


@pytest.mark.parametrize(("column", "value"), [("sha256", "1" * 64), ("label", "jay")])
def test_a_line_about_another_file_of_the_name_is_refused(job: MakeJob, column: str, value: str) -> None:
    made = job(f"file\tlicence\tcredit\t{column}", f"owl/1.wav\tMIT\tAda\t{value}")
    with pytest.raises(InputError, match=f"is about another owl/1.wav: its {column} is"):
        release_credits(made)
