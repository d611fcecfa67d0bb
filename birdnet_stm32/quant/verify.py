"""Judge an int8 model by its float model: on probabilities, over all windows and over the confident ones.

A cosine on logits would be blind (0.997 where probabilities agree at 0.90), and a mean over all windows hides
that most field recordings hold no bird at all; hence probabilities, and two sets of measures.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    Frontend,
    MagnitudeScale,
    ModelContract,
)

CONFIDENT_PROBABILITY = 0.1

FloatArray = npt.NDArray[np.floating]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Measures:
    """How far int8 and float probabilities agree over a set of windows.

    Args:
        windows: how many.
        cosine_mean: mean over windows of the cosine of the two probability vectors.
        cosine_p05: its 5th percentile.
        cosine_min: the worst window's.
        top1_agreement: share of windows with the same most probable class (the first, if several are).
        bias: mean of int8 minus float.
        mae: mean of the absolute difference.
        jaccard_025: detections at 0.25, pairs of window and class, that both make, of those that either
            makes; 1 if there are none.
        jaccard_050: the same at 0.5.
    """

    windows: int
    cosine_mean: float
    cosine_p05: float
    cosine_min: float
    top1_agreement: float
    bias: float
    mae: float
    jaccard_025: float
    jaccard_050: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """An int8 model against its float model.

    Args:
        all: over every window.
        confident: over the windows whose largest float probability is at least 0.1; None if there are none.
        cosine: of each window, float64 [n].
    """

    all: Measures
    confident: Measures | None
    cosine: Float64Array


def compare(float_probabilities: FloatArray, int8_probabilities: FloatArray) -> Comparison:
    """Measure how far two models agree.

    Two vectors of zeros agree (cosine 1), one of zeros and one that is not do not (cosine 0). With a single
    class every cosine would be 1, so ``p`` is then compared as the two classes ``(p, 1 - p)``.

    Args:
        float_probabilities: [n, classes] in [0, 1].
        int8_probabilities: [n, classes] in [0, 1].

    Raises:
        InputError: the shapes differ, there is no window, or a value is no probability.
    """
    reference = _checked(float_probabilities, "float probabilities")
    candidate = _checked(int8_probabilities, "int8 probabilities")
    if reference.shape != candidate.shape:
        raise InputError(
            f"int8 probabilities are {list(candidate.shape)}", expected=f"{list(reference.shape)} as in float"
        )
    cosine = _cosine(_vectors(reference), _vectors(candidate))
    confident = reference.max(axis=1) >= CONFIDENT_PROBABILITY
    return Comparison(
        all=_measures(reference, candidate, cosine),
        confident=_measures(reference[confident], candidate[confident], cosine[confident])
        if confident.any()
        else None,
        cosine=cosine,
    )


def gate(comparison: Comparison, *, min_cosine_mean: float, min_cosine_p05: float) -> tuple[str, ...]:
    """Return what was missed over all windows, measured against asked; empty if the candidate passes."""
    asked = (
        ("the mean cosine", comparison.all.cosine_mean, min_cosine_mean),
        ("the 5th percentile of the cosine", comparison.all.cosine_p05, min_cosine_p05),
    )
    return tuple(
        f"{name} is {measured:.6f}, below {minimum:g}"
        for name, measured, minimum in asked
        if measured < minimum
    )


def remedies(
    contract: ModelContract,
    *,
    tried: Collection[str],
    per_tensor: bool,
    doctor: str,
    not_needed: Collection[str] = (),
) -> tuple[str, ...]:
    """Return what can help a candidate that missed its gate; nothing it already does.

    Args:
        contract: what the model is.
        tried: the recipes that were computed.
        per_tensor: its kernels have one scale each.
        doctor: the command that measures which of the possible causes it is.
        not_needed: the recipes that were not, since another reached the gates on held-out windows.
    """
    raw = contract.frontend.kind is Frontend.RAW
    split = not raw and contract.magnitude_scale is not MagnitudeScale.DB
    listed = {*tried, *not_needed}
    suggestions = (
        (True, f"{doctor}: measures what costs how much in this very model, and what to do"),
        (per_tensor, "set convert.per_tensor = false: a scale a channel costs nothing"),
        (
            contract.magnitude_scale is MagnitudeScale.DB,
            'train with model.magnitude_scale = "pwl": decibels quantize badly',
        ),
        (
            bool(not_needed),
            f'set quantize.select = "best": tries {", ".join(not_needed)} too, which the windows held out of '
            "the calibration did not ask for",
        ),
        (
            split and not per_tensor and "inner_subranges" not in listed,
            'list "inner_subranges" in quantize.recipes, or convert --recipe inner_subranges: needs no '
            "training, and makes finer steps where audio is quiet",
        ),
        (
            split and not per_tensor and "qat" not in listed,
            'list "qat" in quantize.recipes, with qat.when = "needed": trains with every tensor rounded',
        ),
        (
            "qat" in tried,
            "train longer, qat.epochs, or with more recordings, representative.calibration_windows",
        ),
    )
    return tuple(text for applies, text in suggestions if applies)


def to_json(comparison: Comparison) -> dict[str, dict[str, float | int] | None]:
    """Return the measures as the fields of ``verify.json``: under ``all`` and under ``confident``."""
    return {
        "all": _fields(comparison.all),
        "confident": None if comparison.confident is None else _fields(comparison.confident),
    }


def float_baseline(float_probabilities: FloatArray) -> dict[str, float | int]:
    """Return what the float model heard, which int8 could lose: ``float`` of ``verify.json``.

    Args:
        float_probabilities: [n, classes] in [0, 1].

    Returns:
        Number of windows, of those with a probability of at least 0.1, and of detections, pairs of window and
        class, at 0.25 and at 0.5; mean over all probabilities.
    """
    reference = _checked(float_probabilities, "float probabilities")
    return {
        "windows": len(reference),
        "confident_windows": int((reference.max(axis=1) >= CONFIDENT_PROBABILITY).sum()),
        "detections_025": int((reference >= 0.25).sum()),
        "detections_050": int((reference >= 0.5).sum()),
        "mean_probability": float(reference.mean()),
    }


def _fields(measures: Measures) -> dict[str, float | int]:
    return {
        "windows": measures.windows,
        "cosine_mean": measures.cosine_mean,
        "cosine_p05": measures.cosine_p05,
        "top1_agreement": measures.top1_agreement,
        "bias": measures.bias,
        "mae": measures.mae,
        "jaccard_025": measures.jaccard_025,
        "jaccard_050": measures.jaccard_050,
    }


def _checked(probabilities: FloatArray, where: str) -> Float64Array:
    """Return probabilities as float64 or refuse them."""
    if probabilities.ndim != 2 or 0 in probabilities.shape:
        raise InputError(f"shape {list(probabilities.shape)}", where=where, expected="[windows, classes]")
    values = probabilities.astype(np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            "a value is not in [0, 1]",
            where=where,
            expected="probabilities",
            remedy="apply the sigmoid, if the model emits logits",
        )
    return values


def _vectors(probabilities: Float64Array) -> Float64Array:
    """Return what is compared for each window: its probabilities, or ``(p, 1 - p)`` for a single class."""
    if probabilities.shape[1] > 1:
        return probabilities
    return np.hstack([probabilities, 1 - probabilities])


def _cosine(reference: Float64Array, candidate: Float64Array) -> Float64Array:
    norms = np.linalg.norm(reference, axis=1) * np.linalg.norm(candidate, axis=1)
    both_zero = ~reference.any(axis=1) & ~candidate.any(axis=1)
    cosine = np.where(both_zero, 1.0, (reference * candidate).sum(axis=1) / np.where(norms > 0, norms, 1.0))
    return np.clip(cosine, 0.0, 1.0)


def _measures(reference: Float64Array, candidate: Float64Array, cosine: Float64Array) -> Measures:
    same = _vectors(reference).argmax(axis=1) == _vectors(candidate).argmax(axis=1)
    difference = candidate - reference
    return Measures(
        windows=len(cosine),
        cosine_mean=float(cosine.mean()),
        cosine_p05=float(np.percentile(cosine, 5)),
        cosine_min=float(cosine.min()),
        top1_agreement=float(same.mean()),
        bias=float(difference.mean()),
        mae=float(np.abs(difference).mean()),
        jaccard_025=jaccard(reference, candidate, 0.25),
        jaccard_050=jaccard(reference, candidate, 0.5),
    )


def jaccard(reference: FloatArray, candidate: FloatArray, threshold: float) -> float:
    """Return the share of detections that two models make in common, 1 if neither makes any."""
    one, other = reference >= threshold, candidate >= threshold
    either = int((one | other).sum())
    return float((one & other).sum() / either) if either else 1.0
