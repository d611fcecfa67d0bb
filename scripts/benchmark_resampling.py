#!/usr/bin/env python3
"""Print what the firmware's sample rate converter changes in the scores of a model.

Recordings are raised to a recorder's sample rate by soxr (VHQ), and brought to the model's rate in two ways:
by soxr (HQ), as the host decodes, and by the firmware's filter (birdnet_stm32/audio/decoding/polyphase.py).
Each row compares the probabilities that the int8 model gives to the windows of both. Only the folds that are
named are read, so that no test part has a say in the filter.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from birdnet_stm32.audio.decoding.mono import to_int16
from birdnet_stm32.audio.decoding.polyphase import design_filter, resample
from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.evaluate.score import int8_scorer
from birdnet_stm32.frontend.contract import read_contract

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


def main() -> None:
    """Score the recordings both ways at every rate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, help="MODEL.tflite, with MODEL_model_config.json beside it")
    parser.add_argument("benchmark", type=Path, help="folder with index.csv and the recordings")
    parser.add_argument("--folds", nargs="+", default=["2", "3", "4", "5"])
    parser.add_argument("--rates", nargs="+", type=int, default=[48_000, 44_100, 32_000, 96_000])
    options = parser.parse_args()
    contract = read_contract(options.model.with_name(f"{options.model.stem}_model_config.json"))
    scorer = int8_scorer(options.model.read_bytes(), contract)
    shape, rate_hz = contract.frontend.window_shape, contract.frontend.sample_rate_hz
    recordings = list(benchmark_recordings(options.benchmark, options.folds))
    labels = [label for label, _, _ in recordings]
    print(f"{len(recordings)} recordings, the model's rate is {rate_hz} Hz")
    print("from Hz  windows  same best  mean change  95 % below  greatest  AP soxr  AP ours  same samples")
    for recorder_hz in options.rates:
        ways: list[list[Floats]] = [[], []]
        equal = 0.0
        for _, pcm, own_hz in recordings:
            raised = to_int16(soxr.resample(pcm, own_hz, recorder_hz, quality="VHQ"))
            as_float = raised.astype(np.float32) / np.float32(32_768)
            by_soxr = to_int16(soxr.resample(as_float, recorder_hz, rate_hz, quality="HQ"))
            ours = resample(raised, design_filter(recorder_hz, rate_hz))
            shared = min(len(by_soxr), len(ours))
            equal += float((by_soxr[:shared] == ours[:shared]).mean())
            for found, brought in zip(ways, (by_soxr, ours), strict=True):
                starts = shape.starts(shared)
                windows = [cut_window(brought[:shared], start, shape.window_samples) for start in starts]
                found.append(scorer(np.stack(windows)))
        print(row(recorder_hz, ways, labels, contract.labels, equal / len(recordings)))


def benchmark_recordings(folder: Path, folds: list[str]) -> Iterator[tuple[str, Floats, int]]:
    """Yield label, samples and sample rate of the birds of some folds."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = [one for one in csv.DictReader(file) if one["part"] == "birds" and one["fold"] in folds]
    for one in rows:
        pcm, own_hz = soundfile.read(folder / one["file"], dtype="float32")
        yield one["label"], pcm, own_hz


def row(
    recorder_hz: int, ways: list[list[Floats]], labels: list[str], classes: tuple[str, ...], equal: float
) -> str:
    """Return a line of the table: how the scores differ, and the average precision of each way."""
    by_soxr, ours = (np.concatenate(found) for found in ways)
    change = np.abs(by_soxr - ours)
    same = (by_soxr.argmax(axis=1) == ours.argmax(axis=1)).mean()
    precisions = [average_precision(found, labels, classes) for found in ways]
    return (
        f"{recorder_hz:>7}  {len(ours):>7}  {same:>8.1%}  {change.mean():>11.5f}  "
        f"{np.quantile(change.max(axis=1), 0.95):>10.4f}  {change.max():>8.4f}  "
        f"{precisions[0]:>7.4f}  {precisions[1]:>7.4f}  {equal:>6.1%}"
    )


def average_precision(found: list[Floats], labels: list[str], classes: tuple[str, ...]) -> float:
    """Return the mean average precision over the classes that both the model and the recordings have.

    A recording's score is the greatest of its windows.
    """
    from sklearn.metrics import average_precision_score

    pooled = np.stack([scores.max(axis=0) for scores in found])
    shared = sorted(set(labels) & set(classes))
    precisions = [
        average_precision_score([label == name for label in labels], pooled[:, classes.index(name)])
        for name in shared
    ]
    return float(np.mean(precisions)) if shared else float("nan")


if __name__ == "__main__":
    main()
