"""What is known of each tensor of an int8 network: the values of ``layers.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class TensorErrors:
    """How far a tensor of the int8 network is from the same tensor in float, over all windows.

    Args:
        snr_db: energy of the float values relative to that of the difference, between -120 and 120.
        cosine: of all values.
        bias: mean of int8 minus float, as a share of the largest float value.
        saturation: share of the values that lie outside the range by more than half a step.
        codes: share of the 256 int8 codes that occur.
    """

    snr_db: float
    cosine: float
    bias: float
    saturation: float
    codes: float


@dataclass(frozen=True, kw_only=True)
class TensorReport(TensorErrors):
    """One tensor of the int8 network, compared with the same tensor of the float network over all windows.

    Args:
        name: name of the layer that computes it.
        operator: TFLite's name of the operator, with its activation; ``QUANTIZE`` for the input.
        group: the part of the network that it belongs to.
        position: place in the order of computation, 0 for the input.
        low: the value that code -128 represents.
        high: the value that code 127 represents.
        gain: what the mean cosine of the probabilities gains if only this tensor stays float.
        gain_error: its standard error over the windows; a gain below twice this may be chance.
    """

    name: str
    operator: str
    group: str
    position: int
    low: float
    high: float
    gain: float
    gain_error: float


@dataclass(frozen=True, kw_only=True)
class GroupReport:
    """A part of the network.

    Args:
        name: name of the part.
        tensors: names of its tensors.
        gain: what the mean cosine gains if only this part stays float, its kernels and biases included.
        gain_error: its standard error over the windows.
        gain_up_to: what the mean cosine gains if this part and all parts before it stay float. The losses of
            two parts overlap: what one part gives back, the next may lose again.
    """

    name: str
    tensors: tuple[str, ...]
    gain: float
    gain_error: float
    gain_up_to: float


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """All parts and tensors of a network, the one that costs most first.

    Args:
        windows: the number of windows.
        cosine_mean: mean cosine of the probabilities, int8 by the reference kernels against float.
        baseline: the same by the fast kernels; every gain is counted from it.
        weights_gain: what the mean cosine gains if only kernels and biases stay float.
        groups: parts of the network, ranked by ``gain``.
        tensors: tensors, ranked by ``gain``.
    """

    windows: int
    cosine_mean: float
    baseline: float
    weights_gain: float
    groups: tuple[GroupReport, ...]
    tensors: tuple[TensorReport, ...]


@dataclass(frozen=True, kw_only=True)
class LayersDocument(LayerReport):
    """Which tensors and which parts of the chosen candidate lose accuracy in int8.

    Args:
        recipe: the recipe that made the candidate.
    """

    FILE: ClassVar[str] = "layers.json"
    VERSION: ClassVar[int] = 1

    recipe: str
