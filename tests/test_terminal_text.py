from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, printable


@given(st.text())
def test_nothing_is_left_that_a_terminal_obeys(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert not set(shown) & set("\u202e\u2066\u2028\u200b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Amsel (Turdus merula), \u30ab\u30e9\u30b9, \u0646\u200c\u0627", None),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("a\nb\tc\x7f\x9b", r"a\nb\tc\x7f\x9b"),
        ("name\udcf6", r"name\xf6"),
        ("\ud800", r"\ud800"),
        ("abc\u202ecba", r"abc\u202ecba"),
    ],
)
def test_only_what_is_dangerous_is_escaped(text: str, shown: str | None) -> None:
    assert printable(text) == (text if shown is None else shown)


def test_long_texts_lose_their_middle_and_say_so() -> None:
    assert printable("a" * 600 + "b" * 600, longest=10) == "aaaaa... (1,190 characters left out) ...bbbbb"


def test_errors_show_names_escaped_and_the_cause_in_sight() -> None:
    error = InputError(
        "a\x1b]0;title\x07 is no bird", where=Path("x\x1b[31m" + "y" * 9_000), remedy="\x9bfoo"
    )
    shown = str(error)
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert shown.index("is no bird") < 700


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "file", "1 file"),
        (0, "file", "0 files"),
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
        (1_234, "entry", "1,234 entries"),
        (2, "key", "2 keys"),
        (3, "epoch", "3 epochs"),
        (2, "batch", "2 batches"),
    ],
)
def test_a_noun_is_counted_in_its_form(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said
