"""Put the calibration of the logits into the last layer, where it costs nothing."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt


def calibrate_outputs(
    model: keras.Model, scale: npt.NDArray[np.float64], offset: npt.NDArray[np.float64]
) -> None:
    """Change the last layer of a network so that each logit becomes ``scale * logit + offset``.

    Args:
        model: a network whose last layer is dense and has no activation.
        scale: of each class, float64 ``[classes]``.
        offset: of each class, float64 ``[classes]``.
    """
    last = model.layers[-1]
    kernel, bias = last.get_weights()
    last.set_weights([(kernel * scale).astype(kernel.dtype), (bias * scale + offset).astype(bias.dtype)])
