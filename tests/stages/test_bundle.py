"""A model that hears nothing becomes a bundle only if the variant says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.errors import GateError
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument, FormAccuracy
from birdnet_stm32.evaluate.chance import hearing
from birdnet_stm32.files.document import read_document, write_document
from birdnet_stm32.gates import Direction, Gate, judge
from birdnet_stm32.quant.verify import HearingOfModels, VerifyDocument, compare, float_baseline
from birdnet_stm32.release.hearing import int8_hearing
from birdnet_stm32.release.release_gates import accuracy_and_chance
from birdnet_stm32.release.statements import accuracy_statements, unproven_statements
from birdnet_stm32.stages import bundle

MakeJob = Callable[..., Job]
TARGETS = np.repeat(np.eye(3, dtype=np.float32), 8, axis=0)
RECORDINGS = np.arange(24) // 2


@pytest.fixture
def job(tmp_path: Path) -> MakeJob:
    """Return what makes a job on a model with these scores."""
    folder = tmp_path / "verify"
    folder.mkdir()

    def make(scores: np.ndarray, **keys: bool) -> Job:
        found = hearing(scores, TARGETS, RECORDINGS)
        agreement = compare(TARGETS, TARGETS).agreement
        document = VerifyDocument(
            all=agreement.all,
            confident=agreement.confident,
            float_model=float_baseline(TARGETS),
            hearing=HearingOfModels(float_model=found, int8=found),
            notes_on_the_checkpoint=(),
        )
        write_document(document, folder)
        variant = Variant.model_validate(
            {"variant": {"title": "x"}, "index": {"root": "songs"}, "bundle": keys}
        )
        release = Release(name="x", path=tmp_path / "x.toml", build=tmp_path, variant=variant)
        return Job(release=release, inputs={"verify": folder}, files={}, out=tmp_path, previous=tmp_path)

    return make


def test_a_model_at_chance_is_refused_with_its_chance_level_and_the_key(job: MakeJob) -> None:
    with pytest.raises(GateError) as refused:
        bundle.require_above_chance(job(np.roll(TARGETS, 1, axis=1)))
    message = str(refused.value)
    assert "right in 0 % of the windows of a species (chance 3" in message
    assert "require_above_chance = false" in message


def test_the_key_allows_it_and_the_bundle_says_so_first(job: MakeJob) -> None:
    allowed = job(np.zeros_like(TARGETS), require_above_chance=False)
    bundle.require_above_chance(allowed)
    assert unproven_statements(allowed)[0].startswith("This model hears no better than chance")


def test_measured_accuracy_is_what_a_release_says_first(job: MakeJob, tmp_path: Path) -> None:
    measured = with_accuracy(job(TARGETS), tmp_path)
    assert accuracy_statements(measured) == ("Finds 61 %.",)
    assert accuracy_statements(job(TARGETS)) == ("Nobody has measured how well this model hears.",)
    unproven = " ".join(unproven_statements(measured))
    assert "at another place" in unproven
    assert "Nobody has measured" not in unproven
    assert "Nobody has measured how well the model recognises birds" in " ".join(
        unproven_statements(job(TARGETS))
    )


def test_gates_on_accuracy_are_the_first(job: MakeJob, tmp_path: Path) -> None:
    plain = [gate.name for gate in accuracy_and_chance(job(TARGETS))]
    recall = judge("recall", "recall", 0.6, Direction.AT_LEAST, 0.5)
    gates = accuracy_and_chance(with_accuracy(job(TARGETS), tmp_path, recall))
    assert [gate.name for gate in gates] == ["recall", *plain]


def test_recordings_that_nothing_used_judge_whether_the_model_hears(job: MakeJob, tmp_path: Path) -> None:
    made = with_accuracy(job(TARGETS), tmp_path)
    assert int8_hearing(made).split == "validation"
    accuracy = read_document(EvaluateDocument, tmp_path)
    held_out = replace(int8_hearing(made), split="test", provable=True)
    write_document(replace(accuracy, hearing=held_out), tmp_path)
    assert int8_hearing(made) == held_out
    write_document(replace(accuracy, hearing=replace(held_out, provable=False)), tmp_path)
    assert int8_hearing(made).split == "validation"


BARE = FormAccuracy(
    form="int8",
    windows=9,
    class_mean_average_precision=None,
    mean_average_precision=None,
    roc_auc=None,
    top1=None,
    recall=None,
    overall_recall=None,
    precision=None,
    false_alarms_per_hour=None,
    false_alarm_runs_per_hour=None,
    species=(),
    curve=(),
    reliability=(),
)


def with_accuracy(job: Job, folder: Path, *gates: Gate) -> Job:
    """Add what the stage evaluate publishes."""
    document = EvaluateDocument(
        source="folder",
        unit="recording",
        statements=("Finds 61 %.",),
        advice=(),
        files=3,
        recordings=3,
        windows=9,
        hours=0.1,
        pooling="max",
        learned=0,
        learned_unknown=False,
        forms=(BARE,),
        confusion=None,
        mistakes=(),
        missing=(),
        left_out=(),
        gates=gates,
    )
    write_document(document, folder)
    return replace(job, inputs={**job.inputs, "evaluate": folder})


def test_a_model_that_hears_passes(job: MakeJob) -> None:
    hears = job(TARGETS)
    bundle.require_above_chance(hears)
    assert "chance" not in unproven_statements(hears)[0]
