"""What the header and the name of a recording say together, and where they cannot be true."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from birdnet_stm32.audio.recorders.read_details import read_details
from birdnet_stm32.audio.recorders.recorder_details import Certainty, ClockSource, RecorderDetails

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SERIAL = "24F3190361CAF6BB"
COMMENT = (
    f"Recorded at 04:30:00 01/05/2026 (UTC+1) by AudioMoth {SERIAL} at medium gain while battery was 4.1V "
    "and temperature was 12.3C."
)


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def info(comment: str, artist: str = f"AudioMoth {SERIAL}") -> bytes:
    texts = chunk(b"ICMT", comment.encode().ljust(384, b"\0")) + chunk(
        b"IART", artist.encode().ljust(32, b"\0")
    )
    return chunk(b"LIST", b"INFO" + texts)


def guano(*lines: str) -> bytes:
    return chunk(b"guan", "\n".join(("GUANO|Version: 1.0", *lines)).encode())


def bext(date: str, time: str) -> bytes:
    return chunk(b"bext", bytes(320) + date.encode() + time.encode() + bytes(264))


def read(
    folder: Path, name: str, *, before: bytes = b"", after: bytes = b"", data_bytes: int | None = None
) -> RecorderDetails:
    audio = struct.pack("<4h", 1, -2, 3, -4) * 100
    body = b"WAVE" + chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 48_000, 96_000, 2, 16)) + before
    body += b"data" + struct.pack("<I", len(audio) if data_bytes is None else data_bytes) + audio + after
    path = folder / name
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return read_details(path, now=NOW)


def kinds(details: RecorderDetails) -> list[str]:
    return [note.split(":")[0] for note in details.notes]


def test_an_audiomoth_says_all_but_the_place(tmp_path: Path) -> None:
    found = read(tmp_path, f"{SERIAL}_20260501_043000.WAV", before=info(COMMENT))
    assert found.start == datetime(2026, 5, 1, 4, 30, tzinfo=timezone(timedelta(hours=1)))
    assert found.start_utc == datetime(2026, 5, 1, 3, 30, tzinfo=UTC)
    assert (found.start_source, found.certainty) == (ClockSource.COMMENT, Certainty.STATED)
    assert (found.make, found.model, found.serial) == ("Open Acoustic Devices", "AudioMoth", SERIAL)
    assert not found.has_place
    assert found.notes == ()


@pytest.mark.parametrize("data_bytes", [None, 0, 44, 0xFFFF_FFFF, 10**6])
def test_guano_behind_the_audio_is_found_whatever_the_header_says(
    tmp_path: Path, data_bytes: int | None
) -> None:
    text = guano(
        "Make: M",
        "Model: N",
        "Serial: 7",
        "Timestamp: 2026-05-01T04:30:00.25+01:00",
        "Loc Position: 51.5 -0.1",
    )
    found = read(tmp_path, "x.wav", before=info(COMMENT), after=text, data_bytes=data_bytes)
    assert found.start_utc == datetime(2026, 5, 1, 3, 30, 0, 250_000, tzinfo=UTC)
    assert (found.start_source, found.certainty) == (ClockSource.GUANO, Certainty.STATED)
    assert (found.latitude, found.longitude) == (51.5, -0.1)
    assert (found.make, found.model, found.serial) == ("M", "N", "7")
    assert found.notes == ()


def test_a_name_alone_has_no_zone(tmp_path: Path) -> None:
    found = read(tmp_path, "WALDEN_20240601_140505.wav")
    assert found.start == datetime(2024, 6, 1, 14, 5, 5)
    assert found.start_utc is None
    assert (found.start_source, found.certainty) == (ClockSource.NAME, Certainty.ZONE_UNKNOWN)


def test_a_date_somewhere_in_the_name_is_unsure(tmp_path: Path) -> None:
    assert read(tmp_path, "my 20240601_140505 copy.wav").certainty is Certainty.UNSURE


@pytest.mark.parametrize(
    "name", ["20260501_043000.wav", "20260501_033000.wav", "20260501_043002.wav", "x.wav"]
)
def test_names_in_local_time_and_in_utc_agree_with_a_stated_zone(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, name, before=info(COMMENT))
    assert found.certainty is Certainty.STATED
    assert found.notes == ()


def test_a_conflict_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, "20260502_043000.wav", before=info(COMMENT))
    assert found.start_source is ClockSource.COMMENT
    assert found.certainty is Certainty.UNSURE
    assert kinds(found) == ["clocks in conflict"]


def test_the_name_gives_its_zone_to_a_time_without_one(tmp_path: Path) -> None:
    found = read(tmp_path, "20260501T043000+0200.wav", before=bext("2026-05-01", "04:30:00"))
    assert found.start_utc == datetime(2026, 5, 1, 2, 30, tzinfo=UTC)
    assert (found.start_source, found.certainty) == (ClockSource.NAME, Certainty.STATED)
    alone = read(tmp_path, "x.wav", before=bext("2026-05-01", "04:30:00"))
    assert (alone.start_source, alone.certainty) == (ClockSource.BROADCAST, Certainty.ZONE_UNKNOWN)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("19700101_000012.WAV", "clock wrong"),
        ("20000101_013000.WAV", "clock wrong"),
        ("19800106_000000.WAV", "clock wrong"),
        ("20261202_000001.WAV", "clock wrong"),
        ("20991231_235959.WAV", "clock wrong"),
        ("garden.wav", "clock missing"),
    ],
)
def test_a_wrong_or_missing_clock_is_said_and_not_guessed(tmp_path: Path, name: str, kind: str) -> None:
    found = read(tmp_path, name)
    assert (found.start, found.start_source, found.certainty) == (None, None, None)
    assert kinds(found) == [kind]


def test_a_time_beside_an_impossible_one_is_unsure(tmp_path: Path) -> None:
    comment = COMMENT.replace("01/05/2026", "01/01/1970")
    found = read(tmp_path, "20260501_043000.WAV", before=info(comment))
    assert (found.start, found.certainty) == (datetime(2026, 5, 1, 4, 30), Certainty.UNSURE)
    assert kinds(found) == ["clock wrong"]


def test_the_hour_that_audiomoth_1_2_2_miscounts_is_corrected(tmp_path: Path) -> None:
    comment = COMMENT.replace("(UTC+1)", "(UTC+5:30)")
    found = read(tmp_path, "20260501_053000.WAV", before=info(comment))
    assert found.start_utc == datetime(2026, 5, 1, 0, 0, tzinfo=UTC)
    assert (found.start_source, found.certainty) == (ClockSource.NAME, Certainty.UNSURE)
    assert kinds(found) == ["clock corrected"]


@pytest.mark.parametrize(
    ("zone", "minutes"), [("UTC", 0), ("UTC-3", -180), ("UTC-3:30", -210), ("UTC+5:45", 345), ("UTC+10", 600)]
)
def test_zones_of_the_comment(tmp_path: Path, zone: str, minutes: int) -> None:
    found = read(tmp_path, "x.wav", before=info(COMMENT.replace("UTC+1", zone)))
    assert found.start is not None
    assert found.start.utcoffset() == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("position", "kind"), [("0 0", "place not set"), ("91 0", "place not read"), ("here", "place not read")]
)
def test_a_place_that_is_none_is_said(tmp_path: Path, position: str, kind: str) -> None:
    found = read(tmp_path, "20240601_140505.wav", after=guano(f"Loc Position: {position}"))
    assert not found.has_place
    assert kinds(found) == [kind]


def test_a_file_that_cannot_be_read_still_has_its_name(tmp_path: Path) -> None:
    found = read_details(tmp_path / "WALDEN_20240601_140505.wav", now=NOW)
    assert found.start == datetime(2024, 6, 1, 14, 5, 5)
    assert kinds(found) == ["header not read"]
    (tmp_path / "20240601_140505.wav").mkdir()
    assert kinds(read_details(tmp_path / "20240601_140505.wav", now=NOW)) == ["header not read"]


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVELIST\xff\xff\xff\xffINFO", bytes(1000)]
)
def test_a_header_without_sense_gives_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    assert read_details(path, now=NOW) == RecorderDetails(
        notes=("clock missing: neither the header nor the name says when the recording began",)
    )
