"""What the checks make of numbers: no model needed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.files.document import document_values
from birdnet_stm32.frontend.contract import Compression, Frontend, MagnitudeScale
from birdnet_stm32.quant.doctor import network, recordings
from birdnet_stm32.quant.doctor.case import Case, ValidationFacts
from birdnet_stm32.quant.doctor.finding import DoctorReport, Finding, Fine, Severity, Unchecked, diagnosis
from birdnet_stm32.quant.doctor.measure import DecibelFacts, InputFacts, OutputFacts
from birdnet_stm32.quant.doctor.trials import Trial

CHECKS = (*network.CHECKS, *recordings.CHECKS)
MakeCase = Callable[..., Case]
MakeTrial = Callable[..., Trial]
LINEAR = InputFacts(codes=6, zeroed=0.7, full_windows=1.0, cosine=0.96, clipped_cosine=0.96)


def test_a_case_without_a_disease_is_fine(make_case: MakeCase) -> None:
    results = [check(make_case()) for check in CHECKS]
    assert {result.id for result in results if not isinstance(result, Fine)} == set()
    assert len({result.id for result in results}) == len(CHECKS)


def diseases(make_case: MakeCase, make_trial: MakeTrial) -> Iterator[tuple[str, Case]]:
    linear = replace(
        make_case().contract, frontend=replace(make_case().contract.frontend, compression=Compression.NONE)
    )
    yield (
        "decibels",
        make_case(
            contract=replace(linear, magnitude_scale=MagnitudeScale.DB),
            decibel=DecibelFacts(first_step_db=30.0, silenced=0.8, cosine=0.9),
        ),
    )
    yield "linear_input", make_case(contract=linear, input=LINEAR)
    yield "input_outliers", make_case(input=replace(LINEAR, full_windows=0.02, clipped_cosine=0.99))
    yield "int8_sigmoid", make_case(output=OutputFacts(vanishing=0.8, cosine=0.9))
    front = make_case().front
    assert not isinstance(front, str)
    yield "first_layers", make_case(front=replace(front, floating_cosine=0.995))
    yield "per_tensor", make_case(per_tensor=True, trials={"per_channel": make_trial(0.995)})
    yield "too_diverse", make_case(trials={"selected": (make_trial(0.98), make_trial(0.99))})
    yield "wide_ranges", make_case(trials={"narrowed": (make_trial(0.98), make_trial(0.99))})
    yield "too_small", make_case(trials={"halves": (make_trial(0.95), make_trial(0.96))})
    yield "order", make_case(trials={"reordered": (make_trial(0.95, tflite=b"other"), make_trial(0.979))})
    quiet = np.where(np.arange(10) < 5, 0.7, 0.99)
    seen = replace(make_case().validation, cosine=quiet, float_max=np.repeat([0.01, 0.9], 5))
    yield "quiet_windows", make_case(validation=seen)


def test_every_check_finds_its_disease_and_proposes_what_a_variant_takes(
    make_case: MakeCase, make_trial: MakeTrial
) -> None:
    found = dict(diseases(make_case, make_trial))
    assert set(found) == {check(make_case()).id for check in CHECKS}
    for name, case in found.items():
        finding = next(result for check in CHECKS if (result := check(case)).id == name)
        assert isinstance(finding, Finding), name
        assert finding.severity in (Severity.HIGH, Severity.MEDIUM)
        assert finding.cost > 0
        assert finding.proposals
        for proposal in finding.proposals:
            tables = tomllib.loads(proposal.variant)
            Variant.model_validate({"variant": {"title": "x"}, "index": {"root": "songs"}} | tables)


@pytest.mark.parametrize(
    ("cosine", "severity"), [(0.9985, None), (0.9979, Severity.MEDIUM), (0.994, Severity.HIGH)]
)
def test_severity_follows_the_share_of_the_loss(
    cosine: float, severity: Severity | None, make_case: MakeCase
) -> None:
    result = network.linear_input(make_case(input=replace(LINEAR, cosine=cosine)))
    assert (result.severity if isinstance(result, Finding) else None) is severity


def test_recipes_are_proposed_that_fit_and_are_new(make_case: MakeCase) -> None:
    def proposed(case: Case) -> list[str]:
        finding = network.linear_input(case)
        assert isinstance(finding, Finding)
        return [
            name
            for one in finding.proposals
            for name in tomllib.loads(one.variant).get("quantize", {}).get("recipes", [])
        ]

    case = make_case(input=LINEAR)
    assert proposed(case) == ["inner_subranges"]
    assert proposed(replace(case, tried=("ptq", "inner_subranges"))) == ["qat"]
    assert proposed(replace(case, tried=("ptq", "inner_subranges", "qat"))) == []
    assert proposed(replace(case, per_tensor=True)) == []
    raw = replace(case.contract, frontend=replace(case.contract.frontend, kind=Frontend.RAW))
    assert proposed(replace(case, contract=raw)) == []
    assert proposed(replace(case, contract=replace(case.contract, magnitude_scale=MagnitudeScale.DB))) == []


def test_a_checkpoint_is_not_given_keys_that_its_variant_would_refuse(
    make_case: MakeCase, make_trial: MakeTrial
) -> None:
    for _, case in diseases(make_case, make_trial):
        for check in CHECKS:
            result = check(replace(case, trains=False))
            if isinstance(result, Finding):
                assert all("[model]" not in proposal.variant for proposal in result.proposals)


def test_a_selection_no_better_than_chance_is_no_finding(make_case: MakeCase, make_trial: MakeTrial) -> None:
    lucky = {"selected": (make_trial(0.99),), "halves": (make_trial(0.97), make_trial(0.989))}
    assert isinstance(recordings.too_diverse(make_case(trials=lucky)), Fine)
    assert isinstance(recordings.too_diverse(make_case(trials={"selected": ()})), Unchecked)


def test_what_the_held_out_recordings_add_shows_that_there_are_too_few(
    make_case: MakeCase, make_trial: MakeTrial
) -> None:
    for found, asked, said in ((300, 300, "calibration_windows = 600"), (200, 300, "")):
        case = make_case(trials={"included": make_trial(0.99)}, found_windows=found, asked_windows=asked)
        result = recordings.too_small(case)
        assert isinstance(result, Finding)
        assert result.proposals[0].variant.endswith(said)
        assert bool(result.proposals[0].variant) == bool(said)


def test_all_windows_alike_are_not_called_quiet(make_case: MakeCase) -> None:
    for largest in (0.01, 0.9):
        facts: ValidationFacts = replace(make_case().validation, float_max=np.full(10, largest))
        assert isinstance(recordings.quiet_windows(make_case(validation=facts)), Fine)


def test_findings_come_by_severity_and_then_by_cost(make_case: MakeCase) -> None:
    case = make_case(
        input=replace(LINEAR, cosine=0.97),
        output=OutputFacts(vanishing=0.8, cosine=0.9),
        validation=replace(
            make_case().validation,
            cosine=np.where(np.arange(10) < 5, 0.1, 0.99),
            float_max=np.repeat([0.01, 0.9], 5),
        ),
    )
    found = diagnosis([check(case) for check in CHECKS])
    assert [finding.id for finding in found.findings] == ["int8_sigmoid", "linear_input", "quiet_windows"]
    fields = document_values(DoctorReport(missed=("x",), **vars(found)))
    assert set(fields) == {"missed", "findings", "fine", "unchecked"}
    assert fields["findings"][0]["severity"] == "high"


def test_what_cannot_be_simulated_is_not_called_fine(make_case: MakeCase) -> None:
    result = network.first_layers(make_case(front="layer x is unknown"))
    assert result == Unchecked(id="first_layers", title="first layers", reason="layer x is unknown")
