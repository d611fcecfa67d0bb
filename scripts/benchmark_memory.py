#!/usr/bin/env python3
"""Measure the greatest memory of each stage against the number of windows, and draw docs/images/memory.svg.

For each number of windows, recordings of noise are written: 100 classes and background, 12.5 s each, with 9
windows of 2.5 s. Then the real stages run one after the other, each in a process of its own, whose greatest
resident memory is read when it ends. Training runs some hundred steps, by [train] max_windows_per_class.

The recordings have a sample rate of 1 kHz, so that their files are small; the stages bring them to the rate
of the model. 1,000,000 windows take 23 GB of disk at the model's 8 kHz.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

STAGES = ("index", "windows", "representative", "train")
TO_EVALUATE = ("candidate/ptq", "convert", "verify", "thresholds", "evaluate")
CLASSES = 100
SECONDS = 12.5
WINDOWS_PER_RECORDING = 9
SOURCE_RATE_HZ = 1_000
LIMIT_BYTES = 2e9
NAME = "memory"


def write_recordings(folder: Path, count: int) -> None:
    """Write ``count`` different recordings of noise into the folders of the classes."""
    rng = np.random.default_rng(0)
    samples = round(SECONDS * SOURCE_RATE_HZ)
    for number in range(count):
        label = number % (CLASSES + 1)
        path = folder / ("background" if label == CLASSES else f"species {label:03d}") / f"{number:06d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(-3_000, 3_000, samples, dtype=np.int16)
        soundfile.write(path, noise, SOURCE_RATE_HZ)


def variant(root: Path, sample_rate_hz: int) -> dict[str, Any]:
    """Return the fields of the variant that is built."""
    return {
        "variant": {"title": "Memory"},
        "index": {"root": str(root), "background": ["background"], "validation_share": 0.02},
        "model": {"sample_rate_hz": sample_rate_hz},
        "train": {"epochs": 1, "max_windows_per_class": 48},
        "quantize": {"recipes": ["ptq"]},
        "verify": {"min_cosine_mean": 0.0, "min_cosine_p05": 0.0},
        "firmware": {"boards": ["stm32n6570_dk"]},
    }


def run_one_stage(build: Path, name: str) -> None:
    """Run a stage in this process, and print its greatest resident memory in bytes."""
    from birdnet_stm32.config.variant import Variant
    from birdnet_stm32.engine.release import Release
    from birdnet_stm32.engine.run_stage import run_stage
    from birdnet_stm32.stages.catalog import folders_needed, stages_of

    described = (build / "variant.json").read_text(encoding="utf-8")
    release = Release(
        name=NAME,
        path=build / f"{NAME}.toml",
        build=build,
        variant=Variant.model_validate_json(described, strict=True),
    )
    stage = next(one for one in stages_of(release.variant) if one.key == name)
    summary = run_stage(stage, release, folders_needed(stage, release)).summary
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"bytes": peak_kib * 1_024, "summary": summary}))


def measure(build: Path, name: str) -> dict[str, Any]:
    """Run a stage in a process of its own; return its greatest memory and its seconds."""
    started = time.perf_counter()
    command = [sys.executable, str(Path(__file__)), "--stage", name, "--folder", str(build)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "seconds": round(time.perf_counter() - started, 1)}


def measure_windows(
    windows: int, folder: Path | None, sample_rate_hz: int, stages: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Write recordings with about ``windows`` windows and measure every stage."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        recordings, build = Path(work) / "recordings", Path(work) / "build"
        build.mkdir()
        write_recordings(recordings, round(windows / WINDOWS_PER_RECORDING))
        fields = variant(recordings, sample_rate_hz)
        (build / "variant.json").write_text(json.dumps(fields), encoding="utf-8")
        found = {}
        for name in (*stages, "windows"):
            label = "windows, nothing changed" if name in found else name
            found[label] = measure(build, name)
            print(f"{windows:>9,} {label:26} {found[label]['bytes'] / 1e6:6.0f} MB", file=sys.stderr)
            print(f"{'':9} {found[label]['summary']} ({found[label]['seconds']} s)", file=sys.stderr)
        return found


def table(found: dict[int, dict[str, dict[str, Any]]]) -> str:
    """Return the measures as a table in Markdown."""
    counts = sorted(found)
    names = list(found[counts[0]])
    head = ["stage", *(f"{count:,} windows" for count in counts)]
    rows = [[name, *(f"{found[count][name]['bytes'] / 1e6:,.0f} MB" for count in counts)] for name in names]
    lines = [head, ["---", *("---:" for _ in counts)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def draw(found: dict[int, dict[str, dict[str, Any]]], path: Path) -> None:
    """Draw memory against the number of windows, both in logarithms."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "memory"
    counts = sorted(found)
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for name in found[counts[0]]:
        peaks_gb = [found[count][name]["bytes"] / 1e9 for count in counts]
        axes.loglog(counts, peaks_gb, marker="o", label=name)
    all_windows_gb = [count * 2.5 * 24_000 * 2 / 1e9 for count in counts]
    axes.loglog(counts, all_windows_gb, color="grey", linestyle=":", label="all windows at 24 kHz")
    axes.axhline(LIMIT_BYTES / 1e9, color="black", linestyle="--", linewidth=1, label="the limit, 2 GB")
    axes.set(xlabel="windows", ylabel="greatest resident memory, GB", ylim=(0.05, 200))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, print the table and draw the figure; or run one stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--windows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--sample_rate", type=int, default=8_000, metavar="HZ")
    parser.add_argument("--folder", type=Path, help="where to work; default: the temporary folder")
    parser.add_argument("--figure", type=Path, default=ROOT / "docs" / "images" / "memory.svg")
    parser.add_argument(
        "--evaluate", action="store_true", help="measure the stages up to evaluate too; this takes long"
    )
    parser.add_argument("--stage", choices=(*STAGES, *TO_EVALUATE), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        run_one_stage(options.folder, options.stage)
        return
    stages = (*STAGES, *(TO_EVALUATE if options.evaluate else ()))
    found = {
        windows: measure_windows(windows, options.folder, options.sample_rate, stages)
        for windows in options.windows
    }
    print(table(found))
    draw(found, options.figure)


if __name__ == "__main__":
    main()
