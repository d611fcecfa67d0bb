"""What a build that is killed or refused leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.emulated]

STAGES = (
    *(
        "index",
        "windows",
        "evaluation_windows",
        "representative",
        "train",
        "candidate/ptq",
        "convert",
        "verify",
        "layers",
        "analyze",
        "thresholds",
        "codegen",
    ),
    *("firmware", "package", "compile", "emulate", "evaluate", "image", "report", "bundle"),
)


def remove_from(checkout: Any, stage: str) -> None:
    """Remove what ``stage`` and those behind it in the pipeline published."""
    for name in STAGES[STAGES.index(stage) :]:
        shutil.rmtree(checkout.folder(name))


def start(checkout: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        checkout.command("bundle:tiny"),
        cwd=checkout.root,
        env=checkout.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(running: subprocess.Popen[bytes]) -> None:
    os.killpg(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL


def wait_for_work_on(checkout: Any, stage: str) -> None:
    give_up = time.monotonic() + 120
    while not list(checkout.folder(stage).parent.glob(f".{stage}.*")):
        assert time.monotonic() < give_up
        time.sleep(0.005)


def leftovers(checkout: Any) -> list[str]:
    return [path.name for path in checkout.folder("index").parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("stage", ["compile", "emulate"])
def test_killed_within_a_stage_the_next_run_continues_there(stage: str, checkout: Any) -> None:
    before = checkout.bundle()
    remove_from(checkout, stage)
    running = start(checkout)
    wait_for_work_on(checkout, stage)
    kill(running)
    assert leftovers(checkout)
    assert not checkout.folder(stage).exists()
    missing = set(STAGES) - checkout.published()
    assert checkout.ran() == missing
    assert checkout.bundle() == before
    assert leftovers(checkout) == []


KILLER = """\
import os, signal, sys
stage, moment, build = {stage!r}, {moment!r}, {build!r}
def hook(event, arguments):
    if event not in ("open", "os.rename") or not isinstance(arguments[0], str | os.PathLike):
        return
    parts = os.fspath(arguments[0]).removeprefix(build).split("/")
    works = any(part.startswith(f".{{stage}}.") for part in parts)
    retires = parts[-1] == stage and event == "os.rename"
    writes = event == "open" and works and parts[-1] != ""
    renames = event == "os.rename" and parts[-1].startswith(f".{{stage}}.")
    if {{"works": writes, "retires": retires, "publishes": renames}}[moment]:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
"""


@pytest.mark.parametrize("moment", ["works", "retires", "publishes"])
@pytest.mark.parametrize("stage", ["codegen", "compile", "emulate", "image", "report", "bundle"])
def test_killed_at_any_moment_of_a_stage_the_next_run_makes_the_same(
    stage: str, moment: str, checkout: Any
) -> None:
    """Killed at its first file, before the old folder goes, and between that and the new one's coming."""
    before = checkout.bundle()
    assert checkout.doit("forget", f"{stage}:tiny").returncode == 0
    hook = checkout.root / "sitecustomize.py"
    hook.write_text(KILLER.format(stage=stage, moment=moment, build=str(checkout.build)), encoding="utf-8")
    running = start(checkout)
    assert running.wait(timeout=300) == -signal.SIGKILL
    assert checkout.folder(stage).exists() is (moment != "publishes")
    assert leftovers(checkout)
    hook.unlink()
    assert checkout.ran() == {stage}
    assert checkout.bundle() == before
    assert leftovers(checkout) == []


def test_killed_again_and_again_no_finished_stage_runs_twice(checkout: Any) -> None:
    before = checkout.bundle()
    remove_from(checkout, "candidate/ptq")
    moments = np.random.default_rng(3)
    for _ in range(3):
        running = start(checkout)
        time.sleep(moments.uniform(2, 8))
        if running.poll() is None:
            kill(running)
    missing = set(STAGES) - checkout.published()
    ran = checkout.ran()
    assert ran == missing
    assert checkout.bundle() == before
    assert leftovers(checkout) == []


def test_a_missed_gate_stops_the_build_and_keeps_the_evidence(checkout: Any) -> None:
    remove_from(checkout, "layers")
    text = checkout.variant.read_text(encoding="utf-8")
    for key in ("min_cosine_mean", "min_cosine_p05"):
        text = text.replace(f"{key} = 0.8", f"{key} = 1.0")
    checkout.variant.write_text(text, encoding="utf-8")

    refused = checkout.doit("bundle:tiny")
    assert refused.returncode == 1
    assert (
        "the int8 model is too far from the float model: mean cosine of the probabilities " in refused.stdout
    )
    assert (
        "expected: mean cosine of the probabilities at least 1; 5th percentile of the cosine at least 1"
        in refused.stdout
    )
    assert "  try: " in refused.stdout
    assert "what it made is in build/tiny/verify.failed" in refused.stdout
    assert "Traceback" not in refused.stdout
    evidence = json.loads((checkout.folder("verify.failed") / "verify.json").read_text(encoding="utf-8"))
    assert evidence["all"]["cosine_mean"] < 1
    built = {"index", "windows", "representative", "train", "candidate/ptq", "convert"}
    # These two wait for nothing that is refused.
    assert checkout.published() - {"layers", "evaluation_windows"} == built
    assert checkout.doit("layers:tiny").returncode == 0  # where int8 hurts, a refused model is asked too
    assert json.loads((checkout.folder("layers") / "layers.json").read_text(encoding="utf-8"))["tensors"]

    checkout.variant.write_text(text.replace("= 1.0", "= 0.8"), encoding="utf-8")
    assert "train" not in checkout.ran()
    assert not checkout.folder("verify.failed").exists()
