from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32 import process
from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware.intel_hex import intel_hex, parse_intel_hex

END = ":00000001FF\n"


def test_golden() -> None:
    assert intel_hex(b"\x01\x02\x03", 0x7010_0000) == ":020000047010" + "7A\n:03000000010203F7\n" + END


@given(data=st.binary(min_size=1, max_size=300), address=st.integers(0, 2**32 - 300))
def test_round_trip(data: bytes, address: int) -> None:
    assert parse_intel_hex(intel_hex(data, address)) == ((address, data),)


def test_rows_stop_at_64_kib() -> None:
    text = intel_hex(bytes(range(40)), 0x7010_FFF8)
    assert [line[7:9] for line in text.splitlines()] == ["04", "00", "04", "00", "00", "01"]
    assert text.splitlines()[1].startswith(":08FFF800")


@given(data=st.binary(min_size=1, max_size=200), position=st.integers(0), change=st.integers(1, 15))
def test_any_changed_digit_is_noticed(data: bytes, position: int, change: int) -> None:
    text = intel_hex(data, 0x7000_0000)
    digits = [index for index, character in enumerate(text) if character not in ":\n"]
    index = digits[position % len(digits)]
    changed = text[:index] + f"{int(text[index], 16) ^ change:X}" + text[index + 1 :]
    with pytest.raises(InputError):
        parse_intel_hex(changed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "end record is missing"),
        (":03000000010203F7\n", "end record is missing"),
        (END + END, "behind the end record"),
        (":03000000010203F7\n:03000000010203F7\n" + END, "given twice"),
        (":03000000010203F7\n:0100010000FE\n" + END, "given twice"),
        ("03000000010203F7\n" + END, "no valid record"),
        (":0300000001 0203F7\n" + END, "no valid record"),
        (":03000000010203F8\n" + END, "no valid record"),
        (":03000002010203F5\n" + END, "type 02"),
        (":02FFFF000102FD\n" + END, "64 KiB"),
        ("\n" + END, "no valid record"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_intel_hex(text)


def test_pieces_and_start_address() -> None:
    text = intel_hex(b"ab", 0x10) + intel_hex(b"cd", 0x12) + intel_hex(b"ef", 0x100)
    joined = text.replace(END, "") + ":0400000570000000" + "87\n" + END
    assert parse_intel_hex(joined) == ((0x10, b"abcd"), (0x100, b"ef"))


@pytest.mark.parametrize(("data", "address"), [(b"", 0), (b"a", -1), (b"ab", 2**32 - 1)])
def test_cannot_be_written(data: bytes, address: int) -> None:
    with pytest.raises(InputError, match="Intel HEX"):
        intel_hex(data, address)


@pytest.mark.emulated
def test_binutils_reads_it(tmp_path: Path) -> None:
    data = bytes(range(256)) * 300
    (tmp_path / "a.hex").write_text(intel_hex(data, 0x7010_0000), encoding="ascii")
    command = ["arm-none-eabi-objcopy", "-I", "ihex", "-O", "binary", tmp_path / "a.hex", tmp_path / "a.bin"]
    process.run_program(command, timeout_s=60)
    assert (tmp_path / "a.bin").read_bytes() == data
