"""A tiny network to start from."""

from __future__ import annotations

import numpy as np
import pytest

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.architecture.dscnn import build_dscnn
from birdnet_stm32.model.start.start_from import Start


@pytest.fixture(scope="session")
def start(contract: ModelContract) -> Start:
    model = build_dscnn(contract, seed=3)
    head = model.layers[-1]
    head.set_weights([head.get_weights()[0], np.array([-1.0, 2.0], np.float32)])
    return Start(model=model, contract=contract)
