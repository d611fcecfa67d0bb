"""Turn a network's outputs into probabilities, with NumPy alone, so that tools can avoid TensorFlow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.frontend.contract import ModelContract, OutputActivation


def probabilities(outputs: NDArray[np.float32], contract: ModelContract) -> NDArray[np.float32]:
    """Return the probability of each class.

    Args:
        outputs: the network's outputs, float32 ``[..., classes]``.
        contract: says whether they are logits.

    Returns:
        float32 ``[..., classes]`` in [0, 1].
    """
    if contract.output_activation is OutputActivation.SIGMOID:
        return outputs
    # In double, so that the float32 is the same whichever library computes the exponential: the firmware does
    # the same. Beyond 700 the probability is 0 or 1 in float32, and the exponential would overflow.
    logits = np.clip(outputs.astype(np.float64), -700, 700)
    return (1 / (1 + np.exp(-logits))).astype(np.float32)
