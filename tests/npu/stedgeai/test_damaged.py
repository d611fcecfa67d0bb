"""Whatever is cut, swapped or changed in ST's files: a sentence, or the same network, never a traceback."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.c_info import read_c_info
from birdnet_stm32.npu.stedgeai.compilation import Compilation
from birdnet_stm32.npu.stedgeai.compile import read_compilation
from birdnet_stm32.npu.stedgeai.ec_blobs import EC_BLOBS, read_ec_blobs
from birdnet_stm32.npu.stedgeai.network_c import read_network_c
from birdnet_stm32.npu.stedgeai.text_report import read_report, report_of
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.npu.stedgeai.tool_run import C_INFO, NETWORK_C

Compiled = Callable[..., tuple[Tool, Compilation]]
many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
REPORT = "network_generate_report.txt"
STRANGE = (None, -1, 1e400, "", "x", [], {}, [[]], True)


@pytest.fixture(params=["2.2", "4.0"])
def made(request: pytest.FixtureRequest, compiled: Compiled) -> tuple[Tool, Compilation]:
    asked = NpuTable(epoch_controller=True)
    return compiled(asked, request.param, "software-epochs")


def places(data: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of everything in ``data``."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(place for key, value in inside for place in places(value, (*at, key)))]


@many
@given(choice=st.data())
def test_a_strange_value_in_the_json(made: tuple[Tool, Compilation], choice: st.DataObject) -> None:
    tool, compilation = made
    data = json.loads(compilation.files[C_INFO])
    for _ in range(choice.draw(st.integers(1, 3))):
        *way, last = choice.draw(st.sampled_from([place for place in places(data) if place]))
        part = data
        for key in way:
            part = part[key]
        if choice.draw(st.booleans()):
            part[last] = choice.draw(st.sampled_from(STRANGE))
        else:
            del part[last]
    text = json.dumps(data)
    with contextlib.suppress(ToolError):
        read_c_info(text)
        read_compilation(tool, {**compilation.files, C_INFO: text.encode()})


@many
@given(choice=st.data())
@pytest.mark.parametrize("name", [REPORT, NETWORK_C, EC_BLOBS])
def test_a_text_with_a_piece_cut_out(
    made: tuple[Tool, Compilation], choice: st.DataObject, name: str
) -> None:
    tool, compilation = made
    text = compilation.files[name].decode()
    start = choice.draw(st.integers(0, len(text) - 1))
    end = choice.draw(st.integers(start + 1, min(start + 400, len(text))))
    damaged = text[:start] + choice.draw(st.sampled_from(["", "0", "}", ",", "-", "\n"])) + text[end:]
    with contextlib.suppress(ToolError):
        read_compilation(tool, {**compilation.files, name: damaged.encode()})


@many
@given(steps=st.integers(0, 30), cut=st.integers(1, 20))
def test_no_cut_blob_is_read(steps: int, cut: int) -> None:
    words = [0xCA057A7A | (2 * steps << 32), *range(steps)]
    listed = [f"0x{word:016x}UL" for word in words]
    text = "static const uint64_t _ec_blob_Default_1[] =\n{{\n  {}\n}};\n"
    (blob,) = read_ec_blobs(text.format(", ".join(listed)))
    assert (blob.size_bytes, blob.ram_bytes) == (8 * len(words), 0)
    if cut <= steps:
        with pytest.raises(ToolError, match="is cut"):
            read_ec_blobs(text.format(", ".join(listed[:-cut])))


@pytest.mark.parametrize(
    ("field", "value"), [("nbits", ""), ("nbits", "eight"), ("chpos", ""), ("offset_start", "x")]
)
def test_a_buffer_without_a_field_is_named(made: tuple[Tool, Compilation], field: str, value: str) -> None:
    text = made[1].files[NETWORK_C].decode()
    line = rf"\.{field} = [^,]+," if value else rf"\n *\.{field} = [^,]+,"
    damaged = re.sub(line, f".{field} = {value}," if value else "", text, count=1)
    with pytest.raises(ToolError, match="buffer Input_0_out_0 cannot be read"):
        read_network_c(damaged)


def test_units_may_be_written_in_capitals(made: tuple[Tool, Compilation]) -> None:
    text = made[1].files[REPORT].decode()
    assert read_report(text.replace("kB", "KB")).used == read_report(text).used


def test_of_several_reports_that_of_the_network_is_taken() -> None:
    names = ("network_analyze_report.txt", "network_generate_report.txt", "network_validate_report.txt")
    assert report_of(names) == "network_generate_report.txt"
    assert report_of(names[::2]) == "network_analyze_report.txt"
    with pytest.raises(ToolError, match=r"only network_validate_report\.txt is there"):
        report_of(names[2:])
    with pytest.raises(ToolError, match="the text report is missing"):
        report_of(())
