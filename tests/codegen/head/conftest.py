"""A head with two, three or more classes, and a firmware's view of it, without a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.head.contents import Head


@pytest.fixture(scope="session")
def make() -> Callable[..., Head]:
    """Return a function that makes a head over four channels; keywords replace parts of it."""

    def made(classes: int = 3, **changes: Any) -> Head:
        rng = np.random.default_rng(classes)
        parts: dict[str, Any] = {
            "version": 7,
            "backbone": bytes(range(32)),
            "input_scale": float(np.float32(0.02)),
            "input_zero_point": -128,
            "dense_zero_point": 3,
            "dense_minimum": -128,
            "dense_maximum": 127,
            "output_scale": 1 / 256,
            "output_zero_point": -128,
            "weights": rng.integers(-127, 128, (classes, 4)).astype(np.int8),
            "bias": rng.integers(-9_000, 9_000, classes).astype(np.int32),
            "scales": rng.uniform(1e-3, 1e-2, classes),
            "table": np.arange(-128, 128, dtype=np.int8),
            "names": tuple(f"Species {number} Höckerschwan" for number in range(classes)),
            "thresholds": rng.uniform(0.1, 1, classes).astype(np.float32),
        }
        return Head(**(parts | changes))

    return made
