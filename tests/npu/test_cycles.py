"""The estimate of cycles: its arithmetic, its fit, and that what is written of it is what was fitted."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.npu.analysis_document import analysis_document
from birdnet_stm32.npu.analyze import analyze, estimate_text
from birdnet_stm32.npu.cycle_features import NO_FEATURES, Features
from birdnet_stm32.npu.cycles import CYCLES_PER_MS, estimated_cycles, features_of, features_of_network
from birdnet_stm32.npu.measured_times import LARGEST_FACTOR, MEASURED, MEDIAN_FACTOR, RATES
from birdnet_stm32.tflite.node import nodes
from birdnet_stm32.tflite.reader import read_graph
from tests.npu.lint.conftest import Net

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("npu_cycles", ROOT / "scripts" / "npu_cycles.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_an_operator_s_features(one_operator: Any, activation: Any, constant: Any) -> None:
    graph = one_operator("FULLY_CONNECTED", [activation(1, 32), constant(8, 32), None], activation(1, 8))
    assert features_of(nodes(graph)[0]) == Features(
        macs=256, weight_bytes=256, activation_bytes=40, starts=1, software_bytes=0
    )
    soft = one_operator("SOFTMAX", [activation(1, 8)], activation(1, 8))
    assert features_of(nodes(soft)[0]) == replace(NO_FEATURES, software_bytes=16)
    view = one_operator("RESHAPE", [activation(1, 8)], activation(8, 1))
    assert features_of(nodes(view)[0]) == NO_FEATURES


def test_a_network_costs_what_its_operators_cost() -> None:
    net = Net()
    hidden = net.op("FULLY_CONNECTED", [net.input(1, 32), net.constant(64, 32), -1], 1, 64)
    graph = read_graph(net.file(net.op("SOFTMAX", [hidden], 1, 64)), where="made here")
    analysis = analyze(graph)
    assert analysis.cycles == pytest.approx(estimated_cycles(features_of_network(graph)), abs=2)
    assert analysis.ms == analysis.cycles / CYCLES_PER_MS
    said = analysis_document(analysis, (), ())
    assert said.estimate.cycles == sum(one.cycles_estimated for one in said.operators)
    assert said.estimate.largest_factor_held_out == LARGEST_FACTOR
    assert "an estimate" in estimate_text(analysis)
    assert str(MEDIAN_FACTOR) in estimate_text(analysis)


def test_the_rates_are_those_fitted_to_what_was_measured(script: Any) -> None:
    assert astuple(script.fit(MEASURED)) == pytest.approx(astuple(RATES), rel=1e-3)
    median, largest = script.factors(script.left_out(MEASURED))
    assert (round(median, 2), round(largest, 2)) == (MEDIAN_FACTOR, LARGEST_FACTOR)


def test_the_page_is_that_of_the_fit(script: Any) -> None:
    assert script.PAGE.read_text(encoding="utf-8") == script.page(MEASURED), "scripts/npu_cycles.py --write"


def test_a_fit_finds_the_rates_that_made_the_times(script: Any) -> None:
    true = Features(macs=0.01, weight_bytes=2, activation_bytes=0.5, starts=1000, software_bytes=3)
    made = tuple(
        replace(
            one,
            ms=estimated_cycles(replace(one.features, starts=7 * i + 1), true) / CYCLES_PER_MS,
            features=replace(one.features, starts=7 * i + 1),
        )
        for i, one in enumerate(MEASURED)
    )
    assert astuple(script.fit(made)) == pytest.approx(astuple(true), rel=1e-6)


def test_a_folder_is_fitted(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        net = Net()
        folder = tmp_path / f"n{number}"
        folder.mkdir()
        weights = net.constant(64 * number, 32)
        model = net.file(net.op("FULLY_CONNECTED", [net.input(1, 32), weights, -1], 1, 64 * number))
        (folder / "a.tflite").write_bytes(model)
        (folder / "measured_ms.txt").write_text(f"{0.01 * number}\n")
    monkeypatch.setattr("sys.argv", ["npu_cycles.py", str(tmp_path)])
    script.main()
    assert "For 3 networks that were left out" in capsys.readouterr().out


def test_folders_that_say_no_time_are_refused(script: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no measured_ms\.txt"):
        script.read_samples(tmp_path)
    (tmp_path / "measured_ms.txt").write_text("fast")
    with pytest.raises(InputError, match="neither"):
        script.read_samples(tmp_path)
    net = Net()
    (tmp_path / "a.tflite").write_bytes(net.file(net.op("RELU", [net.input(1, 8)], 1, 8)))
    with pytest.raises(InputError, match="holds 'fast'"):
        script.read_samples(tmp_path)
