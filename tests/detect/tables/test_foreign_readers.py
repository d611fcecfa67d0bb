"""The tables opened by libraries that biologists use, where they are installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.event_rows import TableSettings
from birdnet_stm32.detect.tables.formats import FORMATS

# What the libraries warn of is their own affair.
pytestmark = pytest.mark.filterwarnings("ignore")
SETTINGS = TableSettings(lowest_hz=150, highest_hz=11_025)


@pytest.fixture
def tables(three_recordings: list[DetectedRecording]) -> dict[str, bytes]:
    """All tables by name."""
    return {
        name: content
        for one in FORMATS.values()
        for name, content in one.files(three_recordings, SETTINGS).items()
    }


def test_pandas_reads_csv_and_parquet_alike(tables: dict[str, bytes]) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(io.BytesIO(tables["events.csv"]))
    same = pandas.read_parquet(io.BytesIO(tables["events.parquet"]))
    assert list(table.columns) == list(same.columns)
    assert table["end_s"].tolist() == same["end_s"].tolist() == [7.5, 60.0, 3.0]
    assert table["common_name"].tolist() == same["common_name"].tolist()
    assert table["common_name"][1] == "Clark's Nutcracker"


def test_crowsetta_reads_raven_and_audacity(tables: dict[str, bytes], tmp_path: Path) -> None:
    crowsetta = pytest.importorskip("crowsetta")
    path = tmp_path / "a.txt"
    path.write_bytes(tables["raven.selections.txt"])
    raven = crowsetta.formats.bbox.Raven.from_file(path, annot_col="Common Name")
    assert [box.label for box in raven.to_bbox()] == [
        "Eurasian Blackbird",
        "Clark's Nutcracker",
        "Eurasian Blackbird",
    ]
    assert [box.onset for box in raven.to_bbox()] == [1.5, 57.0, 150.0]
    path.write_bytes(tables["audacity/day 1/20260501_235930.wav.txt"])
    labels = crowsetta.formats.seq.AudSeq.from_file(path)
    assert labels.end_times.tolist() == [7.5, 60.0]


def test_r_reads_the_tables(tables: dict[str, bytes], tmp_path: Path) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not installed")
    (tmp_path / "events.csv").write_bytes(tables["events.csv"])
    (tmp_path / "raven.txt").write_bytes(tables["raven.selections.txt"])
    script = (
        "a <- read.csv('events.csv'); b <- read.delim('raven.txt', check.names = FALSE);"
        "cat(a$end_s, b[['Begin Time (s)']], b[['Common Name']], sep = '|')"
    )
    read = subprocess.run([rscript, "-e", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert read.stdout == ("7.5|60|3|1.5|57|150|Eurasian Blackbird|Clark's Nutcracker|Eurasian Blackbird")
