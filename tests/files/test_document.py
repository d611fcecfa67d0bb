"""Documents are written from one class and read back into it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import Field

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import (
    document_schema,
    document_text,
    document_values,
    parse_document,
    read_document,
    write_document,
)


class Kind(StrEnum):
    FLOAT = "float"


@dataclass(frozen=True, kw_only=True)
class Nest:
    FILE: ClassVar[str] = "nest.json"
    VERSION: ClassVar[int] = 3

    kind: Kind
    eggs: tuple[int, ...]
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Egg:
    """One egg.

    Args:
        mass_g: in grams, and
            nothing else.
        laid_with: the other eggs.
    """

    mass_g: float
    laid_with: Annotated[int, Field(alias="with")]


@dataclass(frozen=True, kw_only=True)
class Clutch:
    """All eggs.

    Args:
        eggs: by name.
    """

    FILE: ClassVar[str] = "clutch.json"
    VERSION: ClassVar[int] = 1
    CONTENT: ClassVar[str] = "eggs"

    eggs: dict[str, Egg]


NEST = Nest(kind=Kind.FLOAT, eggs=(1, 2))


def test_a_document_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write_document(NEST, tmp_path)
    assert read_document(Nest, tmp_path) == NEST
    assert document_text(NEST) == '{\n "eggs": [\n  1,\n  2\n ],\n "kind": "float",\n "note": null\n}\n'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"kind": "wood", "eggs": []}', "kind is 'wood'"),
        ('{"kind": "float"}', "eggs is missing"),
        ('{"kind": "float", "eggs": ["1"]}', r"eggs\.0 is '1'"),
        ("[]", "the file is"),
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


def test_a_table_of_names_is_the_whole_document(tmp_path: Path) -> None:
    clutch = Clutch(eggs={"first": Egg(mass_g=2.5, laid_with=1)})
    assert document_values(clutch) == {"first": {"mass_g": 2.5, "with": 1}}
    write_document(clutch, tmp_path)
    assert read_document(Clutch, tmp_path) == clutch
    assert parse_document(Clutch, b'{"first": {"mass_g": 2.5, "with": 1}}', where="x") == clutch


def test_descriptions_come_from_the_docstrings() -> None:
    schema = document_schema(Clutch)
    assert schema["description"] == "by name."
    egg = schema["$defs"]["Egg"]
    assert egg["description"] == "One egg."
    assert egg["properties"]["mass_g"]["description"] == "in grams, and nothing else."
    assert egg["properties"]["with"]["description"] == "the other eggs."
