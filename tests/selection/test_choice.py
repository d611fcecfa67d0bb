"""Candidates are compared by what they reached on held-out windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.selection.choice import choose, passed_before, passes
from birdnet_stm32.stages.inputs.file_names import DESCRIPTION

LIMITS = VerifyTable()


def candidate(recipe: str, mean: float, p05: float, agreement: float) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "computed": True,
        "held_out": {"all": {"cosine_mean": mean, "cosine_p05": p05}, "confident": None},
        "agreement": agreement,
    }


POOR = candidate("ptq", 0.9, 0.5, 0.7)
NEAR = candidate("input_subranges", 0.96, 0.89, 0.92)
GOOD = candidate("equalize", 0.97, 0.92, 0.94)
BEST = candidate("qat", 0.99, 0.98, 0.98)


def chosen(*candidates: dict[str, Any], first: bool) -> str:
    return choose({one["recipe"]: one for one in candidates}, LIMITS, first=first)


def test_the_first_that_reaches_the_gates_or_the_best() -> None:
    assert [passes(one, LIMITS) for one in (POOR, NEAR, GOOD, BEST)] == [False, False, True, True]
    assert chosen(POOR, NEAR, GOOD, BEST, first=True) == "equalize"
    assert chosen(POOR, NEAR, GOOD, BEST, first=False) == "qat"


@pytest.mark.parametrize("first", [True, False])
def test_without_one_that_does_the_nearest_goes_on_to_be_refused(first: bool) -> None:
    assert chosen(POOR, NEAR, first=first) == "input_subranges"


def test_of_equals_the_cheapest_is_taken() -> None:
    assert chosen(GOOD, {**GOOD, "recipe": "inner_subranges"}, first=False) == "equalize"


def test_a_recipe_waits_for_those_before_it(tmp_path: Path) -> None:
    unfit = {"recipe": "logits", "computed": False, "why": "does not fit"}
    for fields in (POOR, unfit):
        folder = tmp_path / fields["recipe"]
        folder.mkdir()
        (folder / DESCRIPTION).write_text(canonical_json(fields))
    inputs = {f"candidate/{name}": tmp_path / name for name in ("ptq", "logits")}
    assert passed_before({**inputs, "representative": tmp_path}, LIMITS) is None
    (tmp_path / "logits" / DESCRIPTION).write_text(canonical_json({**GOOD, "recipe": "logits"}))
    assert passed_before(inputs, LIMITS) == "logits"
