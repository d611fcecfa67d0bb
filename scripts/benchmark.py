#!/usr/bin/env python3
"""Print how long the pipeline takes: every stage of the demo, and doit if nothing is to be done.

docs/benchmarks.md shows the last results. Everything is built in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.engine.manifest import read_run
from birdnet_stm32.stages.catalog import stages_of

ROOT = Path(__file__).resolve().parents[1]
CLASSES = 10
RATE_HZ = 8_000
CLIP_SAMPLES = 1_600
VARIANT = """\
[variant]
title = "Benchmark"

[index]
root = "recordings"
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table: elapsed seconds, and seconds of processor time, whatever else runs."""

    what: str
    wall_s: float
    cpu_s: float | None = None


def doit(what: str, *arguments: str) -> Row:
    """Run doit from the root of the repository and measure it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "doit", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    wall_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Row(what=what, wall_s=wall_s, cpu_s=cpu_s)


def median(repeats: int, what: str, *arguments: str) -> Row:
    """Run doit several times and return the run with the median time."""
    runs = [doit(what, *arguments) for _ in range(repeats)]
    return sorted(runs, key=lambda run: run.wall_s)[repeats // 2]


def write_recordings(root: Path, count: int) -> None:
    """Write ``count`` different recordings of noise, each 0.2 s long, with one folder for each class."""
    generator = np.random.default_rng(seed=42)
    for number in range(count):
        folder = root / f"class_{number % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        pcm = generator.integers(-8_192, 8_192, CLIP_SAMPLES, dtype=np.int16)
        with wave.open(str(folder / f"clip_{number:06}.wav"), "wb") as stream:
            stream.setnchannels(1)
            stream.setsampwidth(2)
            stream.setframerate(RATE_HZ)
            stream.writeframes(pcm.astype("<i2").tobytes())


def bench_demo(folder: Path, repeats: int) -> list[Row]:
    """Build the demo from the start, then again when nothing is to be done."""
    build = f"build={folder}"
    rows = [doit("`doit bundle:demo`, with an empty build folder", build, "bundle:demo")]
    demo = load_variant(ROOT / "variants" / "demo.toml")
    runs = ((stage.key, read_run(folder / "demo" / stage.key)) for stage in stages_of(demo))
    rows += [Row(what=f"stage {name}", wall_s=float(run["seconds"])) for name, run in runs if run]
    rows.append(median(repeats, "`doit bundle:demo`, nothing to do", build, "bundle:demo"))
    rows.append(median(repeats, "`doit list`", build, "list"))
    return rows


def bench_index(folder: Path, count: int, repeats: int) -> list[Row]:
    """Index many recordings, then again when nothing is to be done."""
    variants = folder / "variants"
    write_recordings(variants / "recordings", count)
    (variants / "bench.toml").write_text(VARIANT, encoding="utf-8")
    index = (f"variants={variants}", f"build={folder / 'build'}", "index:bench")
    what = f"`doit index:bench`, {count:,} recordings"
    return [
        doit(f"{what}, with an empty build folder", *index),
        median(repeats, f"{what}, nothing to do", *index),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=10_000, metavar="N", help="recordings to index")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="medians are of this many runs")
    parser.add_argument("--without-demo", action="store_true", help="only doit with nothing to do")
    options = parser.parse_args(argv)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="birdnet-benchmark-") as work:
        if not options.without_demo:
            rows += bench_demo(Path(work) / "demo", options.repeats)
        rows += bench_index(Path(work) / "index", options.recordings, options.repeats)
    print(
        f"{os.cpu_count()} cores of {platform.machine()}, Python {platform.python_version()}, "
        f"TensorFlow {version('tensorflow-cpu')}, doit {version('doit')}\n"
    )
    print("| what | seconds | processor seconds |\n|---|---:|---:|")
    for row in rows:
        print(f"| {row.what} | {row.wall_s:.2f} | {'' if row.cpu_s is None else f'{row.cpu_s:.2f}'} |")


if __name__ == "__main__":
    main()
