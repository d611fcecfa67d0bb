"""Where int8 hurts: every tensor float against int8, and what the output gains if one of them stays float."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from birdnet_stm32.model.surgery.network import MOVES, Floats, Network
from birdnet_stm32.quant.scheme import ACTIVATION_MAX, ACTIVATION_MIN, activation_parameters
from birdnet_stm32.quant.simulate import (
    Ranges,
    batches,
    constants,
    forward,
    grid_ends,
    rounding_twice,
    run,
    sigmoid,
)
from birdnet_stm32.quant.verify import compare

CODES = ACTIVATION_MAX - ACTIVATION_MIN + 1
_SILENCE = 1e-20  # energy that keeps a ratio finite


@dataclass(frozen=True, kw_only=True)
class TensorReport:
    """One tensor of the int8 network against the same tensor of the float network, over all windows.

    Args:
        name: of the tensor.
        snr_db: energy of the float values to that of the difference.
        cosine: of all values.
        bias: mean of int8 minus float, as a share of the largest float value.
        saturation: share of values at either end of the grid where the float value lies beyond it.
        codes: share of the 256 int8 codes that occur.
        gain: what the mean cosine of the probabilities gains if only this tensor stays float.
    """

    name: str
    snr_db: float
    cosine: float
    bias: float
    saturation: float
    codes: float
    gain: float


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """All tensors of a network, the one that costs most first.

    Args:
        cosine_mean: of the probabilities, int8 against float.
        weights_gain: what it gains if only the kernels stay float.
        tensors: ranked by ``gain``.
    """

    cosine_mean: float
    weights_gain: float
    tensors: tuple[TensorReport, ...]


def layer_report(
    network: Network,
    windows: Floats,
    ranges: Ranges,
    *,
    on_tensor: Callable[[int, int], None] = lambda done, total: None,
) -> LayerReport:
    """Compare the simulated int8 network with the float network, tensor by tensor.

    Args:
        network: from features to logits.
        windows: float32 [n, *input shape], n >= 1; a hundred or so tell enough.
        ranges: of its tensors.
        on_tensor: told how many tensors have been tried in float, of how many.
    """
    names = [name for name in network.tensors if name in ranges and not _moved(network, name)]
    sums = _sums(network, windows, ranges)
    expected = sigmoid(run(network, windows))

    def cosine_mean(floating: tuple[str, ...] = (), *, float_kernels: bool = False) -> float:
        logits = run(network, windows, ranges, floating=floating, float_kernels=float_kernels)
        return compare(expected, sigmoid(logits)).all.cosine_mean

    reached = cosine_mean()
    reports = []
    for number, name in enumerate(names, start=1):
        reports.append(_tensor_report(name, sums[name], gain=cosine_mean((name,)) - reached))
        on_tensor(number, len(names))
    return LayerReport(
        cosine_mean=reached,
        weights_gain=cosine_mean(float_kernels=True) - reached,
        tensors=tuple(sorted(reports, key=lambda report: -report.gain)),
    )


def to_json(report: LayerReport) -> dict[str, Any]:
    """Return the report as JSON has it."""
    return {**asdict(report), "tensors": [asdict(tensor) for tensor in report.tensors]}


def _moved(network: Network, name: str) -> bool:
    return any(unit.name == name and unit.kind in MOVES for unit in network.units)


def _sums(network: Network, windows: Floats, ranges: Ranges) -> dict[str, dict[str, Any]]:
    """Return for each tensor the sums that its report is made of."""
    import tensorflow as tf

    from birdnet_stm32.quant.fake_quant import fake_quantize

    fixed = constants(network)
    ends = {name: grid_ends(*ranges[name]) for name in ranges}
    quantize = rounding_twice(network, ranges)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def both(batch: Any) -> Any:
        exact = forward(network, fixed, batch)
        rounded = forward(network, fixed, batch, kernel=fake_quantize, tensor=quantize)
        found = {}
        for name in ranges:
            if name not in exact or _moved(network, name):
                continue
            one, other = tf.cast(exact[name], tf.float64), tf.cast(rounded[name], tf.float64)
            scale, zero_point = activation_parameters(*ranges[name])
            codes = tf.cast(tf.round(other / float(scale)), tf.int32) + zero_point - ACTIVATION_MIN
            low, high = ends[name]
            beyond = (one < low) | (one > high)
            at_end = (codes == 0) | (codes == CODES - 1)
            found[name] = {
                "energy": tf.reduce_sum(one * one),
                "rounded_energy": tf.reduce_sum(other * other),
                "product": tf.reduce_sum(one * other),
                "error": tf.reduce_sum(other - one),
                "error_energy": tf.reduce_sum((other - one) ** 2),
                "saturated": tf.reduce_sum(tf.cast(beyond & at_end, tf.float64)),
                "peak": tf.reduce_max(tf.abs(one)),
                "count": tf.cast(tf.size(one), tf.float64),
                "codes": tf.math.bincount(tf.reshape(codes, [-1]), minlength=CODES, maxlength=CODES),
            }
        return found

    totals: dict[str, dict[str, Any]] = {}
    for batch in batches(windows):
        for name, part in both(batch).items():
            values = {key: value.numpy() for key, value in part.items()}
            if name in totals:
                peak = max(totals[name]["peak"], values["peak"])
                values = {key: totals[name][key] + value for key, value in values.items()} | {"peak": peak}
            totals[name] = values
    return totals


def _tensor_report(name: str, sums: dict[str, Any], *, gain: float) -> TensorReport:
    norms = np.sqrt(sums["energy"] * sums["rounded_energy"])
    return TensorReport(
        name=name,
        snr_db=float(10 * np.log10((sums["energy"] + _SILENCE) / (sums["error_energy"] + _SILENCE))),
        cosine=float(sums["product"] / norms)
        if norms > 0
        else float(sums["energy"] == sums["rounded_energy"]),
        bias=float(sums["error"] / sums["count"] / sums["peak"]) if sums["peak"] > 0 else 0.0,
        saturation=float(sums["saturated"] / sums["count"]),
        codes=float((sums["codes"] > 0).sum() / CODES),
        gain=gain,
    )
