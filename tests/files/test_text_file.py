import codecs
import contextlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.files.text_file import decode_text, read_lines, read_text

TEXTS = st.text(st.characters(exclude_characters="\0\r\ufeff", exclude_categories=["Cs"]))


@given(TEXTS)
def test_text_comes_back_from_every_encoding_that_is_read(text: str) -> None:
    for content in (
        text.encode(),
        codecs.BOM_UTF8 + text.encode(),
        codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ):
        assert decode_text(content, where="names.txt") == text


@given(st.binary())
def test_any_bytes_are_text_or_refused(content: bytes) -> None:
    with contextlib.suppress(InputError):
        assert "\0" not in decode_text(content, where="names.txt")


def test_line_ends_of_every_system_are_one() -> None:
    assert decode_text(b"a\r\nb\rc\n", where="names.txt") == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("content", "said", "line"),
    [
        ("a\nGr\u00f6\u00dfe".encode("latin-1"), "Latin-1.*0xF6 is '\u00f6'", 2),
        ("\u201cquoted\u201d".encode("cp1252"), "Windows-1252.*0x93", 1),
        ("names\nof birds".encode("utf-16-le"), "UTF-16 text without a byte order mark", 1),
        ("names\nof birds".encode("utf-16-be"), "UTF-16 text without a byte order mark", 1),
        ("names".encode("utf-32"), "UTF-32", 1),
        (b"one\ntwo\nthr\0ee", "NUL.*byte 11, line 3", 3),
        ("gr\u00fcn, bl\u00e4ulich\n".encode() + b"\xff", "UTF-8 text with a damaged byte, 0xFF", 2),
        (codecs.BOM_UTF16_LE + b"a\0b", "damaged UTF-16", 1),
    ],
)
def test_what_is_refused_is_named(content: bytes, said: str, line: int) -> None:
    with pytest.raises(InputError, match=said) as refused:
        decode_text(content, where="names.txt")
    assert refused.value.where == f"names.txt:{line}"


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("one\x85a\ntwo\u2028b\r\nthree\x0bc", encoding="utf-8", newline="")
    assert read_lines(path) == ("one\x85a", "two\u2028b", "three\x0bc")


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name, kind in (("pipe", "pipe"), ("socket", "socket"), ("", "folder"), ("/dev/zero", "device")):
            with pytest.raises(InputError, match=f"is a {kind}"):
                read_text(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\0b", "no path can hold"),
        ("a\ud800b", "no path can hold"),
        ("a" * 5_000, "too long"),
        ("missing", "no such file"),
        ("loop", "link that leads back to itself"),
        ("file/below", "part of its path is a file"),
    ],
)
def test_paths_that_name_no_file(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=said) as refused:
        read_bytes(tmp_path / name)
    assert len(str(refused.value)) < 1_000  # the cause is not pushed out of sight
    str(refused.value).encode()


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match="more than 16,777,216 bytes"):
        read_text(path)
