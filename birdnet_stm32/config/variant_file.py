"""Read a variant file. An error names the line, what is allowed, and the nearest known name."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from birdnet_stm32.config.idle_keys import find_idle_keys
from birdnet_stm32.config.text_types import SPELLINGS
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import real_path, why_unreadable
from birdnet_stm32.files.toml_file import line_of, read_toml
from birdnet_stm32.files.value_errors import ValueProblem, first_problem
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import printable

SUFFIX = ".toml"
DEFAULT_ROOT = "../data/train"
"""``[index] root`` of a variant that names no recordings, where this folder exists."""
MAX_NAME_LENGTH = 100
_HIDDEN = re.compile(r"\.(?!\.)")  # no companion begins with two points
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?")


def variant_files(folder: Path) -> tuple[Path, ...]:
    """Return the variant files of a folder, sorted by name.

    Hidden files (``._mine.toml`` of macOS, ``.#mine.toml`` of Emacs) and folders are not variants.

    Args:
        folder: folder of the variant files.

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
        return tuple(sorted(path for path in found if not _HIDDEN.match(path.name) and not path.is_dir()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError("there is no such folder", where=folder, expected="variants, NAME.toml") from error
    except (OSError, ValueError) as error:
        what = why_unreadable(error) if isinstance(error, OSError) else "cannot be the name of a folder"
        raise InputError(what, where=folder) from error


def misspelt_suffixes(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder whose names end in ``.TOML`` or the like. They are not variants.

    Args:
        folder: a folder that can be read.
    """
    found = (path for path in folder.iterdir() if path.suffix.lower() == SUFFIX != path.suffix)
    return tuple(sorted(path for path in found if not _HIDDEN.match(path.name) and not path.is_dir()))


def variant_path(name: str, folder: Path) -> Path:
    """Return the file of the variant ``name``.

    Args:
        name: name of the variant.
        folder: folder of the variant files.

    Raises:
        InputError: no variant can have that name, or there is no such file in ``folder``.
    """
    check_variant_name(name)
    path = folder / f"{name}{SUFFIX}"
    if path not in variant_files(folder):
        known = [other.stem for other in variant_files(folder)]
        raise InputError(
            f"there is no variant {name!r}",
            where=folder,
            expected=f"one of {', '.join(known)}" if known else "at least one NAME.toml",
            remedy=did_you_mean(name, known) or (),
        )
    return path


def check_variant_name(name: str) -> None:
    """Refuse a name that a variant cannot have. It also names tasks, folders of the build and bundles.

    Raises:
        InputError: it holds another character than letters, digits, ``_`` and, inside, ``-`` and ``.``.
    """
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise InputError(
            f"{printable(name, longest=60)!r} cannot be the name of a variant",
            expected=f"at most {MAX_NAME_LENGTH} letters a to z, digits and _, with - and . inside",
            remedy=f"rename the file, for example to {_suggested(name)}{SUFFIX}",
        )


def _suggested(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".-")[:MAX_NAME_LENGTH].strip(".-")
    return plain if _NAME.fullmatch(plain) else "mine"


def load_variant(path: Path) -> Variant:
    """Read one variant file.

    A variant with neither ``[index] root`` nor ``[fetch]`` takes the recordings in ``DEFAULT_ROOT``.

    Args:
        path: the variant file.

    Raises:
        InputError: names the line, what was found, what is allowed and the nearest known key.
    """
    fields, text = read_toml(path)
    recordings = real_path(real_path(path).parent / DEFAULT_ROOT)
    if _names_no_recordings(fields) and recordings.is_dir():
        fields["index"] = {**fields.get("index", {}), "root": DEFAULT_ROOT}
    try:
        # Through JSON, strict mode takes strings for literals but never "3" for 3.
        variant = Variant.model_validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        raise _explain(first_problem(error, SPELLINGS), path, text) from error
    if variant.fetch is None and variant.index.root is None:
        raise InputError(
            f"names no recordings: there is neither [index] root nor [fetch], and no folder {recordings}",
            where=f"{path}:{line_of(text, ('index',))}",
            expected="one folder for each class, which holds wav, flac, ogg or mp3 files",
            remedy=(
                f"put recordings into {recordings}/<class>/",
                "or name their folder, relative to this file, with the key root in [index]",
            ),
        )
    _refuse_idle_keys(variant, path, text)
    return variant


def _names_no_recordings(fields: dict[str, Any]) -> bool:
    index = fields.get("index", {})
    return "fetch" not in fields and isinstance(index, dict) and "root" not in index


def _refuse_idle_keys(variant: Variant, path: Path, text: str) -> None:
    idle = find_idle_keys(variant)
    if idle:
        first = idle[0]
        location = (first.table, first.key, 0)  # the first entry, where the key is an array of tables
        more = "".join(f", [{one.table}] {one.key}" for one in idle[1:])
        raise InputError(
            f"[{first.table}] {first.key} changes nothing: {first.why}",
            where=f"{path}:{line_of(text, location)}",
            remedy="remove this key" if not more else f"remove these keys: [{first.table}] {first.key}{more}",
        )


def _explain(problem: ValueProblem, path: Path, text: str) -> InputError:
    location, key = problem.location, problem.key or "the file"
    expected, remedy = problem.expected, ""
    if problem.kind == "extra_forbidden":
        known = _known_keys(location[:-1])
        what = f"{key} is not a known key"
        expected = "one of " + ", ".join(known)
        remedy = did_you_mean(str(location[-1]), known)
    elif problem.kind == "missing":
        what = f"{key} is missing"
    elif problem.what is not None and problem.value == "a table":  # of several keys together
        what = f"[{location[0]}]: {problem.what}" if location else problem.what
    elif problem.what is not None:
        what = f"{key} is {problem.value}, which {problem.what}"
    else:
        what = f"{key} is {problem.value}"
        if problem.kind == "literal_error":
            remedy = did_you_mean(problem.value, re.findall(r"'[^']*'", expected or ""))
    if problem.others:
        what += f" (and {problem.others} more)"
    return InputError(what, where=f"{path}:{line_of(text, location)}", expected=expected, remedy=remedy or ())


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """Return the keys of the table at ``location``."""
    table: Any = Variant.model_json_schema()
    definitions = table["$defs"]
    for part in location:
        table = table["items"] if isinstance(part, int) else table["properties"][part]
        for alternative in table.get("anyOf", []):
            table = alternative if "$ref" in alternative or "items" in alternative else table
        if "$ref" in table:
            table = definitions[table["$ref"].rsplit("/", 1)[1]]
    return list(table["properties"])
