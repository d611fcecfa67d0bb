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
    # exp(-log(1 + exp(-x))) neither overflows for large negative logits nor warns.
    return np.exp(-np.logaddexp(np.float32(0), -outputs)).astype(np.float32)
