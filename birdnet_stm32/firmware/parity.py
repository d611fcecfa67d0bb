"""Compares what the firmware computed with the front end in NumPy and with LiteRT's reference kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware.emulation_result import FRONT_END_TOLERANCE, Parity, parity_gates
from birdnet_stm32.firmware.emulator import EmulationRun
from birdnet_stm32.firmware.tensor_dump import WindowDump
from birdnet_stm32.frontend import spectrogram
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.gates import refuse_failures
from birdnet_stm32.quant.arithmetic.scheme import quantize
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite import interpreter

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


def check(
    run: EmulationRun,
    tflite: bytes,
    spec: FrontendSpec,
    recordings: Mapping[str, Pcm],
    *,
    on_window: Callable[[int], None] | None = None,
) -> Parity:
    """Compare a run with the references.

    The windows are cut here anew, so that the firmware's reading of files and cutting of windows is
    compared too. The network is fed the input that the firmware quantized: a front end that is off by a
    rounding must not hide or fake a difference in the network.

    Args:
        run: what the firmware computed.
        tflite: the model it was generated from.
        spec: the model's front end.
        recordings: what the firmware was given, PCM by name.
        on_window: called with the number of windows done so far.

    Raises:
        GateError: the firmware cut the recordings into other windows.
    """
    expected = list(_windows(recordings, spec))
    _check_windows(run, expected)
    errors: dict[str, float] = {}
    first_difference: str | None = None
    for dumped, (_, _, _, pcm) in zip(run.windows, expected, strict=True):
        for stage, error in _stage_errors(dumped, pcm, spec).items():
            errors[stage] = max(errors.get(stage, 0.0), error)
            if not error <= FRONT_END_TOLERANCE and first_difference is None:
                first_difference = f"{_place(run, dumped)}: {stage} is off by {error:.2g} of its maximum"
    inputs_differing = 0
    scale, zero_point = interpreter.input_quantization(tflite)
    for dumped in run.windows:
        floats = np.nan_to_num(dumped.features)  # not-a-number is an error of its stage
        wrong = np.flatnonzero(dumped.quantized_input != quantize(floats, scale, zero_point))
        inputs_differing += len(wrong)
        if len(wrong) and first_difference is None:
            first_difference = f"{_place(run, dumped)}: input {wrong[0]} is not its float, quantized"
    reference = interpreter.run_from_int8(
        tflite,
        np.stack([dumped.quantized_input.reshape(spec.input_shape) for dumped in run.windows]),
        on_window=on_window,
    ).reshape(len(run.windows), -1)
    outputs = np.stack([dumped.output for dumped in run.windows])
    differing = np.argwhere(outputs != reference)
    if len(differing):
        window, output = differing[0]
        first_difference = (
            f"{_place(run, run.windows[window])}: output {output} is {outputs[window, output]}, "
            f"the reference {reference[window, output]}"
        )
    return Parity(
        windows=len(run.windows),
        inputs_differing=inputs_differing,
        outputs_compared=outputs.size,
        outputs_differing=len(differing),
        front_end_max_relative_error=max(errors.values()),
        stage_max_relative_errors=errors,
        first_difference=first_difference,
    )


def require(parity: Parity) -> None:
    """Refuse a firmware that computes anything else than the reference.

    Raises:
        GateError: an input or an output differs by a bit, or the front end by more than its tolerance.
    """
    refuse_failures(
        parity_gates(parity),
        f"the firmware computes something else than the references, {parity.first_difference}",
        where="emulated firmware",
    )


def _windows(recordings: Mapping[str, Pcm], spec: FrontendSpec) -> Iterator[tuple[int, int, int, Pcm]]:
    """Yield recording, window, first sample and PCM of every window, as deployment cuts them."""
    for recording, pcm in enumerate(recordings.values()):
        starts = spec.window_shape.starts(len(pcm))
        for window, start in enumerate(starts):
            yield recording, window, start, cut_window(pcm, start, spec.window_samples)


def _check_windows(run: EmulationRun, expected: Sequence[tuple[int, int, int, Pcm]]) -> None:
    found = [(one.recording, one.window, one.first_sample) for one in run.windows]
    wanted = [place for *place, _ in expected]
    if found != [tuple(place) for place in wanted]:
        raise GateError(
            f"the firmware cut {counted(len(found), 'window')}: {found[:5]} ...",
            where=", ".join(run.recordings[:3]),
            expected=f"{counted(len(wanted), 'window')} (recording, window, first sample): {wanted[:5]} ...",
        )


def _stage_errors(dumped: WindowDump, pcm: Pcm, spec: FrontendSpec) -> dict[str, float]:
    """Return the largest error of each stage, relative to the stage's largest magnitude."""
    references = spectrogram.in_place_stages(spectrogram.frontend_stages(pcm, spec), spec)
    return {
        name: _relative_error(found, reference)
        for found, (name, reference) in zip(dumped.steps, references.items(), strict=True)
    }


def _relative_error(found: Floats, reference: Floats) -> float:
    """Return the largest difference over the reference's largest magnitude; infinite if one is not finite."""
    difference = np.abs(found.astype(np.float64) - reference.reshape(-1)).max()
    largest = float(np.abs(reference).max())
    if not np.isfinite(difference):
        return float("inf")
    return float(difference / largest) if largest else float(difference)


def _place(run: EmulationRun, window: WindowDump) -> str:
    return f"{run.recordings[window.recording]} window {window.window} (sample {window.first_sample})"
