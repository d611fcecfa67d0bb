"""Networks that failed on boards or were refused for nothing, made in trials."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.npu.lint.check import lint
from birdnet_stm32.npu.lint.rule import LintSeverity
from birdnet_stm32.tflite.reader import read_graph

pytestmark = pytest.mark.shared

FOUND = {
    "full_height.tflite": {(LintSeverity.ERROR, "full-height-kernel")},
    "gap7x7.tflite": set(),
    "one_channel.tflite": {(LintSeverity.WARNING, "one-channel-one-pixel")},
    "dilated.tflite": {
        (LintSeverity.WARNING, "dilated-rows"),
        (LintSeverity.WARNING, "large-software-output"),
    },
    "dilation_2.tflite": {(LintSeverity.WARNING, "dilated-rows"), (LintSeverity.WARNING, "open-batch")},
}


@pytest.mark.parametrize("name", FOUND)
def test_what_trials_showed_is_found_and_no_more(shared: Path, name: str) -> None:
    path = shared / "data" / "trials" / "tflite" / name
    found = lint(read_graph(path.read_bytes(), where=name))
    worse = {(one.rule.severity, one.rule.id) for one in found if one.rule.severity is not LintSeverity.HINT}
    assert worse == FOUND[name]
