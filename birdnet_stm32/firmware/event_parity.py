"""Compares the events that a firmware printed with those that the definition finds in its own outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from birdnet_stm32.codegen.constant_folding import fold_batch
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.rules import Rules
from birdnet_stm32.firmware.emulation_result import Parity
from birdnet_stm32.firmware.emulator import EmulationRun
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant.arithmetic.scheme import dequantize
from birdnet_stm32.tflite.reader import read_graph


def check_events(
    parity: Parity,
    run: EmulationRun,
    tflite: bytes,
    contract: ModelContract,
    recordings: Mapping[str, npt.NDArray[np.int16]],
    rules: Rules,
) -> Parity:
    """Return the comparison of a run, with that of its events.

    The probabilities are computed here from the int8 outputs of the firmware. So a difference is one of the
    decisions, or of how an output becomes a probability.

    Args:
        parity: the comparison of everything before the decisions.
        run: what the firmware computed and printed.
        tflite: the model it was generated from.
        contract: says whether the outputs are logits.
        recordings: what the firmware was given, PCM by name.
        rules: those that the firmware was built with.
    """
    output = lower(fold_batch(read_graph(tflite, where="the model"))).output
    compared = differing = 0
    first_difference: str | None = None
    for number, (name, pcm) in enumerate(recordings.items()):
        windows = [one for one in run.windows if one.recording == number]
        steps = np.stack([one.output for one in windows])
        expected = find_events(
            probabilities(dequantize(steps, output.scale, output.zero_point), contract),
            np.array([one.first_sample for one in windows], np.int64),
            rules,
            samples=len(pcm),
        )
        printed = [one.event for one in run.events if one.recording == number]
        compared += len(expected)
        missing, strange = set(expected) - set(printed), set(printed) - set(expected)
        repeated = len(printed) - len(set(printed))
        differing += max(len(missing), len(strange) + repeated)
        if first_difference is None and (missing or strange or repeated):
            first_difference = (
                f"{name}: the firmware printed {_words(strange or set(printed))}, "
                f"the definition finds {_words(missing or set(expected))}"
            )
    return replace(
        parity,
        events_compared=compared,
        events_differing=differing,
        first_difference=parity.first_difference or first_difference,
    )


def _words(events: set[Event]) -> str:
    """Return the first of some events in words."""
    if not events:
        return "no other event"
    first = min(events, key=lambda one: (one.start_samples, one.label))
    return f"{first.label} from sample {first.start_samples} to {first.end_samples} with {first.score:.9f}"
