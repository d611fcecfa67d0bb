"""Which of a variant's candidates goes on, by what each published about itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.files import json_file
from birdnet_stm32.stages.inputs.file_names import DESCRIPTION


def passed_before(inputs: Mapping[str, Path], limits: VerifyTable) -> str | None:
    """Return the first recipe among ``inputs`` that reaches the gates, or None."""
    described = [describe(folder) for key, folder in inputs.items() if key.startswith("candidate/")]
    return next((one["recipe"] for one in described if one["computed"] and passes(one, limits)), None)


def describe(folder: Path) -> dict[str, Any]:
    """Return what ``candidate.json`` in ``folder`` holds."""
    fields: dict[str, Any] = json_file.load_json(folder / DESCRIPTION)
    return fields


def passes(candidate: Mapping[str, Any], limits: VerifyTable) -> bool:
    """Return whether a computed candidate reaches the gates on the windows held out of the calibration."""
    measures = candidate["held_out"]["all"]
    return bool(
        measures["cosine_mean"] >= limits.min_cosine_mean and measures["cosine_p05"] >= limits.min_cosine_p05
    )


def choose(candidates: Mapping[str, Mapping[str, Any]], limits: VerifyTable, *, first: bool) -> str:
    """Return the key of the candidate to go on with.

    Args:
        candidates: descriptions of those computed, in the order of the recipes, at least one.
        limits: the gates.
        first: take the first that passes; otherwise the best of those that pass. Where none passes, the best
            of all.
    """
    passing = [key for key, fields in candidates.items() if passes(fields, limits)]
    if first and passing:
        return passing[0]

    return max(passing or candidates, key=lambda key: float(candidates[key]["agreement"]))
