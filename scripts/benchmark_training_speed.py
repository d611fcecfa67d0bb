#!/usr/bin/env python3
"""Print how long an epoch of training takes, and how long the network waits for its batches.

Each row is a training of its own, in a process of its own, on windows of noise. The default model is trained
with the default augmentation. The first epoch traces and compiles the step, so it has a column of its own;
the other columns are medians of the epochs after it. docs/benchmarks.md shows the last results.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

CLASSES = 10
BATCH = 16
ROWS: tuple[dict[str, object], ...] = (
    {"workers": 0},
    {"workers": 1},
    {"workers": 2},
    {"workers": 1, "precision": "mixed_bfloat16"},
    {"workers": 1, "jit": True},
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table.

    Args:
        what: the keys of ``[run]``.
        first_s: seconds of processor time of the first epoch.
        wall_s: seconds of an epoch after it.
        cpu_s: seconds of processor time of such an epoch, validation included.
        waiting: share of ``wall_s`` in which the network waited for its batches.
        validation: seconds of processor time to validate as many windows, in the first pass and the second.
    """

    what: str
    first_s: float
    wall_s: float
    cpu_s: float
    waiting: float
    validation: tuple[float, float]


def measure(keys: dict[str, object], windows: int, epochs: int) -> Row:
    """Train with some keys of ``[run]``."""
    from birdnet_stm32.config.variant import ModelTable
    from birdnet_stm32.model.training import fit
    from birdnet_stm32.model.training.examples import labelled
    from birdnet_stm32.model.training.history import EpochReport
    from birdnet_stm32.model.training.inputs import Inputs
    from birdnet_stm32.model.training.predict import predict_part
    from birdnet_stm32.model.training.speed import Speed
    from birdnet_stm32.model.training.student import new_student
    from birdnet_stm32.model.training.targets import one_hot
    from birdnet_stm32.stages.inputs.float_model import contract_to_train

    contract = contract_to_train(ModelTable(), tuple(f"class {number}" for number in range(CLASSES)))
    shape = (windows, contract.frontend.window_samples)
    pcm = np.random.default_rng(0).integers(-9_000, 9_000, shape, dtype=np.int16)
    targets = one_hot(np.arange(windows) % CLASSES, CLASSES)
    few = labelled(pcm[:CLASSES], targets[:CLASSES])
    speeds: list[Speed] = []
    ends = [time.process_time()]

    def on_epoch(_: EpochReport, speed: Speed) -> None:
        speeds.append(speed)
        ends.append(time.process_time())

    settings = fit.FitSettings(epochs=epochs, batch_size=BATCH, **keys)  # type: ignore[arg-type]
    examples = labelled(pcm, targets)
    model = fit.train(lambda: new_student(contract, 0), contract, examples, few, settings, on_epoch).model
    inputs, passes = Inputs(pcm, contract.frontend, kept_bytes=2**30), []
    predict_part(model, Inputs(pcm, contract.frontend), slice(0, windows))  # traces the network
    for _ in range(2):
        start = time.process_time()
        predict_part(model, inputs, slice(0, windows))
        passes.append(time.process_time() - start)
    cpu_s = np.diff(ends).tolist()
    return Row(
        what=", ".join(f"{name} = {json.dumps(value)}" for name, value in keys.items()),
        first_s=cpu_s[0],
        wall_s=median(speed.seconds for speed in speeds[1:]),
        cpu_s=median(cpu_s[1:]),
        waiting=median(speed.waiting for speed in speeds[1:]),
        validation=(passes[0], passes[1]),
    )


def main() -> None:
    """Measure every row in a process of its own and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=256, help="windows of an epoch")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of each training")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row is not None:
        print(json.dumps(asdict(measure(json.loads(options.row), options.windows, options.epochs))))
        return
    print(f"{options.windows} windows an epoch, batches of {BATCH}, {os.cpu_count()} cores\n")
    print("| [run] | seconds an epoch | waiting | processor seconds | those of the first epoch |")
    print("|---|---:|---:|---:|---:|")
    for keys in ROWS:
        arguments = [
            f"--windows={options.windows}",
            f"--epochs={options.epochs}",
            f"--row={json.dumps(keys)}",
        ]
        found = subprocess.run(
            [sys.executable, __file__, *arguments],
            check=True,
            stdout=subprocess.PIPE,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        row = Row(**json.loads(found.stdout.splitlines()[-1]))
        print(
            f"| `{row.what}` | {row.wall_s:.2f} | {100 * row.waiting:.0f} % | {row.cpu_s:.2f} | "
            f"{row.first_s:.2f} |",
            flush=True,
        )
    first, second = row.validation
    print(f"\nvalidation of as many windows: {first:.2f} processor seconds, then {second:.2f}")


if __name__ == "__main__":
    main()
