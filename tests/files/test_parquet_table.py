from __future__ import annotations

from dataclasses import dataclass

import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.files import parquet_table


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    count: int
    level: float
    good: bool


ROWS = (
    Row(name="Käuzchen\t'", count=2**40, level=-0.1, good=True),
    Row(name="", count=-1, level=1e-30, good=False),
)


def test_rows_come_back_as_they_were(tmp_path):
    parquet_table.write(ROWS, Row, tmp_path / "a.parquet")
    assert parquet_table.read(tmp_path / "a.parquet", Row) == ROWS
    parquet_table.write((), Row, tmp_path / "b.parquet")
    assert parquet_table.read(tmp_path / "b.parquet", Row) == ()


def test_equal_rows_give_equal_bytes(tmp_path):
    for name in "ab":
        parquet_table.write(ROWS, Row, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@dataclass(frozen=True, kw_only=True)
class Other:
    name: str


def test_what_is_no_such_table_is_refused(tmp_path):
    (tmp_path / "text.parquet").write_text("no table")
    parquet_table.write((Other(name="x"),), Other, tmp_path / "other.parquet")
    for name, problem in (
        ("missing.parquet", "is not a readable table"),
        ("text.parquet", "is not a readable table"),
        ("other.parquet", "has the columns name"),
    ):
        with pytest.raises(InputError, match=problem):
            parquet_table.read(tmp_path / name, Row)
