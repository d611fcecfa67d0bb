"""Documents: JSON files that a stage publishes, written from and read back into one frozen dataclass each.

The class of a document stands beside the pure code that computes its values. Writers and readers use the
class, so that no key of a document is a string anywhere else. ``scripts/document_reference.py`` writes the
JSON Schema of every document to ``docs/reference/documents/``.
"""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import MAX_JSON_BYTES, canonical_json, load_json, parse_json
from birdnet_stm32.files.value_errors import first_problem

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ARGUMENT = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.MULTILINE)


class Document(Protocol):
    """What the class of a document has beside its fields.

    A document whose JSON is a list or a table of names, not an object with fixed keys, has one field that
    holds it. Its class variable ``CONTENT`` names this field.

    Attributes:
        FILE: the name of the published file, for example ``verify.json``.
        VERSION: raised by one when a field is added, removed or changes its meaning.
    """

    FILE: ClassVar[str]
    VERSION: ClassVar[int]


AnyDocument = TypeVar("AnyDocument", bound=Document)


def document_values(document: Any) -> Any:
    """Return what the JSON of a document holds: lists, numbers, texts, and tables in the order of the fields.

    The same holds for a frozen dataclass that is a part of a document.
    """
    kind: Any = type(document)
    values = _adapter(kind).dump_python(document, mode="json", by_alias=True)
    content = _content_of(kind)
    return values if content is None else values[content]


def document_text(document: Document) -> str:
    """Return a document as JSON text; equal documents give equal text."""
    return canonical_json(document_values(document))


def write_document(document: Document, folder: Path) -> None:
    """Write a document into ``folder``, under the name that its class has."""
    (folder / document.FILE).write_text(document_text(document), encoding="utf-8")


def read_document(kind: type[AnyDocument], folder: Path) -> AnyDocument:
    """Read the document of class ``kind`` from the folder that a stage published.

    Keys that the class does not have are ignored.

    Raises:
        InputError: the file is missing, is not JSON, or holds something that ``kind`` does not allow.
    """
    path = folder / kind.FILE
    return _validated(kind, load_json(path), path)


def parse_document(kind: type[AnyDocument], content: bytes | str, *, where: str | Path) -> AnyDocument:
    """Return the document of class ``kind`` that ``content`` holds as JSON.

    Raises:
        InputError: as :func:`read_document`.
    """
    return _validated(kind, parse_json(content, where=where, max_bytes=MAX_JSON_BYTES), where)


def _validated(kind: type[AnyDocument], values: Any, where: str | Path) -> AnyDocument:
    content = _content_of(kind)
    try:
        # Through JSON, because strict validation takes the fields of a dataclass only from there.
        document: AnyDocument = _adapter(kind).validate_json(
            json.dumps(values if content is None else {content: values}), strict=True, by_alias=True
        )
    except ValidationError as error:
        problem = first_problem(error, {})
        found = "missing" if problem.kind == "missing" else problem.value
        raise InputError(
            f"{problem.key or 'the file'} is {found}",
            where=where,
            expected=problem.expected,
            remedy="run doit again",
        ) from error
    return document


def document_schema(kind: type[Document]) -> dict[str, Any]:
    """Return the JSON Schema of a document, described by the docstrings, with the version in ``$id``."""
    schema = _adapter(kind).json_schema(mode="serialization", by_alias=True, schema_generator=_Described)
    content = _content_of(kind)
    if content is not None:
        inner = schema["properties"][content]
        schema = {"description": schema["description"], **inner} | (
            {"$defs": schema["$defs"]} if "$defs" in schema else {}
        )
    return {"$schema": _DIALECT, "$id": f"{kind.FILE}/{kind.VERSION}", "title": kind.__name__} | schema


def docstring_of(kind: type[Any]) -> tuple[str, dict[str, str]]:
    """Return what the docstring of a dataclass says of it, and of each field under ``Args:``."""
    text = inspect.cleandoc(kind.__doc__ or "")
    summary, _, arguments = text.partition("\n\nArgs:\n")
    described = {
        name: " ".join(what.split()) for name, what in _ARGUMENT.findall(inspect.cleandoc(arguments))
    }
    return " ".join(summary.split()), described


class _Described(GenerateJsonSchema):
    """Take descriptions from docstrings, and leave out titles that repeat a key."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        made = super().dataclass_schema(schema)
        summary, fields = docstring_of(schema["cls"])
        for base in schema["cls"].__mro__[1:-1]:
            fields = docstring_of(base)[1] | fields
        made["description"] = summary
        names = {field.get("serialization_alias", field["name"]): field["name"] for field in _fields(schema)}
        for key, value in made.get("properties", {}).items():
            value.pop("title", None)
            name = names.get(key, key)
            if name in fields:
                value["description"] = fields[name]
        return made


def _fields(schema: core_schema.DataclassSchema) -> list[core_schema.DataclassField]:
    inner: Any = schema["schema"]
    while "fields" not in inner:
        inner = inner["schema"]
    fields: list[core_schema.DataclassField] = inner["fields"]
    return fields


def _content_of(kind: type[Any]) -> str | None:
    content: str | None = getattr(kind, "CONTENT", None)
    return content


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
