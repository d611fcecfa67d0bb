"""Candidates are compared by what they reached on held-out windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.files.document import write_document
from birdnet_stm32.quant.verify import Agreement, ModelAgreement
from birdnet_stm32.selection.candidates import (
    CandidateDocument,
    ComputedCandidate,
    ConvertDocument,
    UncomputedCandidate,
)
from birdnet_stm32.selection.choice import choose, first_passing_recipe, passes, read_candidate

LIMITS = VerifyTable()


def candidate(recipe: str, mean: float, p05: float, agreement: float) -> ComputedCandidate:
    measures = Agreement(
        windows=9,
        cosine_mean=mean,
        cosine_p05=p05,
        top1_agreement=1.0,
        bias=0.0,
        mae=0.0,
        jaccard_025=1.0,
        jaccard_050=1.0,
    )
    return ComputedCandidate(
        recipe=recipe,
        held_out=ModelAgreement(all=measures, confident=None),
        agreement=agreement,
        bytes=1,
    )


POOR = candidate("ptq", 0.9, 0.5, 0.7)
NEAR = candidate("input_subranges", 0.96, 0.89, 0.92)
GOOD = candidate("equalize", 0.97, 0.92, 0.94)
BEST = candidate("qat", 0.99, 0.98, 0.98)


def chosen(*candidates: ComputedCandidate, first: bool) -> str:
    return choose({one.recipe: one for one in candidates}, LIMITS, first=first)


def test_the_first_that_reaches_the_gates_or_the_best() -> None:
    assert [passes(one, LIMITS) for one in (POOR, NEAR, GOOD, BEST)] == [False, False, True, True]
    assert chosen(POOR, NEAR, GOOD, BEST, first=True) == "equalize"
    assert chosen(POOR, NEAR, GOOD, BEST, first=False) == "qat"


@pytest.mark.parametrize("first", [True, False])
def test_without_one_that_does_the_nearest_goes_on_to_be_refused(first: bool) -> None:
    assert chosen(POOR, NEAR, first=first) == "input_subranges"


def test_of_equals_the_cheapest_is_taken() -> None:
    assert chosen(GOOD, replace(GOOD, recipe="inner_subranges"), first=False) == "equalize"


def test_a_recipe_waits_for_those_before_it(tmp_path: Path) -> None:
    unfit = UncomputedCandidate(recipe="logits", not_needed=False, why="does not fit")
    for one in (POOR, unfit):
        folder = tmp_path / one.recipe
        folder.mkdir()
        write_document(CandidateDocument(candidate=one), folder)
        assert read_candidate(folder) == one
    inputs = {f"candidate/{name}": tmp_path / name for name in ("ptq", "logits")}
    assert first_passing_recipe({**inputs, "representative": tmp_path}, LIMITS) is None
    write_document(CandidateDocument(candidate=replace(GOOD, recipe="logits")), tmp_path / "logits")
    assert first_passing_recipe(inputs, LIMITS) == "logits"


def test_all_candidates_are_told_apart() -> None:
    left_out = UncomputedCandidate(recipe="qat", not_needed=True, why="not needed")
    unfit = UncomputedCandidate(recipe="logits", not_needed=False, why="does not fit")
    document = ConvertDocument(recipe="equalize", candidates=(POOR, unfit, GOOD, left_out))
    assert document.computed == (POOR, GOOD)
    assert document.not_needed == ("qat",)
    assert document.chosen == GOOD


def test_the_loss_on_labels_decides_before_agreement() -> None:
    good, best = replace(GOOD, loss_on_labels=0.001), replace(BEST, loss_on_labels=0.02)
    assert chosen(good, best, first=False) == "equalize"
    assert chosen(good, replace(best, loss_on_labels=0.00101), first=False) == "qat"
