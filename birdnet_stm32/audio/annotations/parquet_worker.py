"""Read one Parquet table in a separate process, with limits on memory, time, rows and columns.

Arrow is C++ code, and a damaged file may crash it. So the module ``parquet_rows`` runs this file as a
program, and survives that. This file imports nothing of the package.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

MEMORY_BYTES = 4 << 30  # address space: the libraries map some of it without using it
CPU_S = 60


class RefusedError(Exception):
    """The table is not read; carries the reason in plain words."""


def main(source: Path, target: Path, max_rows: int, max_columns: int, max_bytes: int) -> None:
    """Write a table to ``target``, one line of JSON for its columns and one for each row.

    The first line is ``{"refused": "why"}`` or ``{"header": [names], "other": {name: type}}``. The others are
    lists with a text, or a list of texts, for each column. It is empty where there is no value, and in
    columns of other types than text, numbers and lists of them, which ``other`` names.
    """
    _limit()
    with target.open("w", encoding="utf-8") as out:
        try:
            for line in _lines(source, max_rows, max_columns, max_bytes):
                out.write(json.dumps(line) + "\n")
        except RefusedError as refused:
            out.seek(0)
            out.truncate()
            out.write(json.dumps({"refused": str(refused)}) + "\n")


def _limit() -> None:
    import resource

    for what, amount in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (amount if hard < 0 else min(amount, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _lines(source: Path, max_rows: int, max_columns: int, max_bytes: int) -> list[Any]:
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(source)
        schema = file.schema_arrow
        rows = file.metadata.num_rows
    except Exception:  # the library raises errors of many kinds
        raise RefusedError("is not a Parquet table, or its end is damaged") from None
    if rows > max_rows or len(schema.names) > max_columns:
        raise RefusedError(
            f"has {rows:,} rows and {len(schema.names):,} columns, more than {max_rows:,} and {max_columns:,}"
        )
    try:
        other = {field.name: str(field.type) for field in schema if not _is_read(field.type)}
        read = [name for name in schema.names if name not in other]
        size = _size(file.metadata, set(read))
        if size > max_bytes:
            raise RefusedError(f"has {size:,} bytes of text and numbers, more than {max_bytes:,}")
        table = file.read(columns=read, use_threads=False)
        classes = _classes(schema.metadata or {})
        columns = {name: table.column(name).to_pylist() for name in read}
    except RefusedError:
        raise
    except Exception:
        raise RefusedError("is damaged") from None
    header = list(schema.names)
    cells = [
        [_texts(columns[name][row], classes.get(name, [])) if name in columns else "" for name in header]
        for row in range(table.num_rows)
    ]
    return [{"header": header, "other": other}, *cells]


def _is_read(kind: Any) -> bool:
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        kind = kind.value_type
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
    )


def _size(metadata: Any, names: set[str]) -> int:
    total = 0
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            column = metadata.row_group(group).column(at)
            if column.path_in_schema.split(".")[0] in names:
                total += max(0, column.total_uncompressed_size)
    return total


def _classes(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Return the names that numbers stand for, by column, as Hugging Face's datasets store them."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        found = {
            name: feature.get("names") or feature.get("feature", {}).get("names")
            for name, feature in features.items()
            if isinstance(feature, dict)
        }
    except Exception:  # there are none, or not in the form that we know
        return {}
    return {name: [str(one) for one in names] for name, names in found.items() if isinstance(names, list)}


def _texts(value: Any, classes: list[str]) -> str | list[str]:
    if isinstance(value, list):
        return [_text(one, classes) for one in value if one is not None]
    return _text(value, classes)


def _text(value: Any, classes: list[str]) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(classes):
        return classes[value]
    return str(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6]))
