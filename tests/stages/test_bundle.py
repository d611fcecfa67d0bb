"""A model that hears nothing becomes a bundle only if the variant says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.errors import GateError
from birdnet_stm32.evaluate.chance import hearing
from birdnet_stm32.files.document import write_document
from birdnet_stm32.quant.verify import HearingOfModels, VerifyDocument, compare, float_baseline
from birdnet_stm32.release.statements import unproven_statements
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


def test_a_model_that_hears_passes(job: MakeJob) -> None:
    hears = job(TARGETS)
    bundle.require_above_chance(hears)
    assert "chance" not in unproven_statements(hears)[0]
