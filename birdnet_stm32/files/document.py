"""Documents: JSON files that a stage publishes, written from and read back into one frozen dataclass each.

A document's class stands beside the pure code that makes it. Writers and readers use the class, so that no
key of a document is a string anywhere else. ``scripts/document_reference.py`` writes the JSON Schema of every
document to ``docs/reference/documents/``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json, load_json
from birdnet_stm32.files.value_errors import first_problem

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Document(Protocol):
    """What the class of a document has beside its fields.

    Attributes:
        FILE: the name of the published file, for example ``verify.json``.
        VERSION: raised by one when a field is added, removed or changes its meaning.
    """

    FILE: ClassVar[str]
    VERSION: ClassVar[int]


AnyDocument = TypeVar("AnyDocument", bound=Document)


def document_text(document: Document) -> str:
    """Return a document as JSON text; equal documents give equal text."""
    return canonical_json(_adapter(type(document)).dump_python(document, mode="json"))


def read_document(kind: type[AnyDocument], folder: Path) -> AnyDocument:
    """Read the document of class ``kind`` from the folder that a stage published.

    Raises:
        InputError: the file is missing, is not JSON, or holds something that ``kind`` does not allow.
    """
    path = folder / kind.FILE
    try:
        document: AnyDocument = _adapter(kind).validate_python(load_json(path))
    except ValidationError as error:
        problem = first_problem(error, {})
        found = "missing" if problem.kind == "missing" else problem.value
        raise InputError(
            f"{problem.key} is {found}",
            where=path,
            expected=problem.expected,
            remedy="run doit again",
        ) from error
    return document


def document_schema(kind: type[Document]) -> dict[str, Any]:
    """Return the JSON Schema of a document, with its version in ``$id``."""
    schema = _adapter(kind).json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{kind.FILE}/{kind.VERSION}",
    } | schema


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
