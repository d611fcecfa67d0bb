"""Each gate refuses the result that it is for, and only that one; a reason in the variant lets it pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import pytest

from birdnet_stm32.config import NpuTable
from birdnet_stm32.errors import GateError
from birdnet_stm32.npu.stedgeai.compile import compile_network
from birdnet_stm32.npu.stedgeai.gates import Finding, Subject, check, refuse_failures
from birdnet_stm32.npu.stedgeai.result import Compilation
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.text_types import NpuGate
from birdnet_stm32.tflite.reader import read_graph

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
            core_dir=tool.core_dir,
        )

    return examined


def failed(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.gate for finding in findings if finding.state == "failed"}


@pytest.mark.parametrize("io", ["int8", "model"])
def test_a_good_network_passes(
    tool: Tool, model: bytes, settings: NpuTable, tmp_path: Path, io: Literal["int8", "model"]
) -> None:
    subject = Subject(
        compilation=compile_network(
            tool, model, settings.model_copy(update={"io": io}), log=tmp_path / "log"
        ),
        graph=read_graph(model, where="model"),
        asked=settings,
        core_dir=tool.core_dir,
    )
    findings = check(subject)
    refuse_failures(findings)
    assert [finding.gate for finding in findings] == list(get_args(NpuGate))
    assert {finding.state for finding in findings} == {"passed"}


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
    ],
)
@pytest.mark.parametrize("version", ["2.2", "4.0"])
def test_a_bad_result_is_refused(
    examine: Examine, settings: NpuTable, version: str, fault: str, gates: set[str]
) -> None:
    # Without the external RAM the stand-in's spill has nowhere to go; the gate still has to notice it.
    allowed = settings.model_copy(update={"hyperram": fault == "hyperram-spill"})
    subject = dataclasses.replace(examine(allowed, version, fault), asked=settings)
    findings = check(subject)
    assert failed(findings) == gates
    with pytest.raises(GateError, match="must not be flashed") as caught:
        refuse_failures(findings)
    assert all(gate in caught.value.what for gate in gates)


def test_a_reason_lets_it_pass(examine: Examine, settings: NpuTable) -> None:
    reason = "the gather is part of the model"
    waived = settings.model_copy(update={"waive": {"software-epochs": reason}})
    subject = examine(waived, fault="software-epochs")
    findings = check(subject)
    refuse_failures(findings)
    (waived,) = (finding for finding in findings if finding.state == "waived")
    assert waived.reason == "the gather is part of the model"
    assert "2 of 4 epochs leave the NPU" in waived.detail


def test_the_external_ram_may_be_used_where_it_is_asked_for(examine: Examine, settings: NpuTable) -> None:
    allowed = settings.model_copy(update={"hyperram": True})
    assert failed(check(examine(allowed, fault="hyperram-spill"))) == set()


def test_a_slot_too_small_for_the_application_is_refused(examine: Examine, settings: NpuTable) -> None:
    low = settings.model_copy(update={"weights_address": 0x7018_0000})
    assert failed(check(examine(low))) == {"application-slot"}


def test_another_runtime_is_refused(examine: Examine, settings: NpuTable) -> None:
    subject = examine(settings)
    assert subject.core_dir is not None
    (header,) = subject.core_dir.rglob("ll_aton_version.h")
    header.write_text(header.read_text(encoding="utf-8").replace("275", "8"), encoding="utf-8")
    (wrong,) = (finding for finding in check(subject) if finding.state == "failed")
    assert wrong.detail == "network.c wants ll_aton 1.1.3-275, the installation has 1.1.3-8"
    header.unlink()
    (skipped,) = (finding for finding in check(subject) if finding.state != "passed")
    assert (skipped.gate, skipped.state) == ("runtime-version", "skipped")
