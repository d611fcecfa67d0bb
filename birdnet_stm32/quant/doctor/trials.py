"""What the choice of calibration windows does to this very model: it is converted again and again.

Every trial is judged on the windows that are held out of the calibration. The validation windows are not
used, so that nothing proposed here is fitted to what the gate measures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant.doctor.finding import Proposal
from birdnet_stm32.quant.ranges.widths import spans
from birdnet_stm32.quant.verify import compare
from birdnet_stm32.tflite import interpreter

Pcm = npt.NDArray[np.int16]
FloatArray = npt.NDArray[np.floating]

SPLITS = 2  # into halves
FEWEST = 16  # windows that a selection leaves
FEWEST_ASKED = 32  # that a variant may ask for
QUARTILES = (25, 75)


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """The calibration side.

    Args:
        pcm: what calibrates, int16 [n, samples].
        snr_db: signal-to-noise estimate of each.
        distance_db: how far the spectrum of each lies from the median of all.
        held_out: what judges, int16 [k, samples].
        held_out_recordings: of how many recordings.
    """

    pcm: Pcm
    snr_db: FloatArray
    distance_db: FloatArray
    held_out: Pcm
    held_out_recordings: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Converted:
    """An int8 model and what it means."""

    tflite: bytes
    contract: ModelContract


Quantize = Callable[[Pcm], Converted]
"""Makes the int8 model from calibration windows, in the order given."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Otherwise:
    """Another way to make the model from the same windows, and what would choose it."""

    what: str
    quantize: Quantize
    proposal: Proposal


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """A conversion, judged on the held-out windows.

    Args:
        what: what was different.
        windows: how many calibrated it.
        cosine_mean: against the float model.
        cosine_p05: its 5th percentile.
        spans: what each activation's 255 steps cover, by tensor.
        tflite: the model.
        proposal: what would make this the variant's choice, if anything would.
    """

    what: str
    windows: int
    cosine_mean: float
    cosine_p05: float
    spans: dict[str, float]
    tflite: bytes
    proposal: Proposal | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Trials:
    """All conversions.

    Args:
        everything: calibrated with all windows.
        included: with those that judge too.
        halves: with random halves.
        reordered: with the first half in other orders.
        selected: with windows of some signal-to-noise ratio or spectrum, and with fewer.
        narrowed: with all windows, the ranges narrowed by a method.
        per_channel: with one scale a channel, where the model has one a kernel.
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
    windows: Windows,
    expected: FloatArray,
    quantize: Quantize,
    *,
    narrowed: Sequence[Otherwise] = (),
    per_channel: Otherwise | None = None,
    seed: int = 0,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Trials:
    """Convert with all windows, with parts of them, in other orders, and otherwise.

    Args:
        windows: the calibration side.
        expected: the float model's probabilities for the held-out windows, [k, classes].
        quantize: makes the model under examination.
        narrowed: makes it with narrower ranges.
        per_channel: makes it with one scale a channel, where it has one a kernel.
        seed: of the halves.
        report: told how many conversions are done, of how many.
    """
    rng = np.random.default_rng(seed)
    every = np.arange(len(windows.pcm))
    parts = [half for _ in range(SPLITS) for half in np.array_split(rng.permutation(every), 2)]
    orders = (parts[0][::-1], rng.permutation(parts[0]))
    both = np.concatenate([windows.pcm, windows.held_out])
    plans = {
        "everything": [_Plan(what="all windows", pcm=windows.pcm, quantize=quantize)],
        "included": [_Plan(what="the judges too", pcm=both, quantize=quantize)],
        "halves": [_Plan(what="a half", pcm=windows.pcm[half], quantize=quantize) for half in parts],
        "reordered": [
            _Plan(what="another order", pcm=windows.pcm[order], quantize=quantize) for order in orders
        ],
        "selected": [
            _Plan(what=what, pcm=windows.pcm[kept], quantize=quantize, proposal=proposal)
            for what, proposal, kept in _selections(windows)
        ],
        "narrowed": [_otherwise(way, windows.pcm) for way in narrowed],
        "per_channel": [] if per_channel is None else [_otherwise(per_channel, windows.pcm)],
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


def _otherwise(way: Otherwise, pcm: Pcm) -> _Plan:
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
        spans=spans(made.tflite),
        tflite=made.tflite,
        proposal=plan.proposal,
    )


def _selections(windows: Windows) -> list[tuple[str, Proposal, npt.NDArray[np.bool_]]]:
    """Return which windows to try alone: in words, what would choose them, and which they are."""
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
