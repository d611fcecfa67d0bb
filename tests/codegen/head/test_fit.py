from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from birdnet_stm32.codegen.head.contents import Head
from birdnet_stm32.codegen.head.fit import require_fit, why_not
from birdnet_stm32.codegen.head.sources import head_document
from birdnet_stm32.errors import GateError

Make = Callable[..., Head]


def test_heads_of_the_same_backbone_fit(make: Make) -> None:
    expected = head_document(make(3), section_bytes=4_096, max_classes=10)
    for classes in (1, 3, 10):
        require_fit(make(classes), expected, where="head.bin")


@pytest.mark.parametrize(
    ("changes", "firmware", "what"),
    [
        ({"backbone": bytes(32)}, {}, "the backbone 0000000000000000"),
        ({"input_scale": 0.03}, {}, "scale 0.03"),
        ({"input_zero_point": 0}, {}, "zero point 0"),
        ({}, {"max_classes": 2}, "3 classes"),
        ({}, {"section_bytes": 400}, "bytes"),
        ({}, {"format": 2}, "format 2"),
    ],
)
def test_every_reason_is_named(
    make: Make, changes: dict[str, Any], firmware: dict[str, Any], what: str
) -> None:
    expected = replace(head_document(make(3), section_bytes=4_096, max_classes=10), **firmware)
    with pytest.raises(GateError, match=what):
        require_fit(make(3, **changes), expected, where="head.bin")


def test_several_reasons_are_listed(make: Make) -> None:
    expected = head_document(make(3), section_bytes=4_096, max_classes=3)
    assert len(why_not(make(4, backbone=bytes(32)), expected)) == 2
