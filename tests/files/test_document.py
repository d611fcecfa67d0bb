"""Documents are written from one class and read back into it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_schema, document_text, read_document


class Kind(StrEnum):
    FLOAT = "float"


@dataclass(frozen=True, kw_only=True)
class Nest:
    FILE: ClassVar[str] = "nest.json"
    VERSION: ClassVar[int] = 3

    kind: Kind
    eggs: tuple[int, ...]
    note: str | None = None


NEST = Nest(kind=Kind.FLOAT, eggs=(1, 2))


def test_a_document_reads_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "nest.json").write_text(document_text(NEST), encoding="utf-8")
    assert read_document(Nest, tmp_path) == NEST
    assert document_text(NEST) == '{\n "eggs": [\n  1,\n  2\n ],\n "kind": "float",\n "note": null\n}\n'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"kind": "wood", "eggs": []}', "kind is 'wood'"),
        ('{"kind": "float"}', "eggs is missing"),
        ('{"kind": "float", "eggs": ["x"]}', r"eggs\.0 is 'x'"),
        ("[", "nest.json"),
    ],
)
def test_a_damaged_document_is_refused_with_its_place(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "nest.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=found):
        read_document(Nest, tmp_path)


def test_the_schema_carries_the_version() -> None:
    schema = document_schema(Nest)
    assert schema["$id"] == "nest.json/3"
    assert set(schema["properties"]) == {"kind", "eggs", "note"}
