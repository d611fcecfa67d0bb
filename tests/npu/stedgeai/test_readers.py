"""Reading what versions write differently, and refusing what none of them writes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from birdnet_stm32.config import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.c_info import read_c_info
from birdnet_stm32.npu.stedgeai.messages import clean, trouble
from birdnet_stm32.npu.stedgeai.network_c import read_network_c
from birdnet_stm32.npu.stedgeai.report import read_report
from birdnet_stm32.npu.stedgeai.result import Compilation
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.npu.stedgeai.validate import read_agreement
from birdnet_stm32.npu.stedgeai.work import suits

Compiled = Callable[..., tuple[Tool, Compilation]]


@pytest.mark.parametrize("version", ["2.2", "3.0", "4.0"])
def test_both_reports_tell_the_same(compiled: Compiled, settings: NpuTable, version: str) -> None:
    _, compilation = compiled(settings, version, "software-epochs")
    report = read_report(compilation.files["network_generate_report.txt"].decode())
    info = read_c_info(compilation.files["network_c_info.json"].decode())
    kinds = ["hardware", "software", "hybrid", "hardware"]
    assert [epoch.kind for epoch in info.epochs] == kinds
    assert [epoch.operators for epoch in info.epochs] == [
        ("Conv", "Add"),
        ("Gather",),
        ("Cast",),
        ("Conv", "Add"),
    ]
    assert [epoch.operators for epoch in report.epochs] == [(), ("Gather",), ("Cast",), ()]
    if version != "2.2":
        assert [epoch.kind for epoch in report.epochs] == kinds
    assert info.cycles == compilation.cycles == 4_000
    assert report.used_bytes["npuRAM5"] == compilation.used_bytes("npuRAM5") == 4_096
    assert report.ranges["npuRAM5"] == (0x342E_0000, 0x342E_1000)
    assert "npuRAM3_npuRAM4" not in {pool.name for pool in compilation.pools}


def test_a_report_without_the_npu_is_refused() -> None:
    with pytest.raises(ToolError, match="no section on the NPU's compiler"):
        read_report("ST Edge AI Core v4.0.1-20581 7ed50de05\nParameters : analyze\n")


def test_a_report_that_lists_fewer_epochs_than_it_counts_is_refused(
    compiled: Compiled, settings: NpuTable
) -> None:
    text = compiled(settings)[1].files["network_generate_report.txt"].decode()
    with pytest.raises(ToolError, match="counts 2 epochs and lists 1"):
        read_report(text.replace("| epoch_2", "| stage_2"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data.pop("memory_pools"), "KeyError 'memory_pools'"),
        (lambda data: data["graphs"][0]["nodes"].clear(), "no step for the NPU"),
        (lambda data: data["memory_pools"][0].update(address="none"), "ValueError"),
        (
            lambda data: data["graphs"][0]["nodes"][1].update(mapping="NODE_ELSEWHERE"),
            "KeyError 'NODE_ELSEWHERE'",
        ),
    ],
)
def test_a_c_info_of_another_shape_is_refused(
    compiled: Compiled, settings: NpuTable, spoil: Callable[[object], object], said: str
) -> None:
    data = json.loads(compiled(settings)[1].files["network_c_info.json"])
    spoil(data)
    with pytest.raises(ToolError, match=said):
        read_c_info(json.dumps(data))


def test_buffers_of_the_debug_build_are_no_inputs(compiled: Compiled, settings: NpuTable) -> None:
    text = compiled(settings)[1].files["network.c"].decode()
    assert "Conv2D_1_weights" in text
    assert [port.name for port in read_network_c(text).inputs] == ["Input_0_out_0"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("LL_ATON_EpochBlockItems_network", "EpochBlockItems", "does not define LL_ATON_EpochBlockItems_"),
        ("LL_ATON_VERSION_DEV", "LL_ATON_VERSION_BUILD", "does not define the runtime's version"),
        (".offset_end = 160", ".offset_end = 161", r"shape \(1, 8, 12, 1\) of 1 bytes each but 97 bytes"),
        ("DataType_INT8", "DataType_INT4", "buffer Input_0_out_0 cannot be read"),
    ],
)
def test_a_network_c_of_another_shape_is_refused(
    compiled: Compiled, settings: NpuTable, old: str, new: str, said: str
) -> None:
    text = compiled(settings)[1].files["network.c"].decode()
    assert old in text
    with pytest.raises(ToolError, match=said):
        read_network_c(text.replace(old, new))


def test_functions_may_stand_in_a_generated_header(compiled: Compiled, settings: NpuTable) -> None:
    text = compiled(settings)[1].files["network.c"].decode()
    moved = text.replace("LL_ATON_EC_Network_Init_network(void)", "moved(void)")
    assert read_network_c(moved).missing == ("EC_Network_Init",)
    assert read_network_c(moved, "bool LL_ATON_EC_Network_Init_network(void)\n").missing == ()


def test_progress_bars_leave_the_text() -> None:
    bar = "PASS:  98%|#########8| 102/104 [02:10<00:08,  4.46s/it]"
    assert (
        clean(f"one\r\n\r{bar}\r{bar}       two\n{bar}{bar} three\n\nfour  ") == "one\n\ntwo\nthree\n\nfour"
    )


def test_a_good_log_speaks_of_no_trouble() -> None:
    assert trouble("ST Edge AI Core v4.0.1\nelapsed time (GENERATE): 134.307s\n") is None


@pytest.mark.parametrize(
    ("path", "fit"),
    [
        ("/var", True),
        ("C:\\Temp", True),
        ("/var/a b", False),
        ("/var/ä", False),
        ("var", False),
        ("/" + 40 * "x", False),
    ],
)
def test_what_st_tools_can_read_as_a_path(path: str, fit: bool) -> None:
    assert suits(path) == fit


def test_the_row_of_an_evaluation_is_read() -> None:
    row = "X-cross #1  90.00%  0.086786  0.012  0.1  -0.001  0.08  0.865  0.962875  'nl_69', 10 x int8(1x5)"
    (agreement,) = read_agreement(row)
    assert (agreement.output, agreement.accuracy, agreement.cosine) == ("nl_69", 0.9, 0.962875)
    assert (agreement.mae, agreement.mean) == (0.012, -0.001)
    assert read_agreement(row.replace("90.00%", "n.a."))[0].accuracy is None
    with pytest.raises(ToolError, match="no row of its evaluation report"):
        read_agreement("Evaluation report (summary)\n")
