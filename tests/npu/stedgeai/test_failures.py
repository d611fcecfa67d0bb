"""Every documented error becomes one sentence with ST's own words; every silent failure is noticed."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.command import generate
from birdnet_stm32.npu.stedgeai.compile import compile_network
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.npu.stedgeai.tool_run import run_tool

BOARD = folders.find("stm32n6570_dk")

Install = Callable[..., Tool]

# The stand-in's fault: what the sentence has to say, what the remedy.
ERRORS = {
    "weights": (r"E010 \(InvalidModelError\): Non-numerical", "hand over an int8 .tflite"),
    "unreadable": (r"E010 \(InvalidModelError\): Non-numerical", "^the tool cannot read this model"),
    "device": (r"E700 \(DeviceError\): Not enough memory on device", "^a smaller model or window"),
    "keras": (r"E010 \(InvalidModelError\): Unrecognized keyword", r"hand over the \.tflite"),
    "segfault": (r"E103 \(CliRuntimeError\): .*; Internal compiler error \(signo=11\)", "4 dimensions"),
    "ascii": (r"E103 .*wstring_convert::from_bytes", "ASCII"),
    "allocation": (r"E103 .*total bytes left unallocated", "hyperram = true"),
    "bind": (r"E200 \(ValidationError\): TARGET: Unable to bind", "NPU_Validation"),
    "shapes": ("Tool error: Error in computation of shapes", "literal bounds"),
    "index": ("Tool error: list index out of range", "bias of every FULLY_CONNECTED"),
    "channel": ("Internal error: Mismatch in channel position", "TRANSPOSE"),
    "entry": ("Internal error: Overwriting Entry 0", "birdnet-stm32 lint"),
    "none": ("Internal error: 'NoneType' object", "birdnet-stm32 lint"),
    "unsigned": ("quantized unsigned integer format is not supported", "int8, not uint8"),
    "pad": ("missing shape or size for value=Pad_1_constant_value", "PAD"),
    "concat": ("not implemented shape len for Conversion", "CONCATENATION"),
    "grouped": ("lower_arith_set_in_batch conf_CONV_IN_ACTIVATION", "FULLY_CONNECTED"),
    "layers": ("Not implemented: Unsupported layer types: NonMaxSuppression", "replace that operator"),
    "slice": ("Not implemented: Slice on batch dimension", "replace that operator"),
    "unlabelled": ("ended with exit status 1 and named no error.*something else went wrong", "whole log"),
    "nothing-written": (r"said that it had succeeded and did not write network\.c", "whole log"),
    "dropped-quantization": (r"dropped the quantization: Ignore .*\(its exit status is 0", "booleans"),
    "c-info-and-status-1": ("ended with exit status 1 and named no error", "whole log"),
    "broken-c-info": (r"network_c_info\.json:\d+: is not valid JSON", "compile again"),
    "no-weights": (r"did not write network_atonbuf\.\*\.raw", "whole log"),
    "disagreeing-report": (r"lists 4 epochs .*network_c_info\.json 2 epochs", "compile again"),
}


OF_EVERY_VERSION = ("nothing-written", "c-info-and-status-1", "broken-c-info", "no-weights")


@pytest.mark.parametrize(
    ("version", "fault"),
    [*(("4.0", fault) for fault in ERRORS), *(("2.2", fault) for fault in OF_EVERY_VERSION)],
)
def test_a_failure_is_one_sentence_with_a_remedy(
    install: Install, model: bytes, settings: NpuTable, tmp_path: Path, version: str, fault: str
) -> None:
    what, remedy = ERRORS[fault]
    with pytest.raises(ToolError) as caught:
        compile_network(install(version, fault), model, settings, BOARD, log=tmp_path / "log")
    assert re.search(what, f"{caught.value.where}: {caught.value.what}", re.DOTALL)
    assert re.search(remedy, " ".join(caught.value.remedies))
    assert "ST Edge AI Core" in (tmp_path / "log").read_text(encoding="utf-8")


def test_every_documented_error_is_tried(stand_in: ModuleType) -> None:
    assert stand_in.BANNERS
    assert set(sys.modules["faults"].ERRORS) <= set(ERRORS)


def test_a_hang_ends_at_its_time_out(
    install: Install, model: bytes, settings: NpuTable, tmp_path: Path
) -> None:
    short = settings.model_copy(update={"timeout_s": 1.0})
    started = time.monotonic()
    with pytest.raises(ToolError, match=r"did not finish within 1 s(?s:.*)EXECUTING(?s:.*)\[npu\] timeout_s"):
        compile_network(install(fault="hang"), model, short, BOARD, log=tmp_path / "log")
    assert time.monotonic() - started < 30


def test_a_child_left_behind_ends_with_the_run(
    install: Install, model: bytes, settings: NpuTable, tmp_path: Path
) -> None:
    started = time.monotonic()
    compile_network(install(fault="child-survives"), model, settings, BOARD, log=tmp_path / "log")
    child = re.search(r"child (\d+)", (tmp_path / "log").read_text(encoding="utf-8"))
    assert child is not None
    status = Path("/proc") / child[1] / "stat"
    while status.exists() and status.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() - started < 30


@pytest.mark.parametrize("fault", ["progress-bar", "windows-line-ends"])
def test_how_lines_end_does_not_matter(
    install: Install, model: bytes, settings: NpuTable, tmp_path: Path, fault: str
) -> None:
    plain, other = (
        compile_network(install("4.0", one), model, settings, BOARD, log=tmp_path / "log")
        for one in ("", fault)
    )
    assert plain == other


def test_paths_that_the_compiler_cannot_read_are_avoided(
    install: Install, model: bytes, settings: NpuTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Vögel und andere"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    compile_network(install(), model, settings, BOARD, log=folder / "log")


def test_without_a_fit_folder_it_says_what_to_set(
    install: Install, model: bytes, settings: NpuTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("birdnet_stm32.npu.stedgeai.work_folder.LONGEST", 2)
    with pytest.raises(ToolError, match="set TMPDIR"):
        compile_network(install(), model, settings, BOARD, log=tmp_path / "log")


def test_the_stand_in_refuses_what_st_does_not_document(
    install: Install, model: bytes, settings: NpuTable, tmp_path: Path
) -> None:
    tool = install()
    with pytest.raises(ToolError, match="unrecognized arguments: --json"):
        run_tool(
            tool, model, settings, BOARD, lambda request: [*generate(request), "--json"], log=tmp_path / "log"
        )
