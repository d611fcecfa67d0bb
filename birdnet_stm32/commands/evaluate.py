"""Scores a model, .keras or .tflite, on a folder of labelled recordings.

Windows are cut as in deployment and pooled by maximum over each recording. Recordings of classes that the
model does not know are left out and counted; background recordings count against every class.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from birdnet_stm32.audio.index import IndexRow
from birdnet_stm32.audio.representative import split_windows
from birdnet_stm32.commands import folder
from birdnet_stm32.commands.files import contract_of, read_file, write_json
from birdnet_stm32.config import FirmwareTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.evaluate import Evaluation, evaluate, pool
from birdnet_stm32.model.outputs import probabilities
from birdnet_stm32.progress import track
from birdnet_stm32.quant import interpreter

EXAMPLE = "birdnet-stm32 evaluate --model_path model.tflite --data_path_test data/test --json scores.json"
PART = "test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options; their names are those of the 0.9 line."""
    parser.add_argument("--model_path", type=Path, required=True, metavar="FILE", help="*.keras or *.tflite")
    parser.add_argument("--model_config", type=Path, metavar="FILE", help="default: beside the model")
    folder.add_arguments(parser, "--data_path_test")
    parser.add_argument("--threshold", type=float, default=FirmwareTable().threshold, help="for F1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the scores; - for standard output")


def run(options: argparse.Namespace) -> None:
    """Score and show."""
    contract = contract_of(options.model_path, options.model_config)
    rows = folder.index_folder(options.data_path_test, options, train_every_label=False)
    known = [row for row in rows if row.usable and (row.background or row.label in contract.labels)]
    _mention_left_out(rows, contract)
    with track("decode") as report:
        windows = split_windows(
            [replace(row, split=PART) for row in known],
            options.data_path_test,
            part=PART,
            sample_rate_hz=contract.frontend.sample_rate_hz,
            window_samples=contract.frontend.window_samples,
            hop_samples=contract.frontend.window_hop_samples,
            report=report,
        )
    outputs = _outputs(options.model_path, contract, windows.pcm)
    paths = sorted({row.path for row in windows.rows})
    number = {path: position for position, path in enumerate(paths)}
    pooled = pool(
        probabilities(outputs, contract), np.array([number[row.path] for row in windows.rows], np.int64)
    )
    targets = np.zeros_like(pooled)
    for row in windows.rows:
        if not row.background:
            targets[number[row.path], contract.labels.index(row.label)] = 1
    result = evaluate(pooled, targets, contract.labels, threshold=options.threshold)
    write_json(options.json, asdict(result))
    if str(options.json) != "-":
        _show(result)


def _mention_left_out(rows: Sequence[IndexRow], contract: ModelContract) -> None:
    reasons = Counter(row.reason for row in rows if not row.usable)
    strangers = sum(row.usable and not row.background and row.label not in contract.labels for row in rows)
    if strangers:
        reasons["of a class that the model does not know"] = strangers
    for reason, count in sorted(reasons.items()):
        print(f"left out {count} recordings: {reason}", file=sys.stderr)


def _outputs(path: Path, contract: ModelContract, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    if path.suffix == ".keras":
        from birdnet_stm32.model import checkpoint, fit  # TensorFlow, which a .tflite does not need

        return fit.predict(checkpoint.load(path, contract), pcm, contract)
    if path.suffix == ".tflite":
        with track("windows") as report:
            return interpreter.run(
                read_file(path),
                features(pcm, contract.frontend),
                on_window=lambda done: report(done, len(pcm)),
            )
    raise InputError(f"the model is {path.name}", expected="a name that ends in .keras or .tflite")


def _show(result: Evaluation) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("class", overflow="fold")
    table.add_column("recordings", justify="right")
    table.add_column("average precision", justify="right")
    for one in result.classes:
        table.add_row(one.label, str(one.recordings), f"{one.average_precision:.3f}")
    Console().print(table)
    area = "-" if result.roc_auc is None else f"{result.roc_auc:.3f}"
    print(
        f"\n{result.recordings} recordings: cmAP {result.class_mean_average_precision:.3f}, ROC-AUC {area}, "
        f"F1 {result.f1:.3f}, best class right in {100 * result.top1_accuracy:.1f}%"
    )
