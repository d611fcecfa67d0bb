"""Events that a firmware printed are compared with those of the definition: right ones, and wrong ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.rules import Rules, make_rules
from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware import parity
from birdnet_stm32.firmware.console import PrintedEvent
from birdnet_stm32.firmware.emulation_result import Parity
from birdnet_stm32.firmware.emulator import EmulationRun
from birdnet_stm32.firmware.event_parity import check_events
from birdnet_stm32.firmware.tensor_dump import WindowDump
from birdnet_stm32.frontend.contract import ModelContract, read_contract

pytestmark = pytest.mark.shared

FAULTLESS = Parity(
    windows=12,
    inputs_differing=0,
    outputs_compared=1_200,
    outputs_differing=0,
    front_end_max_relative_error=0.0,
    stage_max_relative_errors={},
    first_difference=None,
)


@pytest.fixture(scope="module")
def model(shared: Path) -> bytes:
    return (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()


@pytest.fixture(scope="module")
def contract(shared: Path) -> ModelContract:
    return read_contract(shared / "checkpoints" / "birdnet_stm32n6_100_model_config.json")


@pytest.fixture(scope="module")
def rules(contract: ModelContract) -> Rules:
    shape = contract.frontend.window_shape
    return make_rules(DetectTable(), contract.labels, (0.5,) * len(contract.labels), shape)


@pytest.fixture(scope="module")
def recordings(contract: ModelContract) -> dict[str, np.ndarray]:
    hop = contract.frontend.window_hop_samples
    return {"one": np.zeros(9 * hop + 7, np.int16), "two": np.zeros(100, np.int16)}


@pytest.fixture(scope="module")
def right(contract: ModelContract, rules: Rules, recordings: dict[str, np.ndarray]) -> EmulationRun:
    """Return a run whose outputs are drawn, and whose events are those of the definition."""
    rng, windows, events = np.random.default_rng(3), [], []
    for number, pcm in enumerate(recordings.values()):
        starts = contract.frontend.window_shape.starts(len(pcm))
        steps = rng.integers(-128, 127, (len(starts), len(contract.labels)), endpoint=True).astype(np.int8)
        empty = np.zeros(0, np.float32)
        windows += [
            WindowDump(
                recording=number,
                window=window,
                first_sample=start,
                steps=empty,
                quantized_input=steps[0],
                output=steps[window],
            )
            for window, start in enumerate(starts)
        ]
        scores = (steps.astype(np.int32) + 128).astype(np.float32) / 256  # as the model quantizes them
        found = find_events(scores, np.array(starts, np.int64), rules, samples=len(pcm))
        events += [PrintedEvent(recording=number, event=event) for event in found]
    return EmulationRun(
        recordings=tuple(recordings),
        windows=tuple(windows),
        detections=(),
        console="",
        events=tuple(events[::-1]),
    )


def test_the_events_of_the_definition_pass_in_any_order(
    model: bytes,
    contract: ModelContract,
    rules: Rules,
    recordings: dict[str, np.ndarray],
    right: EmulationRun,
) -> None:
    found = check_events(FAULTLESS, right, model, contract, recordings, rules)
    assert (found.events_compared, found.events_differing) == (len(right.events), 0)
    assert found.first_difference is None
    assert len({one.recording for one in right.events}) == 2
    parity.require(found)


@pytest.mark.parametrize(
    ("wrong", "differing"),
    [
        (lambda events: events[1:], 1),
        (lambda events: (), None),
        (lambda events: (*events, events[0]), 1),
        (lambda events: (replace(events[0], recording=1 - events[0].recording), *events[1:]), 2),
        (lambda events: (changed(events[0], score=events[0].event.score - 2**-24), *events[1:]), 1),
        (lambda events: (changed(events[0], end_samples=events[0].event.end_samples + 1), *events[1:]), 1),
        (lambda events: (changed(events[0], label="Pica pica_Magpie"), *events[1:]), 1),
    ],
)
def test_a_wrong_event_is_refused(
    model: bytes,
    contract: ModelContract,
    rules: Rules,
    recordings: dict[str, np.ndarray],
    right: EmulationRun,
    wrong: object,
    differing: int | None,
) -> None:
    run = replace(right, events=wrong(right.events))
    found = check_events(FAULTLESS, run, model, contract, recordings, rules)
    assert found.events_differing == (len(right.events) if differing is None else differing)
    with pytest.raises(GateError, match="the firmware printed"):
        parity.require(found)


def changed(one: PrintedEvent, **fields: object) -> PrintedEvent:
    return replace(one, event=replace(one.event, **fields))
