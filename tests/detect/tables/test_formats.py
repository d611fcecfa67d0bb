"""Every format as text, and read back by the readers that people use."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pyarrow.parquet
import pytest

from birdnet_stm32.audio.annotations.read_annotations import parse_annotations
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables import ebird
from birdnet_stm32.detect.tables.event_rows import TableSettings
from birdnet_stm32.detect.tables.formats import FORMATS

SETTINGS = TableSettings(lowest_hz=150, highest_hz=11_025)
HOSTILE = '=HYPERLINK("http://x")\t\n,;\x1b[2J\u202e'


def files_of(name: str, recordings: list[DetectedRecording]) -> dict[str, bytes]:
    return FORMATS[name].files(recordings, SETTINGS)


def cells(content: bytes, delimiter: str = ",") -> list[list[str]]:
    quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    return list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter, quoting=quoting))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
def test_a_golden_table(
    name: str, three_recordings: list[DetectedRecording], assert_golden: Callable[[str, str], None]
) -> None:
    files = files_of(name, three_recordings)
    text = "".join(f"--- {file} ---\n{content.decode()}" for file, content in files.items())
    assert_golden(f"detect/{name}.txt", text)


@pytest.mark.parametrize("name", FORMATS)
def test_equal_events_give_equal_bytes(name: str, three_recordings: list[DetectedRecording]) -> None:
    assert files_of(name, three_recordings) == files_of(name, three_recordings)


@pytest.mark.parametrize("name", FORMATS)
def test_without_events_there_is_a_header_at_most(name: str, recording: Callable[..., Any]) -> None:
    for file, content in files_of(name, [recording("quiet.wav")]).items():
        if file.endswith(".parquet"):
            assert pyarrow.parquet.read_table(io.BytesIO(content)).num_rows == 0
        else:
            assert content.count(b"\n") <= 1


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
def test_hostile_names_stay_in_their_cells(
    name: str, recording: Callable[..., Any], event: Callable[..., Any]
) -> None:
    plain = files_of(name, [recording("a/b.wav", event("owl"))])
    hostile = files_of(name, [recording(f"a/{HOSTILE}.wav", event(HOSTILE))])
    for before, after in zip(plain.values(), hostile.values(), strict=True):
        separator = "\t" if b"\t" in before else ","
        assert [len(row) for row in cells(after, separator)] == [len(row) for row in cells(before, separator)]
        assert not any(cell.startswith(("=", "+", "@")) for row in cells(after, separator) for cell in row)
        assert b"\x1b" not in after


@pytest.mark.parametrize("file", ["events.csv", "events.parquet", "birdnet_analyzer.csv"])
def test_our_own_reader_reads_the_tables_back(three_recordings: list[DetectedRecording], file: str) -> None:
    name = {"events.csv": "csv", "events.parquet": "parquet"}.get(file, "analyzer")
    table = parse_annotations(files_of(name, three_recordings)[file], where=file)
    assert [(one.start_s, one.end_s) for one in table.annotations] == [
        (1.5, 7.5),
        (57.0, 60.0),
        (0.0, 3.0),
    ]
    assert "Turdus merula" in table.annotations[0].names
    assert table.annotations[0].file == "day 1/20260501_235930.wav"


def test_raven_tables_agree_however_they_are_opened(three_recordings: list[DetectedRecording]) -> None:
    files = files_of("raven", three_recordings)
    header, *rows = cells(files["raven.selections.txt"], "\t")
    assert header[:7] == (
        "Selection,View,Channel,Begin Time (s),End Time (s),Low Freq (Hz),High Freq (Hz)".split(",")
    )
    at = {name: number for number, name in enumerate(header)}
    assert [row[at["Selection"]] for row in rows] == ["1", "2", "3"]
    begin, offset = ([float(row[at[name]]) for row in rows] for name in ("Begin Time (s)", "File Offset (s)"))
    assert [round(b - o, 3) for b, o in zip(begin, offset, strict=True)] == [0.0, 0.0, 150.0]
    assert rows[2][at["Begin Path"]] == "/data/birds/day 2/20260503_043000.wav"
    (alone,) = cells(files["raven/day 2/20260503_043000.wav.Table.1.selections.txt"], "\t")[1:]
    assert alone[at["Begin Time (s)"]] == alone[at["File Offset (s)"]] == "0.000"
    table = parse_annotations(files["raven.selections.txt"], where="raven")
    assert [one.start_s for one in table.annotations] == [1.5, 57.0, 0.0]


def test_raven_reads_a_table_of_a_quiet_recording(three_recordings: list[DetectedRecording]) -> None:
    quiet = files_of("raven", three_recordings)["raven/day 2/quiet.flac.Table.1.selections.txt"]
    assert parse_annotations(quiet, where="quiet").annotations == ()


def test_audacity_labels_are_read_back_as_classes(three_recordings: list[DetectedRecording]) -> None:
    files = files_of("audacity", three_recordings)
    table = parse_annotations(files["audacity/day 1/20260501_235930.wav.txt"], where="labels")
    assert [one.names for one in table.annotations] == [
        ("Turdus merula_Eurasian Blackbird",),
        ("Nucifraga columbiana_Clark's Nutcracker",),
    ]


def test_parquet_has_numbers_exact_scores_and_nulls(three_recordings: list[DetectedRecording]) -> None:
    content = files_of("parquet", three_recordings)["events.parquet"]
    rows = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
    assert rows[0]["score"] == 0.91796875
    assert (rows[0]["latitude"], rows[2]["latitude"], rows[2]["code"]) == (48.25, None, None)
    assert (rows[0]["start_s"], rows[0]["end_s"]) == (1.5, 7.5)


def test_the_draft_for_ebird_has_19_columns_and_says_that_it_is_one(
    three_recordings: list[DetectedRecording], recording: Callable[..., Any], event: Callable[..., Any]
) -> None:
    undated = recording("c.wav", event())
    rows = cells(files_of("ebird", [*three_recordings, undated])["ebird_draft.csv"])
    assert {len(row) for row in rows} == {len(ebird.COLUMNS)} == {19}
    assert [row[8] for row in rows] == ["05/01/2026", "05/02/2026", "05/03/2026"]
    assert all(row[3] == "X" and row[15] == "N" and "DRAFT" in row[18] for row in rows)
    assert ebird.left_out_of_ebird([*three_recordings, undated]) == 1


def test_kaleidoscope_finds_the_recording(three_recordings: list[DetectedRecording]) -> None:
    header, first, *_ = cells(files_of("kaleidoscope", three_recordings)["kaleidoscope.csv"])
    found = dict(zip(header, first, strict=True))
    assert (found["INDIR"], found["FOLDER"], found["IN FILE"]) == (
        "/data/birds",
        "day 1",
        "20260501_235930.wav",
    )
    assert (found["OFFSET"], found["DURATION"]) == ("1.500", "6.000")
