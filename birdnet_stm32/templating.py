r"""Jinja for C, CMake and linker scripts: undefined names stop it, C text comes only from filters.

Filters:
    c_string: any text as a C string literal, ASCII only.

        >>> c_string('a "quoted" \\ name*/')
        '"a \\"quoted\\" \\\\ name*/"'
        >>> c_string("Höckerschwan")
        '"H\\303\\266ckerschwan"'

    c_comment: text that cannot end or open a comment.
    c_float: a float32 literal that reads back to the same bits.

        >>> c_float(0.1)
        '0.1f'

    c_identifier: lower-case identifier, refused when nothing of the text is left.
    c_array: numbers as wrapped initialiser rows.
    toml: a text or a list of texts as a TOML value; a text of several lines stays readable.

        >>> toml('a "quoted" name')
        '"a \\"quoted\\" name"'
        >>> toml(("-mthumb", "-O3"))
        '["-mthumb", "-O3"]'
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.paths import firmware_templates

MAX_STRING_BYTES = 1_000
_PLAIN = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$&'()*+,-./:;<=>@[]^_`{|}~%"
)
_C_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int "
    "long register restrict return short signed sizeof static struct switch typedef union unsigned void "
    "volatile while main".split()
)


def c_string(text: str) -> str:
    """Return ``text`` as a C string literal: UTF-8, everything unusual as a three-digit octal escape.

    Octal escapes end after three digits, so no following digit can join them. Trigraphs are broken by
    escaping the question mark.

    Raises:
        InputError: the text holds a NUL or is over ``MAX_STRING_BYTES`` long.
    """
    raw = text.encode("utf-8", errors="surrogatepass")
    if len(raw) > MAX_STRING_BYTES or "\0" in text:
        raise InputError(
            f"the name {text[:40]!r}... is {len(raw)} bytes long or holds a NUL",
            expected=f"at most {MAX_STRING_BYTES} bytes of text",
            remedy="rename it",
        )
    return (
        '"'
        + "".join(chr(byte) if chr(byte) in _PLAIN else f"\\{byte:03o}" for byte in raw)
        .replace("\\042", '\\"')
        .replace("\\134", "\\\\")
        + '"'
    )


def c_comment(text: str) -> str:
    """Return ``text`` fit for one line inside a C comment: printable ASCII, no comment marks."""
    flat = "".join(char if " " <= char <= "~" else "?" for char in text)
    return flat.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")


def c_float(value: float) -> str:
    """Return the shortest decimal literal that reads back to the bits of ``float32(value)``.

    Raises:
        InputError: the value is not finite.
    """
    single = np.float32(value)
    if not np.isfinite(single):
        raise InputError(f"{value!r} cannot be written as a C constant", expected="a finite float32")
    text = str(single)
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def c_identifier(text: str) -> str:
    """Return ``text`` as a lower-case C identifier.

    Raises:
        InputError: nothing of it can stand in an identifier.
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if not name:
        raise InputError(f"{text!r} leaves no C identifier", expected="at least one letter or digit")
    return f"n_{name}" if name[0].isdigit() or name in _C_KEYWORDS else name


def c_array(values: Iterable[int | float], width: int = 92) -> str:
    """Return numbers as the rows of an initialiser, indented by four, each at most ``width`` wide."""
    rows, row = [], "   "
    for value in values:
        literal = c_float(value) if isinstance(value, float | np.floating) else str(int(value))
        if len(row) + len(literal) + 2 > width:
            rows.append(row)
            row = "   "
        row += f" {literal},"
    return "\n".join([*rows, row])


def toml(value: str | Sequence[str]) -> str:
    """Return a text or a list of texts as a TOML value."""
    if not isinstance(value, str):
        return "[" + ", ".join(map(toml, value)) + "]"
    if "\n" not in value:
        return json.dumps(value, ensure_ascii=False)
    lines = value.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{lines}"""'


@cache
def _environment(root: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - C, not HTML: every text passes a c_ filter
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        c_string=c_string, c_comment=c_comment, c_float=c_float, c_identifier=c_identifier, c_array=c_array
    )
    environment.filters["toml"] = toml
    return environment


def render_template(template: str, context: Mapping[str, Any]) -> str:
    """Render ``firmware_templates/<template>`` with ``context``.

    Raises:
        jinja2.UndefinedError: the template uses a name that the context lacks: a bug of ours.
    """
    return _environment(firmware_templates()).get_template(template).render(**context)
