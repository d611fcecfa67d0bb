"""Logits to probabilities."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from birdnet_stm32.frontend.contract import ModelContract, OutputActivation
from birdnet_stm32.model.probabilities import probabilities


def test_logits_become_probabilities_without_overflow(contract: ModelContract) -> None:
    logits = np.float32([[-1e4, -2.0, 0.0, 2.0, 1e4]])
    expected = [[0.0, 1 / (1 + np.exp(2.0)), 0.5, 1 / (1 + np.exp(-2.0)), 1.0]]
    result = probabilities(logits, contract)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_sigmoid_outputs_are_probabilities_already(contract: ModelContract) -> None:
    scores = np.float32([[0.1, 0.9]])
    sigmoid = replace(contract, output_activation=OutputActivation.SIGMOID)
    np.testing.assert_array_equal(probabilities(scores, sigmoid), scores)


@pytest.mark.parametrize(
    "module", ["probabilities", "checkpoints.keras_archive", "checkpoints.allowlist", "training.targets"]
)
def test_tensorflow_is_not_imported(module: str) -> None:
    code = f"import sys, birdnet_stm32.model.{module}; print({{'tensorflow', 'keras'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
