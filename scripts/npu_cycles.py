#!/usr/bin/env python3
"""Fit the rates of birdnet_stm32/npu/cycles.py to networks whose time on a board is known.

Without FOLDER, the networks of birdnet_stm32/npu/measured_times.py are used. FOLDER holds a folder for each
network, with its .tflite (or ST's text report with its layers), and measured_ms.txt with the milliseconds of
one inference. The script prints the rates. As a page of the documentation, it also prints for each network
the error of the estimate when the set of this network is left out of the fit.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, astuple
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from birdnet_stm32.errors import InputError
from birdnet_stm32.npu.cycle_features import Features
from birdnet_stm32.npu.cycles import CYCLES_PER_MS, estimated_cycles, features_of_network
from birdnet_stm32.npu.measured_times import MEASURED, MeasuredNetwork
from birdnet_stm32.npu.rebuilt_network import read_layers, rebuild
from birdnet_stm32.tflite.reader import read_graph

MEASURED_MS = "measured_ms.txt"


PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "npu_cycles.md"

HEAD = """\
# The estimate of cycles, and how far it is off

The stage `analyze`, its JSON and the report estimate the cycles of each operator before anything is
compiled. They are cycles of the NPU's clock, which is 1 GHz by default. The estimate is a sum of five
products. `python scripts/npu_cycles.py` fitted the rates to the networks below. Their times on an
STM32N6570-DK are public; this project did not measure any of them. After the compilation, ST's own estimate
in the report counts instead. On a board, a measurement counts.

"""

TAIL = """
- **Fitted** are rates that are not negative and minimise the squares of the relative errors. A rate of 0
  means that these networks do not show such a cost besides the others. It does not mean that there is none.
- **Held out** is the estimate divided by the time. For it the rates were fitted to all networks except
  those of the same set (the name up to `-`), because networks of a set are similar.
- The estimate does not know how the compiler fuses and schedules operators: the same 1 x 1 convolution took
  0.288 ms when 4.0.0 compiled it, and 0.153 ms with 2.2.0. It also does not know whether weights are in the
  internal RAM (they then cost far less), whether the epoch controller runs the schedule, and whether
  activations are in HyperRAM.
- The rate of software is the least certain. It depends on blazeface and movenet. Without blazeface its
  error is more than a factor of three.
- `birdnet_stm32/npu/cycles.py` computed the features from the .tflite of each network. For `yamnet_1024`
  and `citrinet_256_g800` it used the table of layers in ST's report. For the three `mobilenet_v1` it used
  the architecture with 101 classes and random weights. The .tflite of blazeface comes from another
  repository than its time.

To fit the rates to other networks, give a folder: `python scripts/npu_cycles.py FOLDER`, see its `--help`.
"""


def read_samples(folder: Path) -> tuple[MeasuredNetwork, ...]:
    """Return the networks below ``folder``. Raises: InputError."""
    samples = tuple(_sample(path.parent) for path in sorted(folder.rglob(MEASURED_MS)))
    if not samples:
        raise InputError(f"holds no {MEASURED_MS}", where=folder)
    return samples


def _sample(folder: Path) -> MeasuredNetwork:
    text = (folder / MEASURED_MS).read_text(encoding="utf-8").strip()
    models = sorted(folder.glob("*.tflite"))
    reports = sorted(folder.glob("*report*.txt"))
    if models:
        graph = read_graph(models[0].read_bytes(), where=str(models[0]))
    elif reports:
        graph = rebuild(read_layers(reports[0].read_text(encoding="utf-8", errors="replace")))
    else:
        raise InputError("holds neither a .tflite nor a report with layers", where=folder)
    try:
        ms = float(text)
    except ValueError as error:
        raise InputError(f"holds {text[:40]!r}", where=folder / MEASURED_MS, expected="a number") from error
    features = features_of_network(graph)
    return MeasuredNetwork(name=folder.name, core="", ms=ms, source=str(folder), features=features)


def fit(samples: tuple[MeasuredNetwork, ...]) -> Features:
    """Return the non-negative rates with the smallest mean square of the relative errors."""
    matrix = np.array([astuple(one.features) for one in samples], float)
    times = np.array([one.ms * CYCLES_PER_MS for one in samples])
    rates, _ = nnls(matrix / times[:, None], np.ones(len(samples)))
    macs, weights, activations, starts, software = (float(rate) for rate in rates)
    return Features(
        macs=macs,
        weight_bytes=weights,
        activation_bytes=activations,
        starts=starts,
        software_bytes=software,
    )


def left_out(samples: tuple[MeasuredNetwork, ...]) -> tuple[float, ...]:
    """Return the ratio of estimate and time for each network, fitted without its set."""
    return tuple(
        estimated_cycles(sample.features, fit(tuple(one for one in samples if _set(one) != _set(sample))))
        / (sample.ms * CYCLES_PER_MS)
        for sample in samples
    )


def factors(ratios: tuple[float, ...]) -> tuple[float, float]:
    """Return the factors by which the estimates are wrong: the median and the greatest."""
    each = sorted(max(ratio, 1 / ratio) if ratio else float("inf") for ratio in ratios)
    return each[len(each) // 2], each[-1]


def _set(sample: MeasuredNetwork) -> str:
    return sample.name.split("-")[0]


def page(samples: tuple[MeasuredNetwork, ...]) -> str:
    """Return the page on the estimate."""
    rates, ratios = fit(samples), left_out(samples)
    median, largest = factors(ratios)
    lines = ["| cycles for one | rate |", "|---|---|"]
    lines += [
        f"| {name.replace('_', ' ').removesuffix('s')} | {value:.4g} |"
        for name, value in asdict(rates).items()
    ]
    lines += [
        "",
        f"For {len(samples)} networks that were left out of the fit, the median factor of error was "
        f"{median:.2f} and the largest {largest:.2f}.",
        "",
        "| network | Core | ms | held out | MAC | weight bytes | activation bytes | starts | "
        "software bytes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for sample, ratio in zip(samples, ratios, strict=True):
        numbers = " | ".join(f"{value:,.0f}" for value in astuple(sample.features))
        lines.append(f"| {sample.name} | {sample.core} | {sample.ms} | {ratio:.2f} | {numbers} |")
    lines += ["", "Sources:", ""]
    lines += [f"- {sample.name}: {sample.source}" for sample in samples]
    return HEAD + "\n".join(lines) + "\n" + TAIL


def main() -> None:
    """Fit; print the results, or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", nargs="?")
    parser.add_argument("--write", action="store_true", help="write docs/explanation/npu_cycles.md")
    options = parser.parse_args()
    text = page(read_samples(options.folder) if options.folder else MEASURED)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
