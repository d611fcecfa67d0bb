"""Choose the candidate of a variant that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.files.document import read_document
from birdnet_stm32.gates import failures
from birdnet_stm32.quant.verify import agreement_gates
from birdnet_stm32.selection.candidates import CandidateDocument, ComputedCandidate, DescribedCandidate

LOSS_DIGITS = 4  # smaller differences of the loss on labels, in nats, are chance


def first_passing_recipe(inputs: Mapping[str, Path], limits: VerifyTable) -> str | None:
    """Return the first recipe among the stages ``candidate`` of ``inputs`` that passes the gates, or None."""
    described = [read_candidate(folder) for key, folder in inputs.items() if key.startswith("candidate/")]
    passing = (one for one in described if isinstance(one, ComputedCandidate) and passes(one, limits))
    return next((one.recipe for one in passing), None)


def read_candidate(folder: Path) -> DescribedCandidate:
    """Return what ``candidate.json`` in ``folder`` says. Raises: InputError."""
    return read_document(CandidateDocument, folder).candidate


def passes(candidate: ComputedCandidate, limits: VerifyTable) -> bool:
    """Return whether a candidate passes the gates on the windows held out of the calibration."""
    return not failures(agreement_gates(candidate.held_out, limits))


def choose(candidates: Mapping[str, ComputedCandidate], limits: VerifyTable, *, first: bool) -> str:
    """Return the key of the candidate that goes on.

    Agreement with the float model can prefer the worse model. So the best candidate is the one that loses
    least on labels, where the labels of enough windows are known. Agreement decides between equals.

    Args:
        candidates: the computed candidates, in the order of the recipes, at least one.
        limits: the limits of the gates.
        first: whether the first candidate that passes is taken, or the best of those that pass. Where none
            passes, the best of all is taken.
    """
    passing = [key for key, candidate in candidates.items() if passes(candidate, limits)]
    if first and passing:
        return passing[0]
    return min(passing or candidates, key=lambda key: _rank(candidates[key]))


def _rank(candidate: ComputedCandidate) -> tuple[float, float]:
    """Return a sort key by which the best candidate is the first."""
    loss = candidate.loss_on_labels
    return (0.0 if loss is None else round(loss, LOSS_DIGITS), -candidate.agreement)
