"""A head has the thresholds of the firmware that it is for, those of ``[detect.species]`` included."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from birdnet_stm32.commands.shared import head_source
from birdnet_stm32.config.detect_table import DetectTable, SpeciesRuleTable
from birdnet_stm32.evaluate.thresholds_document import SpeciesThreshold, ThresholdsDocument
from birdnet_stm32.files.document import write_document
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    ModelContract,
    OutputActivation,
    contract_to_json,
)
from birdnet_stm32.stages.inputs.file_names import CONFIG, MODEL

LABELS = ("wren", "owl")
CONTRACT = ModelContract(
    frontend=FrontendSpec(kind=Frontend.HYBRID, sample_rate_hz=8_000, window_samples=8_000),
    labels=LABELS,
    output_activation=OutputActivation.LOGIT,
)


@pytest.mark.parametrize(("threshold", "expected"), [(None, [0.25, 0.875]), (0.5, [0.5, 0.5])])
def test_a_species_keeps_its_own_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threshold: float | None, expected: list[float]
) -> None:
    unknown = dict.fromkeys(("expected_recall", "expected_precision", "expected_false_alarms_per_hour"), None)
    species = tuple(
        SpeciesThreshold(label=label, threshold=0.25, recordings=0, why="", **unknown) for label in LABELS
    )
    (tmp_path / MODEL).write_bytes(b"a model")
    (tmp_path / CONFIG).write_text(json.dumps(contract_to_json(CONTRACT)))
    write_document(ThresholdsDocument(aim="", hours=0.0, species=species), tmp_path)
    detect = DetectTable(species={"owl": SpeciesRuleTable(threshold=0.875)})
    release = SimpleNamespace(variant=SimpleNamespace(detect=detect))
    monkeypatch.setattr(head_source, "load_release", lambda *_: release)
    monkeypatch.setattr(head_source, "published_folder", lambda *_: tmp_path)
    options = argparse.Namespace(
        files=["mine"],
        backbone=None,
        model_config=None,
        variants=None,
        build=None,
        threshold=threshold,
        thresholds=None,
    )
    assert list(head_source.head_source(options).thresholds) == expected
