"""One recipe, tried: the candidate it makes and how that does on the windows held out of the calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.progress import track
from birdnet_stm32.quant.ranges.clipping import Method
from birdnet_stm32.quant.ranges.widths import spans
from birdnet_stm32.quant.recipes import Candidate, RecipeSettings, agreement, make_candidate
from birdnet_stm32.quant.verify import Comparison, to_json
from birdnet_stm32.selection.scores import score
from birdnet_stm32.stages.inputs.windows import Windows

TUNED = "qat"  # takes minutes, so that it is not tried a second time without the options


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A candidate and what it reached.

    Args:
        candidate: what the recipe made.
        held_out: how it agrees with the float model on the windows held out.
        without: the same without the options of calibration; None if there are none, or it was not tried.
    """

    candidate: Candidate
    held_out: Comparison
    without: Attempt | None = None


def attempt(
    recipe: str, model: Any, contract: ModelContract, windows: Windows, settings: RecipeSettings
) -> Attempt:
    """Quantize a model by a recipe, and where calibration has options, once more without them.

    Raises:
        UnfitError: the recipe is not for this model.
        InputError: the windows cannot calibrate it.
        GateError: it cannot be converted, or tuning diverged.
    """
    made = _attempt(recipe, model, contract, windows, settings)
    if recipe == TUNED or (settings.clip is None and len(windows.left_out) == 0):
        return made
    whole = replace(windows, calibration=np.concatenate([windows.calibration, windows.left_out]))
    without = _attempt(recipe, model, contract, whole, replace(settings, clip=None), " without options")
    return replace(made, without=without)


def _attempt(
    recipe: str,
    model: Any,
    contract: ModelContract,
    windows: Windows,
    settings: RecipeSettings,
    how: str = "",
) -> Attempt:
    with track(f"{recipe}{how}") as report:
        candidate = make_candidate(
            recipe, model, contract, windows.calibration, windows.held_out, settings, report=report
        )
    with track("compare") as report:
        scores = score(model, contract, candidate.tflite, candidate.contract, windows.held_out, report)
    return Attempt(candidate=candidate, held_out=scores.comparison)


def to_fields(recipe: str, tried: Attempt, windows: Windows, settings: RecipeSettings) -> dict[str, Any]:
    """Return what ``candidate.json`` says about an attempt."""
    clip = settings.clip
    return {
        "recipe": recipe,
        "computed": True,
        "held_out": to_json(tried.held_out),
        "agreement": agreement(tried.held_out),
        "bytes": len(tried.candidate.tflite),
        "notes": tried.candidate.notes,
        "options": {
            "left_out": dict(windows.left_out_by),
            "ranges": None if clip is None else clip.method,
            "percentile": clip.percentile if clip and clip.method is Method.PERCENTILE else None,
        },
        "without_options": None if tried.without is None else _effect(tried, tried.without),
    }


def _effect(tried: Attempt, without: Attempt) -> dict[str, Any]:
    """Return what the options changed: measures without them, and of every tensor what its steps span."""
    before, after = spans(without.candidate.tflite), spans(tried.candidate.tflite)
    return {
        "held_out": to_json(without.held_out),
        "spans": {
            name: {"with": after[name], "without": span} for name, span in before.items() if name in after
        },
    }
