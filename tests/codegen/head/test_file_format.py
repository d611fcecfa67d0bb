"""A head comes back from its bytes, and whatever is done to them is refused or gives a head."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.head.contents import Head
from birdnet_stm32.codegen.head.file_format import HEADER_BYTES, crc_of, head_bytes, parse_head
from birdnet_stm32.errors import InputError

Make = Callable[..., Head]


def with_crc(content: bytes) -> bytes:
    """Return damaged bytes as somebody writes them who knows the format."""
    (size,) = struct.unpack_from("<I", content, 8)
    crc = zlib.crc32(content[16 : min(size, len(content))])
    return content[:12] + struct.pack("<I", crc) + content[16:]


def same(one: Head, other: Head) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        for field in dataclasses.fields(Head)
        if getattr(one, field.name) is not None or getattr(other, field.name) is not None
    )


@pytest.mark.parametrize("classes", [1, 2, 3, 20])
@pytest.mark.parametrize("is_logit", [False, True])
def test_a_head_comes_back(make: Make, classes: int, is_logit: bool) -> None:
    head = make(classes, **({"table": None} if is_logit else {}))
    content = head_bytes(head)
    assert len(content) % 8 == 0
    assert content == head_bytes(head)
    assert same(parse_head(content, where="head.bin"), head)
    assert same(parse_head(content + bytes(100), where="flash", trailing=True), head)


def test_the_header_has_the_documented_places(make: Make) -> None:
    content = head_bytes(make(3))
    assert content[:4] == b"BNHD"
    assert struct.unpack_from("<5I", content, 4)[:2] == (1, len(content))
    assert struct.unpack_from("<3I", content, 0x10) == (7, 3, 4)
    assert content[0x20:0x40] == bytes(range(32))
    assert crc_of(content) == zlib.crc32(content[0x10:])
    assert struct.unpack_from("<3d", content, HEADER_BYTES) == tuple(make(3).scales)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda content: b"", "not a head"),
        (lambda content: b"\xff" * len(content), "not a head"),
        (lambda content: content[:50], "cut off"),
        (lambda content: content[:-8], "says"),
        (lambda content: content + b"\0" * 8, "says"),
        (lambda content: content[:4] + struct.pack("<I", 2) + content[8:], "format 2"),
        (lambda content: content[:100] + b"!" + content[101:], "CRC-32"),
        (lambda content: with_crc(content[:0x14] + struct.pack("<I", 2**32 - 1) + content[0x18:]), "classes"),
        (lambda content: with_crc(content[:0x14] + struct.pack("<I", 4) + content[0x18:]), "another size"),
        (lambda content: with_crc(content[:0x5C] + struct.pack("<I", 2**32 - 1) + content[0x60:]), "size"),
        (lambda content: with_crc(content[:0x44] + struct.pack("<i", 200) + content[0x48:]), "zero point"),
        (
            lambda content: with_crc(content[:0x60] + struct.pack("<d", np.nan) + content[0x68:]),
            "scale of nan",
        ),
        (lambda content: with_crc(content[:0x60] + struct.pack("<d", 1e9) + content[0x68:]), "32 bits"),
    ],
)
def test_what_is_no_head_is_refused(make: Make, change: Callable[[bytes], bytes], what: str) -> None:
    with pytest.raises(InputError, match=what):
        parse_head(change(head_bytes(make(3))), where="head.bin")


def test_damaged_heads_are_refused_or_read(make: Make) -> None:
    """Nothing else happens: no other error, and no number that was not checked."""
    rng = np.random.default_rng(3)
    intact = head_bytes(make(3))
    read = 0
    for _ in range(2_000):
        content = bytearray(intact)
        for place in rng.integers(4, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(256)
        try:
            parse_head(with_crc(bytes(content)), where="head.bin")
            read += 1
        except InputError:
            continue
    assert 200 < read < 1_900


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"names": ("a", "b")}, "lengths"),
        ({"names": ("a", "", "c")}, "0 bytes"),
        ({"names": ("a", "x" * 201, "c")}, "201 bytes"),
        ({"names": ("a", "b\0", "c")}, "NUL"),
        ({"thresholds": np.array([0.5, 0.0, 0.5], np.float32)}, "threshold of class 1"),
        ({"thresholds": np.array([0.5, np.nan, 0.5], np.float32)}, "threshold of class 1"),
        ({"bias": np.array([0, 2**31 - 1, 0], np.int32)}, "class 1"),
        ({"dense_minimum": 5, "dense_maximum": 4}, "reach from 5"),
        ({"output_scale": 0.0}, "scales"),
        ({"backbone": b"short"}, "lengths"),
    ],
)
def test_a_head_that_contradicts_itself_is_refused(make: Make, changes: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        make(3, **changes)
