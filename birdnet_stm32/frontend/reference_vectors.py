"""Describe every stage of a recording in a small JSON document, to test another implementation with.

The document does not hold the arrays. Shape, sum, extremes and first values are enough to find a difference,
and they fit into a text file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import GateError
from birdnet_stm32.frontend.config_versions import ConfigLine, config_line
from birdnet_stm32.frontend.contract import (
    FLOAT_FRONT_END,
    FLOAT_FRONT_END_FILE,
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
)
from birdnet_stm32.frontend.spectrogram import FrontendStages, frontend_stages

HEAD_VALUES = 8
TOLERANCE = "a float32 port agrees to about 1e-4 relative on every stage"
# The order of the published documents. Only some front ends have mel and mixed.
STAGES = ("window", "stft_magnitude", "mel", "compressed", "mixed", "model_input")


def describe_recording(
    pcm: npt.NDArray[np.int16],
    spec: FrontendSpec,
    starts: Sequence[int],
    *,
    audio: str,
    audio_sha256: str,
) -> dict[str, Any]:
    """Return the document of one recording.

    Args:
        pcm: the whole recording, int16 ``[samples]`` at the model's rate. A recording that is shorter than a
            window is padded with zeros at its end.
        spec: the model's front end.
        starts: first sample of each window.
        audio: name of the recording's file.
        audio_sha256: SHA-256 of that file.

    Raises:
        InputError: a window lies outside the recording.
    """
    padded = np.pad(pcm, (0, max(0, spec.window_samples - len(pcm))))
    return {
        "audio": audio,
        "audio_sha256": audio_sha256,
        "config": _config(spec),
        "layout": _layout(spec),
        "tolerance": TOLERANCE,
        "windows": [
            describe_window(frontend_stages(padded[start : start + spec.window_samples], spec), start)
            for start in starts
        ],
    }


def describe_window(values: FrontendStages, start_sample: int) -> dict[str, Any]:
    """Return one entry of the document's ``windows``. Stages that the front end does not have are left out.

    Args:
        values: all stages of the window.
        start_sample: first sample of the window.
    """
    arrays = {name: getattr(values, name) for name in STAGES}
    return {
        "start_sample": int(start_sample),
        **{name: _summary(array) for name, array in arrays.items() if array is not None},
    }


def compare_documents(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Compare two documents of the same recording.

    Args:
        expected: the reference.
        actual: the document to check.

    Returns:
        The name of each stage of ``expected`` with its largest error over all windows. Errors of extremes and
        first values are relative to the stage's largest magnitude. The error of the sum is relative to the
        sum or to that magnitude, whichever is larger.

    Raises:
        GateError: the documents differ in windows, stages or shapes.
    """
    starts = [[window["start_sample"] for window in each["windows"]] for each in (expected, actual)]
    if starts[0] != starts[1]:
        raise GateError(f"the windows start at samples {starts[1]}", expected=f"{starts[0]}")
    errors: dict[str, float] = {}
    for right, given in zip(expected["windows"], actual["windows"], strict=True):
        for stage in STAGES:
            if (stage in right) != (stage in given):
                present, absent = ("expected", "actual") if stage in right else ("actual", "expected")
                raise GateError(f"stage {stage} is in the {present} document only, not in the {absent} one")
            if stage in right:
                where = f"stage {stage} of the window at sample {right['start_sample']}"
                error = _summary_error(right[stage], given[stage], where=where)
                errors[stage] = max(errors.get(stage, 0.0), error)
    return list(errors.items())


def _config(spec: FrontendSpec) -> dict[str, Any]:
    config: dict[str, Any] = {
        "sample_rate": spec.sample_rate_hz,
        "chunk_duration": spec.window_s,
        "audio_frontend": spec.kind.value,
        "fft_length": spec.fft_length,
        "spec_width": spec.spec_width,
    }
    # In configurations of version 0.9, a missing input_compression means that the Nyquist bin is kept.
    frequency_major = spec.layout is InputLayout.FREQUENCY_MAJOR
    if not (spec.keep_nyquist and spec.compression is Compression.NONE and frequency_major):
        config["input_compression"] = spec.compression.value
    if spec.kind is Frontend.MEL:
        config["num_mels"] = spec.num_mels
    if spec.mixer is not None:
        config |= {"num_mels": spec.num_mels, FLOAT_FRONT_END: FLOAT_FRONT_END_FILE}
    if not frequency_major or config_line(config) is ConfigLine.OWN:
        config["input_layout"] = spec.layout.value
    if spec.keep_nyquist and "input_compression" in config:
        config["keep_nyquist"] = True
    return config


def _layout(spec: FrontendSpec) -> str:
    head = f"head = first {HEAD_VALUES} values in row-major order"
    if spec.kind is Frontend.RAW:
        return f"one value per sample; {head}"
    rows = f"frequency-major: row = {'mel band' if spec.kind is Frontend.MEL else 'FFT bin'}, column = frame"
    if spec.mixer is not None:
        rows += "; in mixed and model_input row = mel band"
    if spec.layout is InputLayout.TIME_MAJOR:
        rows += "; model_input is time-major: row = frame"
    return f"{rows}; {head}"


def _summary(array: npt.NDArray[np.float32]) -> dict[str, Any]:
    values = array.astype(np.float64).ravel()
    return {
        "shape": list(array.shape),
        "sum": round(float(values.sum()), 6),
        "min": round(float(values.min()), 7),
        "max": round(float(values.max()), 7),
        "head": [round(float(value), 7) for value in values[:HEAD_VALUES]],
    }


def _summary_error(expected: Mapping[str, Any], actual: Mapping[str, Any], *, where: str) -> float:
    if expected["shape"] != actual["shape"]:
        raise GateError(f"the shape is {actual['shape']}", where=where, expected=str(expected["shape"]))
    right, given = (
        np.array([each["min"], each["max"], *each["head"]], dtype=np.float64) for each in (expected, actual)
    )
    peak = max(float(np.abs(right[:2]).max()), float(np.finfo(np.float32).tiny))
    sum_error = abs(float(actual["sum"]) - float(expected["sum"])) / max(abs(float(expected["sum"])), peak)
    return max(float(np.abs(given - right).max()) / peak, sum_error)
