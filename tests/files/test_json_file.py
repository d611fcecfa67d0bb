import contextlib
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import MAX_DEPTH, parse_json, read_json_object

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES, st.booleans())
def test_what_json_holds_comes_back(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1)
    assert parse_json(text, where="x.json") == value
    assert parse_json(text.encode("utf-16"), where="x.json") == value


@given(st.text(alphabet='{}[]",:\\u0d8NaInfity1e9.- \n'))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        parse_json(text, where="x.json")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('{"a": 1,\n "b": {"a": 2},\n "a": 3}', 3, 'the key "a" appears twice'),
        ('{"a":\n' + "1" * 5_000 + "}", 2, "number too large"),
        ('{"a":\n' + "1" * 40 + "}", 2, "number too large"),
        ("[1,\n-1e999]", 2, "-1e999, a number too large"),
        ("[1,\nNaN]", 2, "NaN, which is not a number"),
        ("[1,\n-Infinity]", 2, "-Infinity, which is not a number"),
        ('["a",\n"\\ud800"]', 2, "half a character"),
        ('["a",\n"\\u0000"]', 2, "NUL"),
        ('{"a": 1,\n}', 2, "a comma stands before the closing brace"),
        ("[1\n2]", 2, "a comma or a closing bracket is missing"),
        ('{"a"\n1}', 2, "a colon is missing"),
        ("{}\nmore", 2, "text follows after its end"),
    ],
)
def test_faults_are_said_with_their_line(text: str, line: int, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        parse_json(text, where="x.json")
    assert refused.value.where == f"x.json:{line}"
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("text", ["[" * 5_000_000, '{"a":' * 1_000_000, "[" * 200 + "]" * 200])
def test_deep_json_is_refused_at_once(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match=f"deeper than {MAX_DEPTH}"):
        parse_json(text, where="x.json")
    assert time.monotonic() - started < 10


def test_a_depth_within_the_bound_is_read() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH, where="x.json")


def test_empty_files_and_other_values_are_said(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content, said in (
        ("", "is empty"),
        ("[]", "holds a list"),
        ("1", "holds a number"),
        ("null", "null"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=said):
            read_json_object(path)
