"""The measures by hand and by their properties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_values
from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
)
from birdnet_stm32.gates import failures
from birdnet_stm32.quant import verify

CONTRACT = ModelContract(
    frontend=FrontendSpec(
        kind=Frontend.HYBRID, sample_rate_hz=24_000, window_samples=60_000, compression=Compression.SQRT
    ),
    labels=("a", "b", "c"),
    output_activation=OutputActivation.LOGIT,
)

probability_tables = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 8), st.integers(1, 5)),
    elements=st.floats(0, 1, width=32),
)


def test_measures_by_hand() -> None:
    reference = np.array([[0.6, 0.8, 0.0], [0.01, 0.0, 0.0]])
    candidate = np.array([[0.8, 0.6, 0.0], [0.03, 0.0, 0.0]])
    comparison = verify.compare(reference, candidate)
    assert comparison.cosine == pytest.approx([0.96, 1.0])
    everything = comparison.all
    assert everything.windows == 2
    assert everything.cosine_mean == pytest.approx(0.98)
    assert everything.cosine_p05 == pytest.approx(0.962)
    assert everything.top1_agreement == 0.5
    assert everything.bias == pytest.approx(0.02 / 6)
    assert everything.mae == pytest.approx(0.42 / 6)
    assert comparison.confident is not None
    assert (comparison.confident.windows, comparison.confident.top1_agreement) == (1, 0.0)


@given(probability_tables)
def test_a_model_agrees_with_itself(table: np.ndarray) -> None:
    comparison = verify.compare(table, table)
    measures = comparison.all
    assert comparison.cosine.min() == pytest.approx(1.0)
    assert (measures.top1_agreement, measures.bias, measures.mae) == (1.0, 0.0, 0.0)


@given(probability_tables, st.randoms())
def test_symmetric_bounded_and_independent_of_order(table: np.ndarray, random: object) -> None:
    other = table[::-1].copy()
    forward, backward = verify.compare(table, other), verify.compare(other, table)
    assert ((forward.cosine >= 0) & (forward.cosine <= 1)).all()
    assert np.allclose(forward.cosine, backward.cosine)
    assert forward.all.bias == pytest.approx(-backward.all.bias)
    order = np.random.default_rng(0).permutation(len(table))
    shuffled = verify.compare(table[order], other[order])
    assert shuffled.all.cosine_p05 == pytest.approx(forward.all.cosine_p05)


def test_vectors_of_zeros() -> None:
    zero, something = np.zeros((1, 3)), np.array([[0.0, 0.2, 0.0]])
    assert verify.compare(zero, zero).cosine == [1.0]
    assert verify.compare(zero, something).cosine == [0.0]
    assert verify.compare(something, zero).cosine == [0.0]
    assert verify.compare(zero, something).confident is None


def test_a_single_class_is_compared_with_its_complement() -> None:
    reference = np.array([[0.9], [0.1], [0.0]])
    comparison = verify.compare(reference, np.array([[0.1], [0.1], [0.0]]))
    assert comparison.cosine == pytest.approx([0.18 / 0.82, 1.0, 1.0])
    assert comparison.all.top1_agreement == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("reference", "candidate", "message"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3)), r"shape \[0, 3\]"),
        (np.zeros(3), np.zeros(3), r"shape \[3\]"),
        (np.zeros((2, 3)), np.zeros((3, 3)), r"expected: \[2, 3\]"),
        (np.zeros((1, 3)), np.array([[0, 0, np.nan]]), "int8 probabilities: a value"),
        (np.array([[0, 0, 2.5]]), np.zeros((1, 3)), "apply the sigmoid"),
    ],
)
def test_refuses_what_is_no_table_of_probabilities(
    reference: np.ndarray, candidate: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        verify.compare(reference, candidate)


def compared(mean: float, p05: float) -> verify.Comparison:
    table = np.full((2, 3), 0.5)
    comparison = verify.compare(table, table)
    return replace(comparison, all=replace(comparison.all, cosine_mean=mean, cosine_p05=p05))


def test_the_gates_are_the_mean_and_the_5th_percentile() -> None:
    limits = VerifyTable(min_cosine_mean=0.95, min_cosine_p05=0.9)
    assert failures(verify.agreement_gates(compared(0.95, 0.9), limits)) == ()
    (mean,) = failures(verify.agreement_gates(compared(0.9499999, 0.95), limits, remedies=("train",)))
    assert mean.shortfall == "mean cosine of the probabilities is 0.9499999, not at least 0.95"
    assert mean.remedies == ("train",)
    both = verify.agreement_gates(compared(0.86, 0.41), limits)
    assert [(gate.name, gate.measure, gate.limit) for gate in failures(both)] == [
        ("cosine_mean", 0.86, 0.95),
        ("cosine_p05", 0.41, 0.9),
    ]


PTQ = ("ptq",)
SPLIT = ("ptq", "inner_subranges")
DB = replace(CONTRACT, magnitude_scale=MagnitudeScale.DB)


@pytest.mark.parametrize(
    ("contract", "tried", "per_tensor", "present", "absent"),
    [
        (CONTRACT, PTQ, False, ["inner_subranges", "qat.when"], ["pwl", "per_tensor", "qat.epochs"]),
        (CONTRACT, SPLIT, False, ["qat.when"], ["inner_subranges"]),
        (CONTRACT, (*SPLIT, "qat"), False, ["qat.epochs"], ["inner_subranges", "qat.when"]),
        (CONTRACT, PTQ, True, ["per_tensor = false"], ["inner_subranges"]),
        (DB, PTQ, False, ["pwl"], ["inner_subranges", "qat.when"]),
    ],
)
def test_only_remedies_that_apply(
    contract: ModelContract, tried: tuple[str, ...], per_tensor: bool, present: list[str], absent: list[str]
) -> None:
    first, *others = verify.remedies(contract, tried=tried, per_tensor=per_tensor, doctor="doctor mine")
    assert first.startswith("doctor mine: ")
    text = "\n".join(others)
    assert [word for word in present if word not in text] == []
    assert [word for word in absent if word in text] == []


def test_recipes_that_were_not_needed_are_named() -> None:
    found = verify.remedies(
        CONTRACT, tried=PTQ, per_tensor=False, doctor="x", not_needed=("inner_subranges",)
    )
    assert any('quantize.select = "best": tries inner_subranges too' in text for text in found)
    assert not any("list " in text and "inner_subranges" in text for text in found)


def test_json_has_exactly_the_documented_keys() -> None:
    table = np.array([[0.5, 0.1], [0.01, 0.02]])
    fields = document_values(verify.compare(table, table).agreement)
    keys = {
        "windows",
        "cosine_mean",
        "cosine_p05",
        "top1_agreement",
        "bias",
        "mae",
        "jaccard_025",
        "jaccard_050",
    }
    assert set(fields) == {"all", "confident"}
    assert set(fields["all"]) == set(fields["confident"]) == keys
    assert (fields["all"]["windows"], fields["confident"]["windows"]) == (2, 1)
    assert verify.compare(table / 100, table / 100).agreement.confident is None


def test_jaccard_counts_pairs_of_window_and_class() -> None:
    one = np.array([[0.6, 0.3, 0.0], [0.1, 0.1, 0.1]])
    other = np.array([[0.4, 0.3, 0.3], [0.1, 0.1, 0.1]])
    assert verify.jaccard(one, other, 0.25) == pytest.approx(2 / 3)
    assert verify.jaccard(one, other, 0.5) == 0
    assert verify.jaccard(one, other, 0.9) == 1


def test_the_float_baseline_counts_what_could_be_lost() -> None:
    table = np.array([[0.6, 0.25, 0.0], [0.01, 0.02, 0.02]])
    assert verify.float_baseline(table) == verify.FloatBaseline(
        windows=2,
        confident_windows=1,
        detections_025=2,
        detections_050=1,
        mean_probability=pytest.approx(0.15),
    )
