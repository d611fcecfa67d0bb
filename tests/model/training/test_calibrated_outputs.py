"""Calibration inside the last layer."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.training.calibrated_outputs import calibrate_outputs
from birdnet_stm32.model.training.predict import predict


def test_each_logit_is_scaled_and_moved(contract: ModelContract) -> None:
    model = dscnn.build_dscnn(contract, seed=1)
    pcm = np.random.default_rng(0).integers(-9_000, 9_000, (5, 4_000), dtype=np.int16)
    before = predict(model, pcm, contract)
    scale, offset = np.array([0.5, 2.0]), np.array([1.0, -3.0])
    calibrate_outputs(model, scale, offset)
    np.testing.assert_allclose(predict(model, pcm, contract), scale * before + offset, atol=1e-5)
