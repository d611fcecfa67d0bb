"""What is better in quantization-aware training."""

from __future__ import annotations

import pytest

from birdnet_stm32.quant.training.reached import Reached


@pytest.mark.parametrize(
    ("one", "other", "better"),
    [
        (Reached(closeness=0.9), Reached(closeness=0.8), True),
        (Reached(closeness=0.7, cmap=0.9), Reached(closeness=0.8, cmap=0.8), True),
        (Reached(closeness=0.8, cmap=0.8), Reached(closeness=0.7, cmap=0.9), False),
        (Reached(closeness=0.8, cmap=0.901), Reached(closeness=0.7, cmap=0.899), True),
        (Reached(closeness=0.8, cmap=0.9), Reached(closeness=0.8, cmap=0.9), False),
    ],
)
def test_cmap_decides_and_then_the_closeness(one: Reached, other: Reached, better: bool) -> None:
    assert one.better_than(other) is better
