from __future__ import annotations

import json
from pathlib import Path

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.stages.catalog import BY_NAME
from birdnet_stm32.stages.inputs.learned import read_learned

DIGEST = "ab" * 32


def test_what_a_checkpoint_learned_from_is_read_by_the_stages_that_measure(tmp_path: Path) -> None:
    table = {"variant": {"title": "x"}, "model": {"checkpoint": "m.keras", "config": "m.json"}}
    variant = Variant.model_validate_json(json.dumps(table), strict=True)
    release = Release(name="v", path=tmp_path / "v.toml", build=tmp_path / "build", variant=variant)

    def job(stage: str, inputs: dict[str, Path]) -> Job:
        files = BY_NAME[stage].files(release)
        return Job(release=release, inputs=inputs, files=files, out=tmp_path, previous=tmp_path)

    assert read_learned(job("thresholds", {})) is None, "nobody knows it"
    (tmp_path / "m_learned_from.tsv").write_text(f"sha256\tuse\n{DIGEST}\ttrain\n")
    for stage in ("thresholds", "evaluate"):
        assert read_learned(job(stage, {})) == {DIGEST: "train"}
        assert read_learned(job(stage, {"train": tmp_path})) == {}, "the pipeline holds its tests out itself"
