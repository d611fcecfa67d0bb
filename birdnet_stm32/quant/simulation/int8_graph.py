"""The converted network as a TensorFlow graph: it equals the reference kernels bit by bit.

A tensor is represented by steps from its zero point: whole numbers in float32. float32 is exact up to 2 **
24, more than the sums of products reach. Kernels and biases are rounded in the graph as the converter rounds
them. Gradients pass every rounding unchanged (straight-through estimator) and are 0 outside the grid or the
activation function.

The reference kernels round an accumulator twice: first to ``2 ** shift`` of a step, halves up, and then to a
step, halves away from zero. Both roundings are floors, and a floor of a floor is one floor:
``floor(accumulator * factor + 1/2 + sign * 2 ** (shift - 1))``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from birdnet_stm32.quant.arithmetic.scheme import (
    ACTIVATION_MAX,
    ACTIVATION_MIN,
    BIAS_LIMIT,
    KERNEL_LIMIT,
    SMALLEST_PEAK,
)
from birdnet_stm32.quant.rewriting.network import (
    INPUT,
    RELU6_LIMIT,
    FusedActivation,
    Network,
    Unit,
    UnitKind,
)
from birdnet_stm32.quant.simulation.linear_operators import convolve, move_values

Grid = tuple[Any, Any]
"""Scale and zero point of a tensor, each a float32 scalar: a number, a constant or a variable."""

_ADD_BITS = 20  # additional bits of the common scale to which ADD brings its operands
_SIGNIFICAND = 2.0**31
_EXPONENT_SHIFT, _EXPONENT_BIAS = 52, 1022  # of float64, for fractions in [1/2, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Factor:
    """A fixed-point factor ``significand * 2 ** (shift - 31)``; float64, a scalar or one for each channel."""

    significand: Any
    shift: Any

    @property
    def value(self) -> Any:
        return self.significand / _SIGNIFICAND * _power(self.shift)


def forward(
    network: Network,
    variables: Mapping[str, tuple[Any, Any]],
    windows: Any,
    grids: Mapping[str, Grid],
    *,
    floating: Collection[str] = (),
    float_kernels: bool = False,
    fused: bool = False,
) -> dict[str, Any]:
    """Compute all tensors as int8 does, eagerly or inside a ``tf.function``.

    Args:
        network: the network; the weights that it holds are not used.
        variables: float kernel and bias of each unit that has them, by name.
        windows: float32 [n, *input shape].
        grids: scale and zero point of each tensor that has a grid of its own, by name.
        floating: names of tensors that stay in float: they are neither rounded nor clipped to their grid.
        float_kernels: whether kernels and biases stay in float.
        fused: whether each rounding is compiled into one pass over memory. Compilation takes seconds; it is
            worth it for a graph that runs often.

    Returns:
        Steps from the zero point, float32, by name of the tensor. Multiplied by the scale, they are values.
    """
    values = {INPUT: _quantized(windows, grids[INPUT], floating=INPUT in floating)}
    scales = {INPUT: _double(grids[INPUT][0])}
    for unit in network.units:
        inputs = [values[name] for name in unit.inputs]
        if unit.kind.only_moves_data:
            values[unit.name], scales[unit.name] = move_values(unit, inputs[0]), scales[unit.inputs[0]]
            continue
        scales_in = [scales[name] for name in unit.inputs]
        scale = scales[unit.name] = _double(grids[unit.name][0])
        if unit.kind is UnitKind.ADD:
            accumulators, factor = _added(inputs, scales_in, scale)
        elif unit.kind is UnitKind.MEAN:
            accumulators, factor = _summed(inputs[0], scales_in[0] / scale)
        else:
            kernel, bias, steps = _constants(unit, *variables[unit.name], scales_in[0], float_kernels)
            accumulators, factor = convolve(unit, inputs[0], kernel, bias), _factor(steps / scale)
        ends = _ends(unit, grids[unit.name], floating=unit.name in floating)
        if unit.name in floating:
            exact = tf.clip_by_value(_double(accumulators) * factor.value, *ends)
            values[unit.name] = tf.cast(exact, tf.float32)
        else:
            signed, once = unit.activation is FusedActivation.NONE, unit.kind is UnitKind.DENSE
            values[unit.name] = _rounded(accumulators, factor, ends, signed=signed, once=once, fused=fused)
    return values


def _quantized(windows: Any, grid: Grid, *, floating: bool) -> Any:
    """Return the steps of the input, rounded once as the operator QUANTIZE does."""
    scale, zero_point = grid
    steps = windows / scale
    if floating:
        return steps
    low, high = ACTIVATION_MIN - _double(zero_point), ACTIVATION_MAX - _double(zero_point)
    return tf.cast(tf.clip_by_value(_half_away(_double(steps)), low, high), tf.float32)


def _constants(unit: Unit, kernel: Any, bias: Any, scale_in: Any, floating: bool) -> tuple[Any, Any, Any]:
    """Return kernel and bias of a unit in steps, float32, and the float value of an accumulator's step."""
    reduced = {UnitKind.DEPTHWISE: (0, 1), UnitKind.DENSE: (0,)}.get(unit.kind, (0, 1, 2))
    peaks = tf.maximum(_double(tf.reduce_max(tf.abs(kernel), reduced)), SMALLEST_PEAK) / KERNEL_LIMIT
    channels = tf.stop_gradient(
        tf.maximum(tf.reshape(peaks, [-1]), tf.abs(_double(bias)) / BIAS_LIMIT / scale_in)
    )
    # The converter multiplies a bias by the reciprocal of its scale, in float32.
    bias_steps = bias * (1.0 / tf.cast(channels * scale_in, tf.float32))
    scales = tf.cast(channels, tf.float32)
    kernel_steps = kernel / tf.reshape(scales, peaks.shape)
    if not floating:
        bias_steps = _straight_through(bias_steps)
        kernel_steps = _straight_through(kernel_steps)
    return kernel_steps, bias_steps, scale_in * _double(scales)


def _added(inputs: list[Any], scales: list[Any], scale: Any) -> tuple[Any, _Factor]:
    """Return the sum of two tensors in a common scale, float64, and the factor to the output's scale."""
    twice = 2.0 * tf.maximum(*scales)
    operands = []
    for steps, factor in zip(inputs, (_factor(one / twice) for one in scales), strict=True):
        operands.append(_rounded_operand(steps, factor))
    return operands[0] + operands[1], _factor(twice / (2.0**_ADD_BITS * scale))


def _summed(inputs: Any, ratio: Any) -> tuple[Any, _Factor]:
    """Return the sum over rows and columns, and the factor from it to the mean in the output's scale."""
    count = inputs.shape[1] * inputs.shape[2]
    factor = _factor(ratio)
    bits = tf.minimum(_double(min(count.bit_length() - 1, 32)), 31.0 + factor.shift)
    significand = tf.floor(factor.significand * _power(bits) / count)
    return tf.reduce_sum(inputs, [1, 2]), _Factor(significand=significand, shift=factor.shift - bits)


def _ends(unit: Unit, grid: Grid, *, floating: bool) -> tuple[Any, Any]:
    """Return the lowest and the highest step of a unit's output, float64."""
    scale, zero_point = grid
    infinity = tf.constant(math.inf, tf.float64)
    low = -infinity if floating else ACTIVATION_MIN - _double(zero_point)
    high = infinity if floating else ACTIVATION_MAX - _double(zero_point)
    if unit.activation is not FusedActivation.NONE:
        low = tf.maximum(low, 0.0)
    if unit.activation is FusedActivation.RELU6:
        limit = _double(RELU6_LIMIT / scale)
        high = tf.minimum(high, limit if floating else _half_away(limit))
    return low, high


def _rounded(
    accumulators: Any, factor: _Factor, ends: tuple[Any, Any], *, signed: bool, once: bool, fused: bool
) -> Any:
    """Return ``accumulators * factor`` as whole steps within ``ends``, float32.

    Args:
        accumulators: whole numbers.
        factor: number of output steps in one step of an accumulator.
        ends: lowest and highest step of the output.
        signed: whether the lowest step may be below 0.
        once: whether to round once, halves away from zero, as only the reference kernel of dense layers does.
        fused: as for :func:`forward`.
    """
    compiled = _compiled if fused else lambda function: function
    value = factor.value
    second_half = tf.where(factor.shift < 0, _power(factor.shift - 1.0), tf.zeros_like(factor.shift))

    def steps(accumulators: Any, value: Any, second_half: Any, low: Any, high: Any) -> Any:
        exact = _double(accumulators)
        if once:
            rounded = _half_away(exact * value)
        else:
            # For negative accumulators the second rounding goes down. If they are clipped, this is not
            # needed.
            rounded = tf.floor(
                exact * value + 0.5 + (tf.sign(exact) * second_half if signed else second_half)
            )
        return tf.cast(tf.clip_by_value(rounded, low, high), tf.float32)

    def slopes(accumulators: Any, upstream: Any, value: Any, low: Any, high: Any) -> Any:
        kind = accumulators.dtype
        inside = (accumulators > tf.cast(low / value, kind)) & (accumulators < tf.cast(high / value, kind))
        return tf.where(
            inside, tf.cast(upstream * tf.cast(value, tf.float32), kind), tf.zeros_like(accumulators)
        )

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def straight_through(accumulators: Any) -> tuple[Any, Any]:
        def gradient(upstream: Any) -> Any:
            return compiled(slopes)(accumulators, upstream, value, *ends)

        return compiled(steps)(accumulators, value, second_half, *ends), gradient

    return straight_through(accumulators)


def _rounded_operand(steps: Any, factor: _Factor) -> Any:
    """Return an operand of ADD in the common scale, float64."""
    value, bits = factor.value, 2.0**_ADD_BITS

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def straight_through(steps: Any) -> tuple[Any, Any]:
        high = tf.floor(_double(steps) * bits * factor.significand / _SIGNIFICAND + 0.5)
        return _half_away(high * _power(factor.shift)), lambda upstream: tf.cast(
            upstream * value * bits, tf.float32
        )

    return straight_through(steps)


def _factor(real: Any) -> _Factor:
    """Return positive factors as fixed-point numbers, see :func:`scheme.quantize_multiplier`."""
    exponent = tf.bitwise.right_shift(tf.bitcast(real, tf.int64), tf.constant(_EXPONENT_SHIFT, tf.int64))
    shift = _double(exponent) - _EXPONENT_BIAS
    significand = tf.floor(real * _power(-shift) * _SIGNIFICAND + 0.5)
    full = significand >= _SIGNIFICAND
    return _Factor(
        significand=tf.where(full, significand / 2.0, significand), shift=tf.where(full, shift + 1.0, shift)
    )


def _compiled(function: Callable[..., Any]) -> Any:
    return tf.function(function, jit_compile=True, autograph=False)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _straight_through(values: Any) -> tuple[Any, Any]:
    """Round to whole numbers, with the gradient of the identity."""
    return tf.cast(_half_away(_double(values)), tf.float32), lambda upstream: upstream


def _half_away(values: Any) -> Any:
    return tf.sign(values) * tf.floor(tf.abs(values) + 0.5)


def _double(values: Any) -> Any:
    return tf.cast(values, tf.float64)


def _power(exponent: Any) -> Any:
    """Return 2 to a whole power, exactly."""
    return tf.pow(tf.constant(2.0, tf.float64), exponent)
