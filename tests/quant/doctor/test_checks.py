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
from birdnet_stm32.quant.doctor import network_checks, window_checks
from birdnet_stm32.quant.doctor.diagnosis import (
    DoctorReport,
    Finding,
    Fine,
    Severity,
    Unchecked,
    sort_results,
)
from birdnet_stm32.quant.doctor.facts import DecibelFacts, InputFacts, OutputFacts
from birdnet_stm32.quant.doctor.measurements import Measurements, ValidationFacts
from birdnet_stm32.quant.doctor.trials import Trial

CHECKS = (*network_checks.CHECKS, *window_checks.CHECKS)
MakeMeasured = Callable[..., Measurements]
MakeTrial = Callable[..., Trial]
LINEAR = InputFacts(codes=6, zeroed=0.7, full_windows=1.0, cosine=0.96, clipped_cosine=0.96)


def test_a_model_without_problems_is_fine(measurements: MakeMeasured) -> None:
    results = [check(measurements()) for check in CHECKS]
    assert {result.id for result in results if not isinstance(result, Fine)} == set()
    assert len({result.id for result in results}) == len(CHECKS)


def problems(measurements: MakeMeasured, make_trial: MakeTrial) -> Iterator[tuple[str, Measurements]]:
    linear = replace(
        measurements().contract,
        frontend=replace(measurements().contract.frontend, compression=Compression.NONE),
    )
    yield (
        "decibels",
        measurements(
            contract=replace(linear, magnitude_scale=MagnitudeScale.DB),
            decibel=DecibelFacts(first_step_db=30.0, silenced=0.8, cosine=0.9),
        ),
    )
    yield "linear_input", measurements(contract=linear, input=LINEAR)
    yield "input_outliers", measurements(input=replace(LINEAR, full_windows=0.02, clipped_cosine=0.99))
    yield "int8_sigmoid", measurements(output=OutputFacts(vanishing=0.8, cosine=0.9))
    front = measurements().front
    assert not isinstance(front, str)
    yield "first_layers", measurements(front=replace(front, floating_cosine=0.995))
    yield "per_tensor", measurements(per_tensor=True, trials={"per_channel": make_trial(0.995)})
    yield "too_diverse", measurements(trials={"selected": (make_trial(0.98), make_trial(0.99))})
    yield "wide_ranges", measurements(trials={"narrowed": (make_trial(0.98), make_trial(0.99))})
    yield "too_small", measurements(trials={"halves": (make_trial(0.95), make_trial(0.96))})
    yield "order", measurements(trials={"reordered": (make_trial(0.95, tflite=b"other"), make_trial(0.979))})
    quiet = np.where(np.arange(10) < 5, 0.7, 0.99)
    seen = replace(measurements().validation, cosine=quiet, float_max=np.repeat([0.01, 0.9], 5))
    yield "quiet_windows", measurements(validation=seen)


def test_every_check_finds_its_problem_and_proposes_what_a_variant_takes(
    measurements: MakeMeasured, make_trial: MakeTrial
) -> None:
    found = dict(problems(measurements, make_trial))
    assert set(found) == {check(measurements()).id for check in CHECKS}
    for name, measured in found.items():
        finding = next(result for check in CHECKS if (result := check(measured)).id == name)
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
    cosine: float, severity: Severity | None, measurements: MakeMeasured
) -> None:
    result = network_checks.linear_input(measurements(input=replace(LINEAR, cosine=cosine)))
    assert (result.severity if isinstance(result, Finding) else None) is severity


def test_recipes_are_proposed_that_fit_and_are_new(measurements: MakeMeasured) -> None:
    def proposed(measured: Measurements) -> list[str]:
        finding = network_checks.linear_input(measured)
        assert isinstance(finding, Finding)
        return [
            name
            for one in finding.proposals
            for name in tomllib.loads(one.variant).get("quantize", {}).get("recipes", [])
        ]

    measured = measurements(input=LINEAR)
    assert proposed(measured) == ["inner_subranges"]
    assert proposed(replace(measured, tried=("ptq", "inner_subranges"))) == ["qat"]
    assert proposed(replace(measured, tried=("ptq", "inner_subranges", "qat"))) == []
    assert proposed(replace(measured, per_tensor=True)) == []
    raw = replace(measured.contract, frontend=replace(measured.contract.frontend, kind=Frontend.RAW))
    assert proposed(replace(measured, contract=raw)) == []
    assert (
        proposed(replace(measured, contract=replace(measured.contract, magnitude_scale=MagnitudeScale.DB)))
        == []
    )


def test_a_checkpoint_is_not_given_keys_that_its_variant_would_refuse(
    measurements: MakeMeasured, make_trial: MakeTrial
) -> None:
    for _, measured in problems(measurements, make_trial):
        for check in CHECKS:
            result = check(replace(measured, trains=False))
            if isinstance(result, Finding):
                assert all("[model]" not in proposal.variant for proposal in result.proposals)


def test_a_selection_no_better_than_chance_is_no_finding(
    measurements: MakeMeasured, make_trial: MakeTrial
) -> None:
    lucky = {"selected": (make_trial(0.99),), "halves": (make_trial(0.97), make_trial(0.989))}
    assert isinstance(window_checks.too_diverse(measurements(trials=lucky)), Fine)
    assert isinstance(window_checks.too_diverse(measurements(trials={"selected": ()})), Unchecked)


def test_what_the_held_out_recordings_add_shows_that_there_are_too_few(
    measurements: MakeMeasured, make_trial: MakeTrial
) -> None:
    for found, asked, said in ((300, 300, "calibration_windows = 600"), (200, 300, "")):
        measured = measurements(
            trials={"included": make_trial(0.99)}, found_windows=found, asked_windows=asked
        )
        result = window_checks.too_small(measured)
        assert isinstance(result, Finding)
        assert result.proposals[0].variant.endswith(said)
        assert bool(result.proposals[0].variant) == bool(said)


def test_all_windows_alike_are_not_called_quiet(measurements: MakeMeasured) -> None:
    for largest in (0.01, 0.9):
        facts: ValidationFacts = replace(measurements().validation, float_max=np.full(10, largest))
        assert isinstance(window_checks.quiet_windows(measurements(validation=facts)), Fine)


def test_findings_come_by_severity_and_then_by_cost(measurements: MakeMeasured) -> None:
    measured = measurements(
        input=replace(LINEAR, cosine=0.97),
        output=OutputFacts(vanishing=0.8, cosine=0.9),
        validation=replace(
            measurements().validation,
            cosine=np.where(np.arange(10) < 5, 0.1, 0.99),
            float_max=np.repeat([0.01, 0.9], 5),
        ),
    )
    found = sort_results([check(measured) for check in CHECKS])
    assert [finding.id for finding in found.findings] == ["int8_sigmoid", "linear_input", "quiet_windows"]
    fields = document_values(DoctorReport(missed=("x",), **vars(found)))
    assert set(fields) == {"missed", "findings", "fine", "unchecked"}
    assert fields["findings"][0]["severity"] == "high"


def test_what_cannot_be_simulated_is_not_called_fine(measurements: MakeMeasured) -> None:
    result = network_checks.first_layers(measurements(front="layer x is unknown"))
    assert result == Unchecked(id="first_layers", title="first layers", reason="layer x is unknown")
