"""Reading what versions write differently, and refusing what none of them writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.c_info import read_c_info
from birdnet_stm32.npu.stedgeai.compilation import Compilation
from birdnet_stm32.npu.stedgeai.ec_blobs import EC_BLOBS, read_ec_blobs
from birdnet_stm32.npu.stedgeai.messages import clean_log, find_trouble
from birdnet_stm32.npu.stedgeai.network_c import read_network_c
from birdnet_stm32.npu.stedgeai.text_report import read_report
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.npu.stedgeai.validate import read_agreement
from birdnet_stm32.npu.stedgeai.work_folder import is_usable_path

Compiled = Callable[..., tuple[Tool, Compilation]]


@pytest.mark.parametrize("version", ["2.2", "3.0", "4.0"])
def test_both_reports_tell_the_same(compiled: Compiled, settings: NpuTable, version: str) -> None:
    plain = settings.model_copy(update={"epoch_controller": False})
    _, compilation = compiled(plain, version, "software-epochs")
    assert not compilation.epoch_controller
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
    assert report.used["npuRAM5"] == (compilation.used_bytes("npuRAM5"), "kb") == (4_096, "kb")
    assert report.ranges["npuRAM5"] == (0x342E_0000, 0x342E_1000)
    assert "npuRAM3_npuRAM4" not in {pool.name for pool in compilation.pools}


@pytest.mark.parametrize("version", ["2.2", "3.0", "4.0", "4.1"])
def test_the_epoch_controllers_blobs_are_read(compiled: Compiled, settings: NpuTable, version: str) -> None:
    asked = settings.model_copy(update={"epoch_controller": True})
    _, compilation = compiled(asked, version, "software-epochs")
    symbol = "Default" if version == "2.2" else "network"
    assert compilation.epoch_controller
    assert [blob.name for blob in compilation.blobs] == [f"_ec_blob_{symbol}_{index}" for index in (1, 4)]
    assert [blob.epochs for blob in compilation.blobs] == [(1,), (4,)]
    assert all(blob.size_bytes >= 92 for blob in compilation.blobs)
    assert all((blob.ram_bytes >= 92) == (version != "2.2") for blob in compilation.blobs)
    # Where the processor starts every epoch, the same schedule and the same estimate come out.
    _, plain = compiled(settings.model_copy(update={"epoch_controller": False}), version, "software-epochs")
    assert (compilation.epochs, compilation.cycles) == (plain.epochs, plain.cycles)


@pytest.mark.parametrize(
    ("version", "default"), [("2.2", False), ("3.0", False), ("4.0", True), ("4.1", True)]
)
def test_the_epoch_controller_is_the_default_from_4_0_on(
    compiled: Compiled, settings: NpuTable, version: str, default: bool
) -> None:
    assert compiled(settings, version)[1].epoch_controller == default


def test_the_estimate_of_a_blob_is_that_of_all_its_epochs(compiled: Compiled, settings: NpuTable) -> None:
    _, compilation = compiled(settings, "4.0")
    (blob,) = compilation.blobs
    assert blob.epochs == (1, 2)
    assert [epoch.cycles for epoch in compilation.epochs] == [1_000, 1_000]


@pytest.mark.parametrize(
    ("row", "count", "said"),
    [
        ("epochs 1 -> 14", 14, ((1, 14),)),
        ("epochs    2 -> 6 ", 5, ((2, 6),)),
        ("epochs 2 -> 9", 5, ((2, 9),)),  # numbers may have gaps
        ("epochs 2 -> 6", 6, None),
    ],
)
def test_a_stretch_of_epochs_is_one_row(
    compiled: Compiled, settings: NpuTable, row: str, count: int, said: tuple[tuple[int, int], ...] | None
) -> None:
    text = compiled(settings, "4.0")[1].files["network_generate_report.txt"].decode()
    text = re.sub(r"epochs +1 -> 2 +", row, re.sub(r"(Total number of epochs +)2", rf"\g<1>{count}", text))
    if said is None:
        with pytest.raises(ToolError, match="counts 6 epochs and lists 5"):
            read_report(text)
    else:
        assert read_report(text).stretches == said


@pytest.mark.parametrize(
    ("pattern", "new", "said"),
    [
        (r"static const uint64_t ", "", "holds no blob"),
        (r"ecbf0050", "00000050", "holds no program .* 0x00000050 stands where 0xCA057A7A should"),
        (r"ca057a7a", "ca057a7b", "holds no program"),
        (r"0x[0-9a-f]{16}UL\n\};", "};", "is cut: 216 bytes are announced"),
        (r"0x[0-9a-f]{16}UL\n\};", "", "is not closed"),
        (r"_network_1\[\d+\] =", "_network_1[8] =", "64 declared"),
        (r"(= *\n\{)[^}]*", r"\1", "is cut: it holds 0 bytes"),
    ],
)
def test_a_blob_that_is_cut_or_none_is_refused(
    compiled: Compiled, settings: NpuTable, pattern: str, new: str, said: str
) -> None:
    text = compiled(settings, "4.0")[1].files[EC_BLOBS].decode()
    (blob,) = read_ec_blobs(text)
    assert blob.name == "_ec_blob_network_1"
    spoiled, count = re.subn(pattern, new, text)
    assert count
    with pytest.raises(ToolError, match=said) as caught:
        read_ec_blobs(spoiled)
    assert caught.value.remedies


@pytest.mark.parametrize("table_words", [4, 10, 24])
def test_a_blob_to_relocate_may_have_the_other_name(
    compiled: Compiled, settings: NpuTable, table_words: int
) -> None:
    asked = settings.model_copy(update={"epoch_controller": True})
    text = compiled(asked, "2.2")[1].files[EC_BLOBS].decode()
    (plain,) = read_ec_blobs(text)
    table = "0x00000010ecbf0020UL, " + "0x0000000000000002UL, " * (table_words - 1)
    moved = re.sub(r"(_Default_1)\[\] =\n\{\n  ", rf"\1_reloc [] =\n{{\n  {table}", text)
    moved += "ECBLOB_RUNTIME_SECTION\nstatic uint64_t _ec_blob_Default_1[23];\n"
    (blob,) = read_ec_blobs(moved)
    assert (blob.name, blob.ram_bytes) == (plain.name, 184)
    assert blob.size_bytes == plain.size_bytes + 8 * table_words


def test_hybrid_epochs_of_2_1_are_neither(compiled: Compiled, settings: NpuTable) -> None:
    text = compiled(settings, "2.2", "software-epochs")[1].files["network_generate_report.txt"].decode()
    marked, count = re.subn(r"(?m)^epoch 3 +-SW- .*$", "epoch 3       ??    ", text)
    assert count == 1
    assert [epoch.kind for epoch in read_report(marked).epochs] == [
        "hardware",
        "software",
        "hybrid",
        "hardware",
    ]


def test_a_report_without_the_npu_is_refused() -> None:
    with pytest.raises(ToolError, match="no section on the NPU's compiler"):
        read_report("ST Edge AI Core v4.0.1-20581 7ed50de05\nParameters : analyze\n")


def test_a_report_that_lists_fewer_epochs_than_it_counts_is_refused(
    compiled: Compiled, settings: NpuTable
) -> None:
    plain = settings.model_copy(update={"epoch_controller": False})
    text = compiled(plain)[1].files["network_generate_report.txt"].decode()
    with pytest.raises(ToolError, match="counts 2 epochs and lists 1"):
        read_report(text.replace("| epoch_2", "| stage_2"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data.pop("memory_pools"), "KeyError 'memory_pools'"),
        (
            lambda data: data.update(aton_execution_time=[data.pop("memory_pools")]),
            "holds measurements of validate on a board",
        ),
        (lambda data: data["graphs"][0]["nodes"].clear(), "no step for the NPU"),
        (lambda data: data["memory_pools"][0].update(address="none"), "ValueError"),
        (
            lambda data: data["graphs"][0]["nodes"][1]["subgraph_nodes"][0].update(mapping="NODE_ELSEWHERE"),
            "KeyError 'NODE_ELSEWHERE'",
        ),
        (lambda data: data["graphs"][0]["nodes"][1].update(name="blob"), "node blob .* names no blob"),
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
    text = compiled(settings, "3.0")[1].files["network.c"].decode()
    moved = text.replace("LL_ATON_EC_Network_Init_network(void)", "moved(void)")
    assert read_network_c(moved).missing == ("EC_Network_Init",)
    assert read_network_c(moved, "bool LL_ATON_EC_Network_Init_network(void)\n").missing == ()


def test_progress_bars_leave_the_text() -> None:
    bar = "PASS:  98%|#########8| 102/104 [02:10<00:08,  4.46s/it]"
    assert (
        clean_log(f"one\r\n\r{bar}\r{bar}       two\n{bar}{bar} three\n\nfour  ")
        == "one\n\ntwo\nthree\n\nfour"
    )


def test_a_good_log_speaks_of_no_trouble() -> None:
    assert find_trouble("ST Edge AI Core v4.0.1\nelapsed time (GENERATE): 134.307s\n") is None


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
    assert is_usable_path(path) == fit


def test_the_row_of_an_evaluation_is_read() -> None:
    row = "X-cross #1  90.00%  0.086786  0.012  0.1  -0.001  0.08  0.865  0.962875  'nl_69', 10 x int8(1x5)"
    (agreement,) = read_agreement(row)
    assert (agreement.output, agreement.accuracy, agreement.cosine) == ("nl_69", 0.9, 0.962875)
    assert (agreement.mae, agreement.mean) == (0.012, -0.001)
    assert read_agreement(row.replace("90.00%", "n.a."))[0].accuracy is None
    with pytest.raises(ToolError, match="no evaluation report that can be read"):
        read_agreement("Evaluation report (summary)\n")
