"""Compare rules of decisions on soundscapes whose calls are known.

A call is found if an event of its species touches it. A false event touches no call of its species. For each
rule the threshold, one for all species, is the one that gives at most so many false events an hour.

    python scripts/benchmark_decisions.py model.tflite soundscapes --false_events 6
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from heard_events import Call, read_calls

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.frontend.config_names import config_beside
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities

TABLES = {
    "1 window": DetectTable(need=1),
    "2 of 3 windows": DetectTable(),
    "3 of 3 windows": DetectTable(need=3),
    "average of 3 windows": DetectTable(rule="avg"),
    "log-mean-exp of 3 windows": DetectTable(rule="lme"),
}
THRESHOLDS = np.round(np.arange(0.02, 1.0, 0.02), 2).tolist()
Scored = tuple[np.ndarray, np.ndarray, int, list[Call]]


def score(path: Path, network: Interpreter, contract: ModelContract) -> Scored:
    """Return the probabilities, the starts, the length and the calls of a soundscape."""
    spec = contract.frontend
    pcm = decode(path, sample_rate_hz=spec.sample_rate_hz)
    if isinstance(pcm, Unusable):
        raise SystemExit(f"{path}: {pcm.reason}")
    (given,), (result,) = network.get_input_details(), network.get_output_details()
    starts, rows = spec.window_shape.starts(len(pcm)), []
    for start in starts:
        window = cut_window(pcm, start, spec.window_samples)
        network.set_tensor(given["index"], features(window[np.newaxis], spec))
        network.invoke()
        rows.append(network.get_tensor(result["index"])[0].copy())
    (table,) = path.parent.glob(f"{path.stem}.Table.1.selections.txt")
    values = probabilities(np.stack(rows), contract)
    return values, np.array(starts, np.int64), len(pcm), read_calls(table, contract.labels)


def count(events: Sequence[Event], calls: Sequence[Call], rate_hz: int) -> tuple[int, int]:
    """Return how many calls are found, and how many events are false."""

    def touches(event: Event, call: Call) -> bool:
        start_s, end_s = event.start_samples / rate_hz, event.end_samples / rate_hz
        return event.label == call.label and start_s < call.end_s and call.start_s < end_s

    found = sum(any(touches(event, call) for event in events) for call in calls)
    return found, sum(not any(touches(event, call) for call in calls) for event in events)


def main() -> None:
    """Print a line for each rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("soundscapes", type=Path)
    parser.add_argument("--false_events", type=float, default=6.0, help="most in an hour")
    options = parser.parse_args()
    contract = read_contract(config_beside(options.model))
    network = Interpreter(model_content=options.model.read_bytes())
    network.allocate_tensors()
    scored = [score(path, network, contract) for path in sorted(options.soundscapes.glob("*.flac"))]
    rate_hz, shape = contract.frontend.sample_rate_hz, contract.frontend.window_shape
    hours = sum(samples for _, _, samples, _ in scored) / rate_hz / 3_600
    total = sum(len(calls) for _, _, _, calls in scored)
    print(f"{len(scored)} soundscapes, {hours:.2f} h, {total} calls")
    for name, table in TABLES.items():
        rows = []
        for threshold in THRESHOLDS:
            rules = make_rules(table, contract.labels, (threshold,) * len(contract.labels), shape)
            counts = [
                count(find_events(values, starts, rules, samples=samples), calls, rate_hz)
                for values, starts, samples, calls in scored
            ]
            found, false = (sum(one) for one in zip(*counts, strict=True))
            rows.append((threshold, found / total, false / hours))
        allowed = [row for row in rows if row[2] <= options.false_events]
        at_half = min(rows, key=lambda row: abs(row[0] - 0.5))
        best = allowed[0] if allowed else rows[-1]
        print(
            f"{name:28} at 0.5: recall {at_half[1]:.3f}, {at_half[2]:6.1f} false/h;"
            f" threshold {best[0]:.2f}: recall {best[1]:.3f}, {best[2]:6.1f} false/h"
        )


if __name__ == "__main__":
    main()
