"""Trials: convert the model again with other calibration windows, and measure the effect of the choice.

Every trial is measured on the windows that are held out of the calibration. The validation windows are not
used, so that no proposal is fitted to the measurements of the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant.doctor.diagnosis import Proposal
from birdnet_stm32.quant.ranges.widths import range_widths
from birdnet_stm32.quant.verify import compare
from birdnet_stm32.tflite import interpreter

Pcm = npt.NDArray[np.int16]
FloatArray = npt.NDArray[np.floating]

SPLITS = 2  # random splits into two halves
FEWEST = 16  # windows that a selection has to keep
FEWEST_ASKED = 32  # calibration windows that a variant may ask for
QUARTILES = (25, 75)


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationWindows:
    """The windows that calibrate, and the windows that are held out to measure the result.

    Args:
        pcm: calibration windows, int16 [n, samples].
        snr_db: estimate of the signal-to-noise ratio of each calibration window, in dB.
        distance_db: distance of each calibration window's spectrum from the median spectrum, in dB.
        held_out: held-out windows, int16 [k, samples].
        held_out_recordings: number of recordings that the held-out windows come from.
    """

    pcm: Pcm
    snr_db: FloatArray
    distance_db: FloatArray
    held_out: Pcm
    held_out_recordings: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvertedModel:
    """An int8 model and its contract."""

    tflite: bytes
    contract: ModelContract


Quantize = Callable[[Pcm], ConvertedModel]
"""A function that makes the int8 model from calibration windows; their order is kept."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AlternativeConversion:
    """Another way to make the model from the same calibration windows.

    Args:
        what: what is different, in words.
        quantize: makes the model.
        proposal: the change to the variant that chooses this way.
    """

    what: str
    quantize: Quantize
    proposal: Proposal


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One conversion, measured on the held-out windows.

    Args:
        what: what was different, in words.
        windows: number of calibration windows.
        cosine_mean: mean cosine of the int8 and the float probabilities.
        cosine_p05: 5th percentile of the cosine.
        range_widths: width of the operand range of each activation, by name of the tensor.
        tflite: the int8 model.
        proposal: the change to the variant that makes this conversion; None if there is none.
    """

    what: str
    windows: int
    cosine_mean: float
    cosine_p05: float
    range_widths: dict[str, float]
    tflite: bytes
    proposal: Proposal | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Trials:
    """All trials of one model.

    Args:
        everything: calibrated with all calibration windows.
        included: calibrated with the held-out windows too.
        halves: calibrated with random halves.
        reordered: calibrated with the first half in other orders.
        selected: calibrated with windows of a certain signal-to-noise ratio or spectrum, or with fewer
            windows.
        narrowed: calibrated with all windows, with ranges clipped by a method.
        per_channel: with one scale for each channel; None unless the model has one scale for each kernel.
    """

    everything: Trial
    included: Trial
    halves: tuple[Trial, ...]
    reordered: tuple[Trial, ...]
    selected: tuple[Trial, ...]
    narrowed: tuple[Trial, ...]
    per_channel: Trial | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plan:
    """One conversion to make."""

    what: str
    pcm: Pcm
    quantize: Quantize
    proposal: Proposal | None = None


def run_trials(
    windows: CalibrationWindows,
    expected: FloatArray,
    quantize: Quantize,
    *,
    narrowed: Sequence[AlternativeConversion] = (),
    per_channel: AlternativeConversion | None = None,
    seed: int = 0,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Trials:
    """Convert with all windows, with parts of them, in other orders, and in other ways.

    Args:
        windows: windows that calibrate, and windows that measure.
        expected: probabilities of the float model for the held-out windows, [k, classes].
        quantize: makes the model under diagnosis.
        narrowed: ways to make it with narrower ranges.
        per_channel: the way to make it with one scale for each channel; None if it is made so already.
        seed: of the random halves and orders.
        report: called with (done, total) after each conversion.
    """
    rng = np.random.default_rng(seed)
    every = np.arange(len(windows.pcm))
    parts = [half for _ in range(SPLITS) for half in np.array_split(rng.permutation(every), 2)]
    orders = (parts[0][::-1], rng.permutation(parts[0]))
    both = np.concatenate([windows.pcm, windows.held_out])
    plans = {
        "everything": [_Plan(what="all windows", pcm=windows.pcm, quantize=quantize)],
        "included": [_Plan(what="the held-out windows too", pcm=both, quantize=quantize)],
        "halves": [_Plan(what="a half", pcm=windows.pcm[half], quantize=quantize) for half in parts],
        "reordered": [
            _Plan(what="another order", pcm=windows.pcm[order], quantize=quantize) for order in orders
        ],
        "selected": [
            _Plan(what=what, pcm=windows.pcm[kept], quantize=quantize, proposal=proposal)
            for what, proposal, kept in _selections(windows)
        ],
        "narrowed": [_plan(way, windows.pcm) for way in narrowed],
        "per_channel": [] if per_channel is None else [_plan(per_channel, windows.pcm)],
    }
    total = sum(map(len, plans.values()))
    made: dict[str, list[Trial]] = {}
    for name, group in plans.items():
        made[name] = []
        for plan in group:
            made[name].append(_trial(plan, windows.held_out, expected))
            report(sum(map(len, made.values())), total)
    return Trials(
        everything=made["everything"][0],
        included=made["included"][0],
        halves=tuple(made["halves"]),
        reordered=tuple(made["reordered"]),
        selected=tuple(made["selected"]),
        narrowed=tuple(made["narrowed"]),
        per_channel=next(iter(made["per_channel"]), None),
    )


def _plan(way: AlternativeConversion, pcm: Pcm) -> _Plan:
    return _Plan(what=way.what, pcm=pcm, quantize=way.quantize, proposal=way.proposal)


def _trial(plan: _Plan, held_out: Pcm, expected: FloatArray) -> Trial:
    made = plan.quantize(plan.pcm)
    inputs = features(held_out, made.contract.frontend)
    outputs = probabilities(interpreter.run(made.tflite, inputs), made.contract)
    measures = compare(expected, outputs).all
    return Trial(
        what=plan.what,
        windows=len(plan.pcm),
        cosine_mean=measures.cosine_mean,
        cosine_p05=measures.cosine_p05,
        range_widths=range_widths(made.tflite),
        tflite=made.tflite,
        proposal=plan.proposal,
    )


def _selections(windows: CalibrationWindows) -> list[tuple[str, Proposal, npt.NDArray[np.bool_]]]:
    """Return selections of calibration windows: a description, the proposal, and which windows, bool [n]."""
    low, high = (float(value) for value in np.percentile(windows.snr_db, QUARTILES))
    distance_db = windows.distance_db
    far = float(np.percentile(distance_db, QUARTILES[1]))
    fewer = len(windows.pcm) // 4
    selections = [
        (f"those with an SNR of at least {low:.0f} dB", "min_snr_db", low, windows.snr_db >= low),
        (f"those with an SNR of at most {high:.0f} dB", "max_snr_db", high, windows.snr_db <= high),
        (
            f"those within {far:.0f} dB of the median spectrum",
            "max_distance_db",
            far,
            windows.distance_db <= far,
        ),
    ]
    if fewer >= FEWEST_ASKED:
        first = np.arange(len(windows.pcm)) < fewer
        selections.append((f"the first {fewer}", "calibration_windows", fewer, first))
    return [
        (what, _choosing(key, value), kept)
        for what, key, value, kept in selections
        if FEWEST <= kept.sum() < len(kept)
    ]


def _choosing(key: str, value: float) -> Proposal:
    number = f"{value:d}" if isinstance(value, int) else f"{value:.1f}"
    option = "num_samples" if key == "calibration_windows" else key
    return Proposal(
        text="calibrate with these windows only",
        variant=f"[representative]\n{key} = {number}",
        command=f"--{option} {number}",
    )
