"""Ten soundscapes of ten minutes, and every shared recording: the C gives the events of the definition.

LiteRT computes the scores, in its fast kernels. Where they come from does not matter to the decisions.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.cli import main
from birdnet_stm32.config.detect_table import DetectTable, SpeciesRuleTable
from birdnet_stm32.detect.event_stream import EventStream
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.frontend.spectrogram import features
from tests.detect.c_events import NativeEvents, compile_events

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.shared]

OWN = {"Parus major_Great Tit": SpeciesRuleTable(need=1, threshold=0.7, hold_off_s=20)}
TABLES = (
    DetectTable(),
    DetectTable(need=1),
    DetectTable(need=3, within_s=9, gap_s=3, longest_s=15),
    DetectTable(rule="avg", hold_off_s=5),
    DetectTable(rule="lme", within_s=6, most_per_hour=4),
    DetectTable(species=OWN, longest_s=10, most_per_hour=7),
)
Scored = dict[str, tuple[np.ndarray, np.ndarray, int]]
"""Scores, starts and length by name."""


@pytest.fixture(scope="module")
def contract(shared: Path) -> ModelContract:
    return read_contract(shared / "checkpoints" / "birdnet_stm32n6_100_model_config.json")


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> list[ctypes.CDLL]:
    folder = tmp_path_factory.mktemp("events")
    return [compile_events(folder, compiler) for compiler in ("gcc", "clang")]


def score(shared: Path, contract: ModelContract, paths: list[Path]) -> Scored:
    content = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    network = Interpreter(model_content=content)
    network.allocate_tensors()
    (given,), (result,) = network.get_input_details(), network.get_output_details()
    spec, scored = contract.frontend, {}
    for path in paths:
        pcm = decode(path, sample_rate_hz=spec.sample_rate_hz)
        if isinstance(pcm, Unusable):
            continue
        starts = spec.window_shape.starts(len(pcm))
        rows = []
        for start in starts:
            window = cut_window(pcm, start, spec.window_samples)
            network.set_tensor(given["index"], features(window[np.newaxis], spec))
            network.invoke()
            rows.append(network.get_tensor(result["index"])[0].copy())
        scored[path.name] = (np.stack(rows), np.array(starts, np.int64), len(pcm))
    return scored


def compare(scored: Scored, contract: ModelContract, libraries: list[ctypes.CDLL]) -> Iterator[int]:
    """Compare three forms of the decisions by every rule, and yield the number of events of each."""
    for table in TABLES:
        for threshold in (0.1, 0.3, 0.5):
            thresholds = (threshold,) * len(contract.labels)
            rules = make_rules(table, contract.labels, thresholds, contract.frontend.window_shape)
            native = [NativeEvents(library, rules) for library in libraries]
            count = 0
            for probabilities, starts, samples in scored.values():
                whole = find_events(probabilities, starts, rules, samples=samples)
                stream = EventStream(rules)
                ended = [
                    event
                    for row, start in zip(probabilities, starts.tolist(), strict=True)
                    for event in stream.push(row, start)
                ]
                ended += stream.finish(samples)
                order = {label: index for index, label in enumerate(rules.labels)}
                assert sorted(ended, key=lambda one: (one.start_samples, order[one.label])) == whole
                for one in native:
                    assert one.run(probabilities, starts.tolist(), samples) == ended
                    assert one.tallies == stream.tallies
                count += len(whole)
            yield count


def test_ten_soundscapes_of_ten_minutes(
    shared: Path, tmp_path: Path, contract: ModelContract, libraries: list[ctypes.CDLL]
) -> None:
    birds = shared / "data" / "birds"
    options = ["--birds", birds, "--background", birds / "_background", "--minutes", 10, "--files", 10]
    out = ["--sample_rate", contract.frontend.sample_rate_hz, "--out", tmp_path / "scapes"]
    assert main(["soundscape", *map(str, options), *map(str, out)]) == 0
    scored = score(shared, contract, sorted((tmp_path / "scapes").glob("*.flac")))
    lengths = [samples / contract.frontend.sample_rate_hz for _, _, samples in scored.values()]
    assert lengths == pytest.approx([600] * 10)
    counts = list(compare(scored, contract, libraries))
    print("events by rule and threshold:", counts)
    assert all(counts)


def test_every_shared_recording(shared: Path, contract: ModelContract, libraries: list[ctypes.CDLL]) -> None:
    scored = score(shared, contract, sorted((shared / "data" / "birds").glob("*/*.flac")))
    counts = list(compare(scored, contract, libraries))
    print(f"{len(scored)} recordings, events by rule and threshold:", counts)
    assert len(scored) > 500
    assert all(counts)
