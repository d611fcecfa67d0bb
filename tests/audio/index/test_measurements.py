from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from birdnet_stm32.audio.audio_files import scan_audio_files
from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.decoding.decode import Properties, Unusable
from birdnet_stm32.audio.index import measurements


class Count:
    """Counts the files that were read."""

    def __init__(self) -> None:
        self.read = 0

    def __call__(self, done: int, total: int) -> None:
        assert 1 <= done <= total
        self.read += 1


def remeasure(root: Path, known):
    count = Count()
    measured = measurements.measure_files(root, scan_audio_files(root), known, report=count)
    return {one.stat.path: one for one in measured}, count.read


@pytest.fixture
def measured(collection: Path):
    return remeasure(collection, {})[0]


def test_every_file_is_measured_or_refused(measured):
    unusable = [one.stat.path for one in measured.values() if isinstance(one.content, Unusable)]
    assert len(measured) == 37
    assert unusable == ["Parus major/broken.flac"]
    assert all(len(one.digest) == 64 for one in measured.values())


def test_nothing_changed_reads_nothing(collection, measured):
    assert remeasure(collection, measured) == (measured, 0)


def test_a_changed_file_costs_one_file(collection, measured, write_tone):
    write_tone(collection / "Strix aluco/strix0__t000.wav", seconds=1, rate_hz=8_000, seed=99)
    again, read = remeasure(collection, measured)
    changed = [path for path in again if again[path].digest != measured[path].digest]
    assert (read, changed) == (1, ["Strix aluco/strix0__t000.wav"])
    assert isinstance(again[changed[0]].content, Properties)
    assert again[changed[0]].content.duration_s == 1.0


def test_a_touched_file_is_read_but_not_decoded(collection, measured, monkeypatch):
    monkeypatch.setattr(decode, "measure_recording", None)
    os.utime(collection / "Strix aluco/strix0__t000.wav", ns=(1, 1))
    again, read = remeasure(collection, measured)
    assert read == 1
    assert {path: (one.digest, one.content) for path, one in again.items()} == {
        path: (one.digest, one.content) for path, one in measured.items()
    }


def test_new_and_gone_files(collection, measured, write_tone):
    (collection / "Strix aluco/strix0__t000.wav").unlink()
    write_tone(collection / "Strix aluco/new.wav")
    again, read = remeasure(collection, measured)
    assert read == 1
    assert set(again) ^ set(measured) == {"Strix aluco/strix0__t000.wav", "Strix aluco/new.wav"}


def test_what_could_not_be_read_is_tried_again(collection, measured):
    files = scan_audio_files(collection)
    files[0] = measurements.FileStat(path="Parus major/gone.wav", size_bytes=1, mtime_ns=1)
    known = {one.stat.path: one for one in measurements.measure_files(collection, files, measured)}
    assert known["Parus major/gone.wav"].digest == ""
    count = Count()
    measurements.measure_files(collection, files, known, report=count)
    assert count.read == 1


def test_other_formats_and_names_are_refused_with_a_reason(tmp_path, write_tone):
    (tmp_path / "phone.m4a").write_bytes(b"x")
    write_tone(tmp_path / "ok.wav").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    reasons = [one.content.reason for one in remeasure(tmp_path, {})[0].values()]
    assert reasons == [
        ".m4a is not supported: convert it to wav, flac, ogg or mp3",
        "its name is not UTF-8: rename it",
    ]


def test_the_document_brings_everything_back(measured):
    assert (
        measurements.measurements_from_json(measurements.measurements_to_json(list(measured.values())))
        == measured
    )


def test_measures_of_other_code_are_not_trusted(measured, monkeypatch):
    text = measurements.measurements_to_json(list(measured.values()))
    monkeypatch.setattr(measurements, "_fingerprint", lambda: "other")
    assert measurements.measurements_from_json(text) == {}


def test_worker_processes_find_the_same(collection, measured):
    with joblib.parallel_config(backend="loky"):
        assert remeasure(collection, {})[0] == measured


def test_the_measures_depend_on_all_code_that_reads_recordings():
    script = (
        "import sys, birdnet_stm32.audio.decoding.decode;"
        "print(*sorted(name for name in sys.modules if name.startswith('birdnet_stm32.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    known = {module.__name__ for module in measurements.MEASURED_BY}
    others = {
        "birdnet_stm32.audio",
        "birdnet_stm32.audio.containers",
        "birdnet_stm32.errors",
        "birdnet_stm32.audio.decoding",
        "birdnet_stm32.files",
        "birdnet_stm32.terminal_text",
    }
    assert set(loaded.stdout.split()) - others == known


def test_another_channel_is_measured_again(collection, measured):
    count = Count()
    again = measurements.measure_files(
        collection, scan_audio_files(collection), measured, channel=1, report=count
    )
    assert count.read == len(measured)
    assert measurements.measurements_from_json(measurements.measurements_to_json(again)) == {
        one.stat.path: one for one in again
    }
    assert measurements.measure_files(
        collection, scan_audio_files(collection), {one.stat.path: one for one in again}
    ) == list(measured.values())
