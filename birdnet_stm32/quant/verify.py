"""Compare an int8 model with its float model: on probabilities, over all windows and over the confident ones.

A cosine of logits would hide differences: it is 0.997 where the cosine of the probabilities is 0.90. A mean
over all windows would hide that most field recordings contain no bird. So probabilities are compared, over
two sets of windows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.chance import Hearing
from birdnet_stm32.frontend.contract import (
    Frontend,
    MagnitudeScale,
    ModelContract,
)
from birdnet_stm32.gates import Direction, Gate, judge

CONFIDENT_PROBABILITY = 0.1

FloatArray = npt.NDArray[np.floating]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far int8 and float probabilities agree over a set of windows.

    Args:
        windows: the number of windows.
        cosine_mean: mean over the windows of the cosine of the two vectors of probabilities.
        cosine_p05: 5th percentile of this cosine.
        top1_agreement: share of the windows with the same most probable class (the first, if several are).
        bias: mean of int8 minus float.
        mae: mean of the absolute difference.
        jaccard_025: detections at 0.25, pairs of window and class, that both models make, as a share of
            those that either makes; 1 if neither makes any.
        jaccard_050: the same at 0.5.
    """

    windows: int
    cosine_mean: float
    cosine_p05: float
    top1_agreement: float
    bias: float
    mae: float
    jaccard_025: float
    jaccard_050: float


@dataclass(frozen=True, kw_only=True)
class ModelAgreement:
    """How far an int8 model agrees with its float model.

    Args:
        all: over every window.
        confident: over the windows whose largest float probability is at least 0.1; null if there are none.
    """

    all: Agreement
    confident: Agreement | None


@dataclass(frozen=True, kw_only=True)
class Comparison(ModelAgreement):
    """The agreement of two models, with the values that it was computed from.

    Args:
        cosine: of each window, float64 [n].
    """

    cosine: Float64Array

    @property
    def agreement(self) -> ModelAgreement:
        """The agreement alone, as documents hold it."""
        return ModelAgreement(all=self.all, confident=self.confident)


@dataclass(frozen=True, kw_only=True)
class FloatBaseline:
    """What the float model recognised: what quantization could lose.

    Args:
        windows: the number of windows.
        confident_windows: the number of windows with a probability of at least 0.1.
        detections_025: the number of pairs of window and class with a probability of at least 0.25.
        detections_050: the same at 0.5.
        mean_probability: mean over all windows and classes.
    """

    windows: int
    confident_windows: int
    detections_025: int
    detections_050: int
    mean_probability: float


@dataclass(frozen=True, kw_only=True)
class HearingOfModels:
    """How both models compare with chance on the labelled validation windows.

    Args:
        float_model: the float model.
        int8: the int8 model.
    """

    float_model: Annotated[Hearing, Field(alias="float")]
    int8: Hearing


@dataclass(frozen=True, kw_only=True)
class VerifyDocument(ModelAgreement):
    """How far the int8 model agrees with its float model on the validation windows, and what both hear.

    Args:
        float_model: what the float model recognised.
        hearing: how both models compare with chance.
        notes_on_the_checkpoint: what somebody has to know of the checkpoint, a sentence each.
    """

    FILE: ClassVar[str] = "verify.json"
    VERSION: ClassVar[int] = 1

    float_model: Annotated[FloatBaseline, Field(alias="float")]
    hearing: HearingOfModels
    notes_on_the_checkpoint: tuple[str, ...]


def compare(float_probabilities: FloatArray, int8_probabilities: FloatArray) -> Comparison:
    """Measure how far two models agree.

    The cosine of two vectors of zeros is 1; the cosine of a vector of zeros and another vector is 0. With a
    single class every cosine would be 1, so ``p`` is then compared as the two classes ``(p, 1 - p)``.

    Args:
        float_probabilities: [n, classes] in [0, 1].
        int8_probabilities: [n, classes] in [0, 1].

    Raises:
        InputError: the shapes differ, there is no window, or a value is not a probability.
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
        all=_agreement(reference, candidate, cosine),
        confident=_agreement(reference[confident], candidate[confident], cosine[confident])
        if confident.any()
        else None,
        cosine=cosine,
    )


def agreement_gates(
    agreement: ModelAgreement, limits: VerifyTable, remedies: tuple[str, ...] = ()
) -> tuple[Gate, ...]:
    """Judge how far an int8 model agrees with its float model over all windows.

    Args:
        agreement: the measures.
        limits: the limits of the variant.
        remedies: what may help if a gate fails.
    """
    return (
        judge(
            "cosine_mean",
            "mean cosine of the probabilities",
            agreement.all.cosine_mean,
            Direction.AT_LEAST,
            limits.min_cosine_mean,
            remedies=remedies,
        ),
        judge(
            "cosine_p05",
            "5th percentile of the cosine",
            agreement.all.cosine_p05,
            Direction.AT_LEAST,
            limits.min_cosine_p05,
            remedies=remedies,
        ),
    )


def remedies(
    contract: ModelContract,
    *,
    tried: Collection[str],
    per_tensor: bool,
    doctor: str,
    not_needed: Collection[str] = (),
) -> tuple[str, ...]:
    """Suggest settings that may help a candidate that failed its gate. Settings already in use are left out.

    Args:
        contract: front end and classes of the model.
        tried: the recipes that were computed.
        per_tensor: whether each kernel has one scale for all its channels.
        doctor: the command that measures which of the possible causes applies.
        not_needed: the recipes that were not computed, because another one passed the gates on the windows
            held out of the calibration.
    """
    raw = contract.frontend.kind is Frontend.RAW
    split = not raw and contract.magnitude_scale is not MagnitudeScale.DB
    listed = {*tried, *not_needed}
    suggestions = (
        (True, f"{doctor}: measures which part of this model loses how much, and says what to do"),
        (per_tensor, "set convert.per_tensor = false: one scale for each channel costs nothing"),
        (
            contract.magnitude_scale is MagnitudeScale.DB,
            'train with model.magnitude_scale = "pwl": decibels quantize badly',
        ),
        (
            bool(not_needed),
            f'set quantize.select = "best": tries {", ".join(not_needed)} too, which were left out because '
            "an earlier recipe passed on the windows held out of the calibration",
        ),
        (
            split and not per_tensor and "inner_subranges" not in listed,
            'list "inner_subranges" in quantize.recipes, or convert --recipe inner_subranges: needs no '
            "training, and represents quiet audio in finer steps",
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


def float_baseline(float_probabilities: FloatArray) -> FloatBaseline:
    """Count what the float model recognised, which int8 could lose.

    Args:
        float_probabilities: [n, classes] in [0, 1].

    Raises:
        InputError: as :func:`compare`.
    """
    reference = _checked(float_probabilities, "float probabilities")
    return FloatBaseline(
        windows=len(reference),
        confident_windows=int((reference.max(axis=1) >= CONFIDENT_PROBABILITY).sum()),
        detections_025=int((reference >= 0.25).sum()),
        detections_050=int((reference >= 0.5).sum()),
        mean_probability=float(reference.mean()),
    )


def _checked(probabilities: FloatArray, where: str) -> Float64Array:
    """Return probabilities as float64, or refuse values that are not probabilities."""
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
    """Return the vector that is compared for each window: ``(p, 1 - p)`` for a single class."""
    if probabilities.shape[1] > 1:
        return probabilities
    return np.hstack([probabilities, 1 - probabilities])


def _cosine(reference: Float64Array, candidate: Float64Array) -> Float64Array:
    norms = np.linalg.norm(reference, axis=1) * np.linalg.norm(candidate, axis=1)
    both_zero = ~reference.any(axis=1) & ~candidate.any(axis=1)
    cosine = np.where(both_zero, 1.0, (reference * candidate).sum(axis=1) / np.where(norms > 0, norms, 1.0))
    return np.clip(cosine, 0.0, 1.0)


def _agreement(reference: Float64Array, candidate: Float64Array, cosine: Float64Array) -> Agreement:
    same = _vectors(reference).argmax(axis=1) == _vectors(candidate).argmax(axis=1)
    difference = candidate - reference
    return Agreement(
        windows=len(cosine),
        cosine_mean=float(cosine.mean()),
        cosine_p05=float(np.percentile(cosine, 5)),
        top1_agreement=float(same.mean()),
        bias=float(difference.mean()),
        mae=float(np.abs(difference).mean()),
        jaccard_025=jaccard(reference, candidate, 0.25),
        jaccard_050=jaccard(reference, candidate, 0.5),
    )


def jaccard(reference: FloatArray, candidate: FloatArray, threshold: float) -> float:
    """Return the Jaccard index of the detections of two models; 1 if neither detects anything.

    A detection is a pair of window and class whose probability reaches ``threshold``. The index is the number
    of detections that both models make, divided by the number that at least one of them makes.

    Args:
        reference: probabilities, [n, classes].
        candidate: probabilities, [n, classes].
        threshold: in [0, 1].

    >>> jaccard(np.array([[0.9, 0.6, 0.1]]), np.array([[0.8, 0.4, 0.2]]), 0.5)
    0.5
    """
    one, other = reference >= threshold, candidate >= threshold
    either = int((one | other).sum())
    return float((one & other).sum() / either) if either else 1.0
