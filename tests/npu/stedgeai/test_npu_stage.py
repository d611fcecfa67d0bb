"""The stage npu: what it publishes, what it leaves behind when it fails, and when it has to run again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from birdnet_stm32.engine.release import Release, load_release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.errors import GateError, ToolError
from birdnet_stm32.npu.stedgeai.compilation import load_compilation
from birdnet_stm32.stages import npu
from birdnet_stm32.stages.catalog import BY_NAME, stages_of

VARIANT = """\
[variant]
title = "One"

[index]
root = "recordings"

[codegen]
backend = "stedgeai"

[npu]
core_dir = "core"
timeout_s = 60
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    stand_in: ModuleType
    root: Path

    def release(self, version: str = "4.0", fault: str = "", more: str = "") -> Release:
        self.stand_in.install(self.root / "core", version, fault)
        (self.root / "one.toml").write_text(VARIANT + more, encoding="utf-8")
        return load_release("one", self.root, self.root / "build")

    def job(self, release: Release) -> Job:
        out = self.root / "build" / "one" / "work"
        out.mkdir(parents=True, exist_ok=True)
        inputs = {"verify": self.root / "verify"}
        return Job(release=release, inputs=inputs, files={}, out=out, previous=release.folder("npu"))


@pytest.fixture
def bench(stand_in: ModuleType, model: bytes, tmp_path: Path) -> Bench:
    (tmp_path / "verify").mkdir()
    (tmp_path / "verify" / "model.tflite").write_bytes(model)
    return Bench(stand_in=stand_in, root=tmp_path)


def test_it_publishes_the_result_and_what_the_gates_found(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    job = bench.job(bench.release())
    outcome = npu.run(job)
    assert outcome.summary.startswith(
        "Core 4.0: 2 epochs (2 hardware, 0 hybrid, 0 software), 1 blob of the epoch controller, "
    )
    assert load_compilation(job.out / "npu").weights_address == 0x7040_0000
    gates = json.loads((job.out / "gates.json").read_text(encoding="utf-8"))
    assert {gate["verdict"] for gate in gates} == {"passed"}
    assert "ST Edge AI Core" in (job.out / "local_stedgeai.log").read_text(encoding="utf-8")
    said = capsys.readouterr().err
    assert "found by [npu] core_dir" in said
    assert "warning" not in said


def test_an_unknown_version_is_warned_of(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    npu.run(bench.job(bench.release("5.0")))
    assert "warning: ST Edge AI Core 5.0.0-30000" in capsys.readouterr().err


def test_a_gate_refuses_and_leaves_the_evidence(bench: Bench) -> None:
    job = bench.job(bench.release(fault="software-epochs"))
    with pytest.raises(GateError, match="software-epochs: 2 of 4 epochs leave the NPU"):
        npu.run(job)
    assert (job.out / "npu" / "network.c").is_file()
    assert (job.out / "gates.json").is_file()


def test_a_waived_gate_is_published_with_its_reason(bench: Bench) -> None:
    waive = 'waive = { software-epochs = "known, and small enough" }\n'
    job = bench.job(bench.release(fault="software-epochs", more=waive))
    npu.run(job)
    gates = json.loads((job.out / "gates.json").read_text(encoding="utf-8"))
    assert (gates[0]["verdict"], gates[0]["reason"]) == ("waived", "known, and small enough")


def test_a_failed_run_leaves_its_whole_log(bench: Bench) -> None:
    job = bench.job(bench.release(fault="segfault"))
    log = bench.root / "build" / "one" / "npu.stedgeai.log"
    with pytest.raises(ToolError, match="E103") as caught:
        npu.run(job)
    assert str(log) in caught.value.remedies[-1]
    assert "signo=11" in log.read_text(encoding="utf-8")


def test_another_version_is_another_input(bench: Bench) -> None:
    def content(version: str) -> dict[str, bytes]:
        files = BY_NAME["npu"].files(bench.release(version))
        return {what: path.read_bytes() for what, path in files.items()}

    old, new = content("3.0"), content("4.0")
    board = "description of stm32n6570_dk"
    assert old.pop(board) == new.pop(board)
    assert old.keys() == new.keys() == {"stedgeai", "ll_aton_version.h"}
    assert all(old[what] != new[what] for what in old)


def test_a_missing_tool_is_found_out_when_the_stage_runs(bench: Bench) -> None:
    release = bench.release()
    (bench.root / "core").rename(bench.root / "elsewhere")
    assert BY_NAME["npu"].files(release).keys() == {"description of stm32n6570_dk"}
    with pytest.raises(ToolError, match="is a folder without stedgeai"):
        npu.run(bench.job(release))


def test_only_the_backend_of_st_has_the_stage(bench: Bench) -> None:
    assert "npu" in {stage.name for stage in stages_of(bench.release().variant)}
    portable = VARIANT.replace('backend = "stedgeai"', 'backend = "portable"').partition("[npu]")[0]
    (bench.root / "one.toml").write_text(portable, encoding="utf-8")
    release = load_release("one", bench.root, bench.root / "build")
    assert "npu" not in {stage.name for stage in stages_of(release.variant)}
