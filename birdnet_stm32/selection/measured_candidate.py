"""Make the candidate of one recipe, and measure it on the windows held out of the calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.progress import track
from birdnet_stm32.quant.ranges.clipping import ClippingMethod
from birdnet_stm32.quant.ranges.widths import range_widths
from birdnet_stm32.quant.recipes import Candidate, RecipeSettings, agreement, make_candidate
from birdnet_stm32.quant.verify import Comparison
from birdnet_stm32.selection.candidates import (
    CalibrationOptions,
    ComputedCandidate,
    RangeWidth,
    WithoutOptions,
)
from birdnet_stm32.selection.label_loss import label_loss
from birdnet_stm32.selection.label_ranking import label_ranking
from birdnet_stm32.selection.scores import score
from birdnet_stm32.stages.inputs.windows import WindowsByRole

TRAINING_RECIPE = "qat"  # takes minutes, so that it is not run a second time without the options


@dataclass(frozen=True, kw_only=True)
class MeasuredCandidate:
    """A candidate and how far it agrees with the float model.

    Args:
        candidate: what the recipe made.
        held_out: agreement with the float model on the windows held out of the calibration.
        loss_on_labels: what int8 loses against the labels of these windows; None where too few are known.
        without_options: what the recipe makes without the options of the calibration; None if there are no
            options, or if the recipe trains.
    """

    candidate: Candidate
    held_out: Comparison
    loss_on_labels: float | None
    without_options: MeasuredCandidate | None = None


def measure_recipe(
    recipe: str, model: Any, contract: ModelContract, windows: WindowsByRole, settings: RecipeSettings
) -> MeasuredCandidate:
    """Quantize a model by a recipe and measure the result.

    Where the calibration has options, the recipe runs once more without them.

    Raises:
        UnfitError: the recipe does not fit this model.
        InputError: the windows cannot calibrate it.
        GateError: the model cannot be converted, or the training diverged.
    """
    made = _measure_recipe_once(recipe, model, contract, windows, settings)
    if recipe == TRAINING_RECIPE or (settings.clip is None and len(windows.left_out) == 0):
        return made
    all_windows = replace(windows, calibration=np.concatenate([windows.calibration, windows.left_out]))
    without = _measure_recipe_once(
        recipe, model, contract, all_windows, replace(settings, clip=None), " without options"
    )
    return replace(made, without_options=without)


def _measure_recipe_once(
    recipe: str,
    model: Any,
    contract: ModelContract,
    windows: WindowsByRole,
    settings: RecipeSettings,
    suffix: str = "",
) -> MeasuredCandidate:
    with track(f"{recipe}{suffix}") as report:
        candidate = make_candidate(
            recipe,
            model,
            contract,
            windows.calibration,
            windows.held_out,
            settings,
            report=report,
            ranking=label_ranking(windows.held_out_rows, contract.labels),
        )
    with track("compare") as report:
        scores = score(model, contract, candidate.tflite, candidate.contract, windows.held_out, report)
    loss = label_loss(scores.reference, scores.quantized, windows.held_out_rows, contract.labels)
    return MeasuredCandidate(candidate=candidate, held_out=scores.comparison, loss_on_labels=loss)


def describe_candidate(
    recipe: str, measured: MeasuredCandidate, windows: WindowsByRole, settings: RecipeSettings
) -> ComputedCandidate:
    """Return what ``candidate.json`` says about a measured candidate."""
    clip, without = settings.clip, measured.without_options
    return ComputedCandidate(
        recipe=recipe,
        held_out=measured.held_out.agreement,
        agreement=agreement(measured.held_out),
        loss_on_labels=measured.loss_on_labels,
        bytes=len(measured.candidate.tflite),
        notes=measured.candidate.notes,
        options=CalibrationOptions(
            left_out=windows.left_out_by,
            ranges=None if clip is None else clip.method,
            percentile=clip.percentile if clip and clip.method is ClippingMethod.PERCENTILE else None,
        ),
        without_options=None if without is None else _without_options(measured, without),
    )


def _without_options(measured: MeasuredCandidate, without: MeasuredCandidate) -> WithoutOptions:
    before, after = range_widths(without.candidate.tflite), range_widths(measured.candidate.tflite)
    return WithoutOptions(
        held_out=without.held_out.agreement,
        spans={
            name: RangeWidth(with_options=after[name], without_options=width)
            for name, width in before.items()
            if name in after
        },
    )
