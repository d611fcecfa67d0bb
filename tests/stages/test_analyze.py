"""Errors of the linter refuse a release for the NPU and none for the portable C."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.errors import GateError
from birdnet_stm32.stages import analyze

MakeJob = Callable[[str, dict[str, str]], Job]


@pytest.fixture
def job(tmp_path: Path, relu_model: Callable[..., bytes]) -> MakeJob:
    """Return what makes a job on a model of five dimensions, with a backend and suppressed rules."""
    verify, out = tmp_path / "verify", tmp_path / "out"
    for folder in (verify, out):
        folder.mkdir()
    (verify / "model.tflite").write_bytes(relu_model(1, 2, 2, 2, 2))

    def make(backend: str, suppress: dict[str, str]) -> Job:
        variant = Variant.model_validate(
            {
                "variant": {"title": "x"},
                "index": {"root": "songs"},
                "codegen": {"backend": backend},
                "lint": {"suppress": suppress},
            }
        )
        release = Release(name="x", path=tmp_path / "x.toml", build=tmp_path, variant=variant)
        return Job(release=release, inputs={"verify": verify}, files={}, out=out, previous=tmp_path / "no")

    return make


def test_for_the_portable_backend_findings_are_reported(tmp_path: Path, job: MakeJob) -> None:
    outcome = analyze.run(job("portable", {}))
    assert outcome.summary.endswith("lint: 2 errors, 1 hint")
    assert "0.0 ms estimated on the NPU" in outcome.summary
    assert outcome.measures["lint"]["error"] == 2
    findings = json.loads((tmp_path / "out" / "analysis.json").read_text())["findings"]
    assert [one["rule"] for one in findings] == ["rank-over-4", "rank-over-4", "output-rank-over-2"]


def test_for_the_npu_an_error_is_a_missed_gate(tmp_path: Path, job: MakeJob) -> None:
    with pytest.raises(GateError, match="more than 4 dimensions") as refused:
        analyze.run(job("stedgeai", {}))
    assert "docs/reference/lint/rank-over-4.md" in str(refused.value)
    assert (tmp_path / "out" / "analysis.json").is_file()


def test_a_suppressed_error_passes_with_its_reason(tmp_path: Path, job: MakeJob) -> None:
    suppress = {"rank-over-4": "compiled well", "computed-bias": "left over"}
    outcome = analyze.run(job("stedgeai", suppress))
    assert "clean, 1 hint, 2 suppressed; [lint] suppress computed-bias: finds nothing" in outcome.summary
    fields = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert fields["findings"][0]["suppressed"] == "compiled well"
    assert fields["unused_suppressions"] == ["computed-bias"]
