"""GUANO texts, as recorders write them and as damage leaves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.recorders.guano import MOST_BYTES, parse_guano

TEXT = """GUANO|Version:1.0
Make: Open Acoustic Devices
Model:AudioMoth
OAD|Battery Voltage: 4.1
Timestamp: 2026-05-01T04:30:00+01:00
Note: a: b|c
"""


def test_fields_have_their_namespace_and_no_blanks() -> None:
    found = parse_guano(TEXT.encode() + b"   \0")
    assert found.notes == ()
    assert found.fields["GUANO|Version"] == "1.0"
    assert found.fields["OAD|Battery Voltage"] == "4.1"
    assert found.fields["Note"] == "a: b|c"
    assert found.timestamp == datetime(2026, 5, 1, 4, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01T04:30:00Z", datetime(2026, 5, 1, 4, 30, tzinfo=UTC)),
        ("2026-05-01 04:30:00", datetime(2026, 5, 1, 4, 30)),
        ("2026-05-01T04:30:00.5", datetime(2026, 5, 1, 4, 30, 0, 500_000)),
        ("2026-05-01T04:30:00.123456+0530", datetime(2026, 4, 30, 23, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-13-01T04:30:00Z", None),
        ("2026-05-01", None),
        ("2026-05-01T04:30:00+15:00", None),
        ("٢٠٢٦-05-01T04:30:00Z", None),
    ],
)
def test_times(text: str, expected: datetime | None) -> None:
    assert parse_guano(f"GUANO|Version: 1.0\nTimestamp: {text}\n".encode()).timestamp == expected


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b" " * 100, "GUANO empty"),
        (b"", "GUANO empty"),
        (b"GUANO|Version: 1.0\nMake: \xff", "GUANO not read"),
        (b"x" * (MOST_BYTES + 1), "GUANO not read"),
        (b"GUANO|Version: 1.0\nno colon here", "GUANO line not read"),
        (b"GUANO|Version: 1.0\nMake: a\nMake: b", "GUANO field twice"),
        (b"Make: a", "GUANO version missing"),
        (b"GUANO|Version: 1.0\nTimestamp: yesterday", "GUANO time not read"),
        (b"GUANO|Version: 1.0\n" + b"\n" * 2_000 + b"Make: a", "GUANO not read to its end"),
    ],
)
def test_what_contradicts_the_specification_is_said(content: bytes, note: str) -> None:
    found = parse_guano(content)
    assert [one.split(":")[0] for one in found.notes] == [note]
    assert found.fields.get("Make") in (None, "a")


def test_notes_are_few() -> None:
    found = parse_guano(b"GUANO|Version: 1.0\n" + b"\x1b[2J\n" * 500)
    assert len(found.notes) == 6
    assert "495 more" in found.notes[-1]
    assert "\x1b" not in "".join(found.notes)


@given(
    st.binary(max_size=300)
    | st.text(max_size=100).map(lambda text: f"GUANO|Version:1\n{text}".encode("utf-8", "replace"))
)
def test_any_bytes_give_an_answer(content: bytes) -> None:
    found = parse_guano(content)
    assert all("\n" not in note for note in found.notes)
