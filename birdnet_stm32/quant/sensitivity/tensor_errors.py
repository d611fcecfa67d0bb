"""Add up, window by window, how far a tensor of the int8 network is from the same tensor in float."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from birdnet_stm32.quant.arithmetic import scheme
from birdnet_stm32.quant.sensitivity.hybrid_model import Int8Tensor
from birdnet_stm32.quant.sensitivity.layer_report import TensorErrors

CODES = scheme.ACTIVATION_MAX - scheme.ACTIVATION_MIN + 1
LARGEST_DB = 120.0  # of a tensor without any error

Floats = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]


@dataclass(kw_only=True)
class ErrorSums:
    """ErrorSums over windows that the measures of :class:`TensorErrors` are computed from."""

    activation: Int8Tensor
    count: int = 0
    saturated: int = 0
    peak: float = 0.0
    energy: float = 0.0
    int8_energy: float = 0.0
    product: float = 0.0
    error: float = 0.0
    error_energy: float = 0.0
    occurs: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(CODES, np.bool_))

    def add(self, exact: Floats, steps: Int8Array) -> None:
        """Add one window.

        Args:
            exact: values of the float tensor.
            steps: codes of the int8 tensor, as many.
        """
        tensor = self.activation
        one, other = exact.ravel(), scheme.dequantize(steps.ravel(), tensor.scale, tensor.zero_point)
        difference = other - one
        low, high = tensor.ends
        self.count += one.size
        beyond = (one < low - tensor.scale / 2) | (one > high + tensor.scale / 2)
        self.saturated += int(beyond.sum())
        self.peak = max(self.peak, float(one.max()), -float(one.min()))
        self.energy += float(one @ one)
        self.int8_energy += float(other @ other)
        self.product += float(one @ other)
        self.error += float(difference.sum())
        self.error_energy += float(difference @ difference)
        self.occurs |= np.bincount(steps.ravel().view(np.uint8), minlength=CODES) > 0

    def errors(self) -> TensorErrors:
        """Return the errors over all windows added so far, at least one."""
        norms = np.sqrt(self.energy * self.int8_energy)
        return TensorErrors(
            snr_db=_decibels(self.energy, self.error_energy),
            cosine=float(self.product / norms) if norms > 0 else float(self.error_energy == 0),
            bias=self.error / self.count / self.peak if self.peak > 0 else 0.0,
            saturation=self.saturated / self.count,
            codes=int(self.occurs.sum()) / CODES,
        )


def _decibels(energy: float, error_energy: float) -> float:
    if error_energy == 0:
        return LARGEST_DB
    if energy == 0:
        return -LARGEST_DB
    return float(np.clip(10 * np.log10(energy / error_energy), -LARGEST_DB, LARGEST_DB))
