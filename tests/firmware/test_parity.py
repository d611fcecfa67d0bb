"""The comparison on windows that are right, and on windows that are wrong in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from birdnet_stm32.audio.windows.window_positions import cut_window, window_starts
from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware import parity
from birdnet_stm32.firmware.emulator import EmulationRun
from birdnet_stm32.firmware.tensor_dump import WindowDump
from birdnet_stm32.frontend import spectrogram
from birdnet_stm32.frontend.contract import FrontendSpec, read_contract
from birdnet_stm32.tflite import interpreter

pytestmark = pytest.mark.shared

Recordings = Mapping[str, npt.NDArray[np.int16]]


@pytest.fixture(scope="module")
def tflite(shared: Path) -> bytes:
    return (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()


@pytest.fixture(scope="module")
def spec(shared: Path) -> FrontendSpec:
    return read_contract(shared / "checkpoints" / "birdnet_stm32n6_100_model_config.json").frontend


@pytest.fixture(scope="module")
def recordings(shared: Path) -> Recordings:
    path = sorted((shared / "data" / "birds").glob("*Tit/*.flac"))[0]
    pcm, _ = soundfile.read(path, dtype="int16")
    return {"one": pcm[:80_000], "short": pcm[:30_000]}


@pytest.fixture(scope="module")
def right(tflite: bytes, spec: FrontendSpec, recordings: Recordings) -> EmulationRun:
    """Return a run as a faultless firmware would give it."""
    windows = []
    for recording, pcm in enumerate(recordings.values()):
        starts = window_starts(len(pcm), spec.window_samples, spec.window_hop_samples)
        for window, start in enumerate(starts):
            stages = spectrogram.frontend_stages(cut_window(pcm, start, spec.window_samples), spec)
            network = interpreter.run_int8(tflite, stages.model_input[np.newaxis])
            windows.append(
                WindowDump(
                    recording=recording,
                    window=window,
                    first_sample=start,
                    steps=np.stack(
                        [step.reshape(-1) for step in spectrogram.in_place_stages(stages, spec).values()]
                    ),
                    quantized_input=network.inputs.reshape(-1),
                    output=network.outputs.reshape(-1),
                )
            )
    return EmulationRun(recordings=tuple(recordings), windows=tuple(windows), detections=(), console="")


def with_window(run: EmulationRun, index: int, **changes: Any) -> EmulationRun:
    windows = list(run.windows)
    windows[index] = replace(windows[index], **changes)
    return replace(run, windows=tuple(windows))


def changed(values: npt.NDArray[Any], place: int | tuple[int, int], difference: float) -> npt.NDArray[Any]:
    result = values.copy()
    result[place] += result.dtype.type(difference)
    return result


def test_equal_windows_are_equal(
    right: EmulationRun, tflite: bytes, spec: FrontendSpec, recordings: Recordings
) -> None:
    found = parity.check(right, tflite, spec, recordings)
    assert found.windows == 3
    assert found.inputs_differing == 0
    assert found.outputs_compared == 300
    assert found.outputs_differing == 0
    assert found.front_end_max_relative_error == 0
    assert found.first_difference is None
    parity.require(found)


def test_one_bit_of_one_output_is_found(
    right: EmulationRun, tflite: bytes, spec: FrontendSpec, recordings: Recordings
) -> None:
    wrong = with_window(right, 2, output=changed(right.windows[2].output, 7, 1))
    found = parity.check(wrong, tflite, spec, recordings)
    assert found.outputs_differing == 1
    assert found.first_difference is not None
    assert found.first_difference.startswith("short window 0 (sample 0): output 7 is ")
    with pytest.raises(GateError, match=r"output 7 is .*outputs_differing: 1 of 300 outputs differ"):
        parity.require(found)


def test_one_bit_of_one_input_is_found(
    right: EmulationRun, tflite: bytes, spec: FrontendSpec, recordings: Recordings
) -> None:
    """The network is given that input and its outputs are right for it: only the input is wrong."""
    quantized = changed(right.windows[1].quantized_input, 99, 1)
    output = interpreter.run_from_int8(tflite, quantized.reshape(1, *spec.input_shape))
    wrong = with_window(right, 1, quantized_input=quantized, output=output.reshape(-1))
    found = parity.check(wrong, tflite, spec, recordings)
    assert (found.inputs_differing, found.outputs_differing) == (1, 0)
    with pytest.raises(GateError, match=r"input 99 is not its float, quantized: inputs_differing: 1 inputs"):
        parity.require(found)


@pytest.mark.parametrize("step", [0, 1, 2])
def test_errors_of_each_stage_are_measured(
    right: EmulationRun, tflite: bytes, spec: FrontendSpec, recordings: Recordings, step: int
) -> None:
    values = right.windows[1].steps
    wrong = with_window(right, 1, steps=changed(values, (step, 11), 2e-4 * values[step].max()))
    found = parity.check(wrong, tflite, spec, recordings)
    assert found.front_end_max_relative_error == pytest.approx(2e-4, rel=1e-2)
    assert found.first_difference is not None
    assert found.outputs_differing == 0
    with pytest.raises(GateError, match=r"front_end_error: off by 0\.0002 of the maximum"):
        parity.require(found)
    broken = with_window(right, 1, steps=changed(values, (step, 11), np.nan))
    assert parity.check(broken, tflite, spec, recordings).front_end_max_relative_error == np.inf


def test_other_windows_are_refused(
    right: EmulationRun, tflite: bytes, spec: FrontendSpec, recordings: Recordings
) -> None:
    with pytest.raises(GateError, match="expected: 3 windows"):
        parity.check(with_window(right, 1, first_sample=13_849), tflite, spec, recordings)
    with pytest.raises(GateError, match="cut 2 windows"):
        parity.check(replace(right, windows=right.windows[:2]), tflite, spec, recordings)
