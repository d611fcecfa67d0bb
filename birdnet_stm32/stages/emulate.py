"""Runs the firmware on an emulated Cortex-M55 over validation windows; publishes ``emulate.json``."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files import json_file
from birdnet_stm32.firmware import emulator, parity
from birdnet_stm32.firmware.emulator import Place, described
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.file_names import CONFIG, MODEL
from birdnet_stm32.stages.inputs.windows import load_windows

BOARD = "mps3_an547"


def run(job: Job) -> Outcome:
    """Compare everything that the firmware computes with the references.

    Raises:
        GateError: an output differs from the reference kernels, or the front end from NumPy.
    """
    verified = job.inputs["verify"]
    spec = read_contract(verified / CONFIG).frontend
    stored, most = load_windows(job.inputs["representative"]), job.variant.emulate.windows
    windows = stored.validation[:most]
    places = [
        Place(path=row.path, start_s=row.start_sample / spec.sample_rate_hz)
        for row in stored.validation_rows[:most]
    ]
    recordings = {f"window_{number:04d}": pcm for number, pcm in enumerate(windows)}
    with tempfile.TemporaryDirectory(prefix="birdnet-") as work, track("emulate") as report:
        ran = emulator.run(
            job.inputs["compile"] / BOARD / "firmware.elf",
            recordings,
            spec,
            work=Path(work),
            timeout_s=job.variant.emulate.timeout_s,
            on_window=lambda done: report(done, len(windows)),
        )
        result = parity.check(ran, (verified / MODEL).read_bytes(), spec, recordings)
    fields = asdict(result) | described(ran, places, spec.sample_rate_hz)
    (job.out / "emulate.json").write_text(json_file.canonical_json(fields), encoding="utf-8")
    (job.out / "console.txt").write_text(ran.console, encoding="utf-8")
    parity.require(result)
    return Outcome(
        summary=f"{result.windows} windows, {result.outputs_differing} of {result.outputs_compared} outputs "
        f"differ, front end within {result.front_end_max_relative_error:.1e}",
        measures={"windows": result.windows, "outputs_differing": result.outputs_differing},
    )
