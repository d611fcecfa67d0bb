"""Each gate refuses the result that it is for, and only that one; a reason in the variant lets it pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.config.text_types import NpuGate
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import GateError
from birdnet_stm32.gates import Gate
from birdnet_stm32.npu.stedgeai.compilation import Compilation
from birdnet_stm32.npu.stedgeai.compile import compile_network
from birdnet_stm32.npu.stedgeai.gates import Subject, judge_compilation, refuse_compilation
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.tflite.reader import read_graph

BOARD = folders.find("stm32n6570_dk")
FLASH = folders.require(BOARD.flash, BOARD, "flash")

Compiled = Callable[..., tuple[Tool, Compilation]]
Examine = Callable[..., Subject]


@pytest.fixture
def examine(compiled: Compiled, model: bytes) -> Examine:
    """Return a function that gives what the gates look at."""

    def examined(settings: NpuTable, version: str = "4.0", fault: str = "") -> Subject:
        tool, compilation = compiled(settings, version, fault)
        return Subject(
            compilation=compilation,
            graph=read_graph(model, where="model"),
            asked=settings,
            flash=FLASH,
            core_dir=tool.core_dir,
        )

    return examined


def failed(findings: tuple[Gate, ...]) -> set[str]:
    return {finding.name for finding in findings if finding.verdict == "failed"}


@pytest.mark.parametrize("io", ["int8", "model"])
def test_a_good_network_passes(
    tool: Tool, model: bytes, settings: NpuTable, tmp_path: Path, io: Literal["int8", "model"]
) -> None:
    subject = Subject(
        compilation=compile_network(
            tool, model, settings.model_copy(update={"io": io}), BOARD, log=tmp_path / "log"
        ),
        graph=read_graph(model, where="model"),
        asked=settings,
        flash=FLASH,
        core_dir=tool.core_dir,
    )
    findings = judge_compilation(subject)
    refuse_compilation(findings)
    assert [finding.name for finding in findings] == list(get_args(NpuGate))
    assert {finding.verdict for finding in findings} == {"passed"}


@pytest.mark.parametrize(
    ("fault", "gates"),
    [
        ("software-epochs", {"software-epochs"}),
        ("hyperram-spill", {"hyperram"}),
        ("float-network", {"weight-bytes", "float-network"}),
        ("stalling-link", {"stream-link"}),
        ("loader-overlap", {"cpuram2"}),
        ("other-symbol", {"symbols"}),
        ("other-address", {"weights-address"}),
        ("internal-weights", {"loaded-memories"}),
        ("permuted-input", {"ports"}),
        ("rescaled-input", {"ports"}),
        ("input-elsewhere", {"port-caches"}),
        ("input-of-the-application", {"port-caches"}),
    ],
)
@pytest.mark.parametrize("version", ["2.2", "4.0"])
def test_a_bad_result_is_refused(
    examine: Examine, settings: NpuTable, version: str, fault: str, gates: set[str]
) -> None:
    # Without the external RAM the stand-in's spill has nowhere to go; the gate still has to notice it.
    allowed = settings.model_copy(update={"hyperram": fault == "hyperram-spill"})
    subject = replace(examine(allowed, version, fault), asked=settings)
    findings = judge_compilation(subject)
    assert failed(findings) == gates
    with pytest.raises(GateError, match="must not be flashed") as caught:
        refuse_compilation(findings)
    assert all(gate in caught.value.what for gate in gates)


@pytest.mark.parametrize(
    ("version", "fault", "asked", "said"),
    [
        ("2.2", "blobs", None, "blobs of the epoch controller, which nobody asked for, hold 2 epochs"),
        ("4.0", "blobs", False, "blobs of the epoch controller, which nobody asked for, hold 2 epochs"),
        ("3.0", "no-blobs", True, "the epoch controller was asked for, and none of 2 epochs is in a blob"),
        ("4.1", "no-blobs", None, "the epoch controller was asked for, and none of 2 epochs is in a blob"),
    ],
)
def test_another_use_of_the_epoch_controller_is_refused(
    examine: Examine, settings: NpuTable, version: str, fault: str, asked: bool | None, said: str
) -> None:
    subject = examine(settings.model_copy(update={"epoch_controller": asked}), version, fault)
    (wrong,) = (finding for finding in judge_compilation(subject) if finding.verdict == "failed")
    assert (wrong.name, wrong.detail) == ("epoch-controller", said)


def test_the_sizes_of_blobs_are_told(examine: Examine, settings: NpuTable) -> None:
    subject = examine(settings, "4.0")
    (found,) = (finding for finding in judge_compilation(subject) if finding.name == "epoch-controller")
    (blob,) = subject.compilation.blobs
    sizes = f"{blob.size_bytes} bytes and {blob.ram_bytes} bytes of copies in RAM"
    assert found.detail == f"2 of 2 epochs of the NPU in 1 blob, {sizes}"


def test_blobs_hide_their_links_before_3_0(examine: Examine, settings: NpuTable) -> None:
    asked = settings.model_copy(update={"epoch_controller": True})
    (skipped,) = (
        finding for finding in judge_compilation(examine(asked, "2.2")) if finding.verdict == "skipped"
    )
    assert skipped.name == "stream-link"
    assert "1 blob of the epoch controller, which shows none" in skipped.detail
    assert failed(judge_compilation(examine(asked, "3.0", "stalling-link"))) == {"stream-link"}


@pytest.mark.parametrize("version", ["2.2", "4.0"])
def test_a_split_kernel_as_high_as_its_input_is_refused(
    examine: Examine, settings: NpuTable, tall_model: bytes, version: str
) -> None:
    # The condition is the shape: pieces of lower kernels were seen to run.
    split = examine(settings, version, "split-convolution")
    assert failed(judge_compilation(split)) == set()
    tall = read_graph(tall_model, where="model")
    (wrong,) = (
        finding for finding in judge_compilation(replace(split, graph=tall)) if finding.name == "full-height"
    )
    assert wrong.verdict == "failed"
    assert wrong.detail == (
        "operator 1 (CONV_2D): a kernel as high as its input, which the compiler split into 8 pieces "
        "(Conv2D_1_subm_0, Conv2D_1_subm_1); the NPU hung on such"
    )
    whole = replace(examine(settings, version), graph=tall)
    assert "full-height" not in failed(judge_compilation(whole))


@pytest.mark.parametrize("version", ["2.2", "3.0", "4.0"])
def test_caches_follow_from_where_a_port_lies(examine: Examine, settings: NpuTable, version: str) -> None:
    allowed = settings.model_copy(update={"hyperram": True})
    inside, outside = examine(allowed, version), examine(allowed, version, "input-in-external-ram")
    for subject, address, caches in (
        (inside, 0x342E_0040, ("processor",)),
        (outside, 0x9000_0040, ("processor", "npu")),
    ):
        (port,) = subject.compilation.inputs
        assert port.address == address
        assert subject.compilation.caches_of(port) == caches
        (found,) = (finding for finding in judge_compilation(subject) if finding.name == "port-caches")
        assert found.verdict == "passed"
        assert f"input Input_0_out_0 at 0x{address:08X} in " in found.detail
        assert f": {' and '.join(caches)}; output" in found.detail


def test_a_port_that_nobody_placed_has_every_cache(compiled: Compiled, settings: NpuTable) -> None:
    _, compilation = compiled(settings, "4.0")
    (port,) = compilation.inputs
    for address in (None, 0x3000_0000, 0x3434_FFFF + 0x8_0000):
        lost = replace(port, address=address)
        assert compilation.pool_of(lost) is None
        assert compilation.caches_of(lost) == ("processor", "npu")
    last = next(pool for pool in compilation.pools if pool.name == "npuRAM5")
    assert last.address is not None
    assert last.size_bytes is not None
    across = replace(port, address=last.address + last.size_bytes - 1)
    assert compilation.pool_of(across) == last  # on into npuRAM6, which is cached alike


def test_a_reason_lets_it_pass(examine: Examine, settings: NpuTable) -> None:
    reason = "the gather is part of the model"
    waived = settings.model_copy(update={"waive": {"software-epochs": reason}})
    subject = examine(waived, fault="software-epochs")
    findings = judge_compilation(subject)
    refuse_compilation(findings)
    (waived,) = (finding for finding in findings if finding.verdict == "waived")
    assert waived.reason == "the gather is part of the model"
    assert "2 of 4 epochs leave the NPU" in waived.detail


def test_the_external_ram_may_be_used_where_it_is_asked_for(examine: Examine, settings: NpuTable) -> None:
    allowed = settings.model_copy(update={"hyperram": True})
    assert failed(judge_compilation(examine(allowed, fault="hyperram-spill"))) == set()


def test_a_slot_too_small_for_the_application_is_refused(examine: Examine, settings: NpuTable) -> None:
    low = settings.model_copy(update={"weights_address": 0x7018_0000})
    assert failed(judge_compilation(examine(low))) == {"application-slot"}


def test_another_runtime_is_refused(examine: Examine, settings: NpuTable) -> None:
    subject = examine(settings)
    assert subject.core_dir is not None
    (header,) = subject.core_dir.rglob("ll_aton_version.h")
    header.write_text(header.read_text(encoding="utf-8").replace("275", "8"), encoding="utf-8")
    (wrong,) = (finding for finding in judge_compilation(subject) if finding.verdict == "failed")
    assert wrong.detail == "network.c wants ll_aton 1.1.3-275, the installation has 1.1.3-8"
    header.unlink()
    (skipped,) = (finding for finding in judge_compilation(subject) if finding.verdict != "passed")
    assert (skipped.name, skipped.verdict) == ("runtime-version", "skipped")
