import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.toml_file import parse_toml, read_toml

VARIANT = '[variant]\ntitle = "t"\n\n[index]\nroot = "recordings"\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_variant_is_read_in_every_encoding_with_a_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "v.toml"
    path.write_text(VARIANT, encoding=encoding)
    fields, text = read_toml(path)
    assert fields == {"variant": {"title": "t"}, "index": {"root": "recordings"}}
    assert text == VARIANT


@given(st.text(alphabet="[]{}=.,'\"#\\\n a1-_:"))
def test_any_text_is_tables_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        parse_toml(text, where="v.toml")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = 1\na = 2", 2, "sets a key that was set already"),
        ("[a]\ngarbage {{{", 2, "has no = after the key"),
        ("[a", 1, "has no \\] after the table's name"),
        ("[[a]", 1, "has no \\] after the table's name"),
        ("[a]\nb = 'c", 2, "without its closing quotation mark"),
        ('[a]\nb = """c', 2, "without its closing quotation mark"),
        ("[a]\nversion = 1.0.0", 2, "a text needs quotation marks"),
        ("[a]\nb = True", 2, "true and false are lower case"),
        ('[a]\nb = "C:\\data"', 2, "backslash"),
        ("[a]\nb = " + "1" * 5_000, 2, "number too large"),
        ("[a]\nb = 0x" + "f" * 40, 2, "a.b is a number too large"),
        ("[a]\nb = 0x" + "f" * 5_000, 2, "number too large"),
        ("[a]\nb = 1e999", 2, "a.b is inf"),
        ("[a]\nb = nan", 2, "a.b is nan"),
        ("[a]\nb = 2024-05-01", 2, "a.b is a date or time"),
        ("[a]\nb = 2024-02-31", 2, "an invalid date"),
        ('[a]\nb = "c\\u0000d"', 2, "a.b holds NUL"),
        ("[a]\nb = " + "[" * 3_000, 2, "deeper"),
        ("[a]\nb = " + "{c=" * 3_000, 2, "deeper"),
        ("[a]\n" + ".".join("b" * 200_000) + " = 1", 2, "deeper"),
        ("[" + ".".join("b" * 200_000) + "]", 1, "deeper"),
    ],
)
def test_faults_are_said_with_their_line(text: str, line: int, said: str) -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match=said) as refused:
        parse_toml(text, where="v.toml")
    assert refused.value.where == f"v.toml:{line}"
    assert len(str(refused.value)) < 400
    assert time.monotonic() - started < 5
