#!/usr/bin/env python3
"""Write docs/reference/variant.md and variant.schema.json from the classes that read variant files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from birdnet_stm32.config.variant import json_schema

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


def markdown(schema: dict[str, Any]) -> str:
    """Return a page with a table of keys for each table of a variant file."""
    lines = [
        "# Variant files",
        "",
        "Each release has one file, `variants/<name>.toml`, with one table for each stage.",
        "Paths are relative to the folder of the file. A key that is left out has its default.",
        "An unknown key or a value out of range is refused.",
        "Editors can complete and check the file with `docs/reference/variant.schema.json`",
        "(`#:schema` in Taplo and Even Better TOML).",
        "",
    ]
    for name, reference in schema["properties"].items():
        reference = next(iter(reference.get("anyOf", [reference])))
        lines += _table(f"[{name}]", schema["$defs"], reference["$ref"].rsplit("/", 1)[1])
    lines += _table("[[fetch.packages]]", schema["$defs"], "Package")
    lines += _table("files in [[fetch.packages]]", schema["$defs"], "PackageFile")
    return "\n".join(lines)


def _table(title: str, definitions: dict[str, Any], name: str) -> list[str]:
    definition = definitions[name]
    lines = [
        f"## {title}",
        "",
        definition["description"].replace("``", "`"),
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
    ]
    for key, field in definition["properties"].items():
        default = (
            "required" if key in definition.get("required", []) else f"`{json.dumps(field.get('default'))}`"
        )
        meaning = " ".join(field["description"].split()).replace("``", "`").replace("|", "\\|")
        lines.append(f"| `{key}` | {_type(field)} | {default.replace('|', chr(92) + '|')} | {meaning} |")
    return [*lines, ""]


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        field = field["anyOf"][0]
    if "oneOf" in field:
        return " or ".join(map(_type, field["oneOf"]))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        count = f"{field['minItems']}, each: " if field.get("minItems") == field.get("maxItems", 0) else ""
        return f"list of {count}{_type(field.get('items') or field.get('prefixItems', [{}])[0])}"
    kind = str(field.get("type", "table")).replace("object", "table")
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    bounds = " to ".join(f"{bound:g}" for bound in (low, high) if bound is not None)
    return (
        f"{kind}, {bounds}" if bounds and high is not None else f"{kind}, from {bounds}" if bounds else kind
    )


def main() -> None:
    """Write both files."""
    schema = json_schema()
    (REFERENCE / "variant.schema.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
    (REFERENCE / "variant.md").write_text(markdown(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
