"""A convolution as high as its input, taken apart into two that are not.

The STM32N6's NPU hangs in a convolution whose kernel covers all rows at once, see
docs/reference/lint/full-height-kernel.md. Two convolutions compute the same: the first covers part of the
rows at two places, with the kernel's first rows in one half of its channels and the rest in the other; the
second, two rows high and of zeros and ones, takes the first half at the first place, the other half at the
second, and adds. The way is that of a public speech network, where 8 rows became 4 x 1 with stride 4 and
2 x 1, and ran on a board.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.surgery.network import INPUT, Activation, Floats, Kind, Network, Unit

MIN_ROWS = 3  # 2 rows over 2 rows run
_STRIDES = (4, 2, 1)  # what the NPU takes, the largest first


def places(rows: int) -> tuple[int, int]:
    """Return how many rows the first convolution covers, and the stride to its second place.

    The stride is the largest of 4, 2 and 1 with which two places cover all rows.

    >>> places(8), places(7), places(3)
    ((4, 4), (5, 2), (2, 1))
    """
    stride = next(step for step in _STRIDES if 2 * step <= rows)
    return rows - stride, stride


def split(unit: Unit, rows: int) -> tuple[Unit, Unit]:
    """Return two convolutions that compute what ``unit`` does over ``rows`` rows.

    Args:
        unit: a convolution whose kernel has ``rows`` rows, :data:`MIN_ROWS` or more.
        rows: of its input.

    Raises:
        InputError: it is not such a convolution, or pads columns.
    """
    kernel, bias = unit.weights
    if unit.kind is not Kind.CONVOLUTION or kernel.shape[0] != rows or rows < MIN_ROWS:
        raise InputError(
            f"{unit.name} has {kernel.shape[0]} rows over {rows}",
            expected=f"a convolution as high as its input, of {MIN_ROWS} rows or more",
        )
    if unit.padding == "same" and kernel.shape[1] > 1:
        raise InputError(
            f"{unit.name} pads its columns, which one padding for rows and columns can't",
            expected='padding "valid", or a kernel of one column',
            remedy="pad the columns before it",
        )
    covered, stride = places(rows)
    filters = kernel.shape[3]
    second = kernel[rows - covered :].copy()
    second[: 2 * covered - rows] = 0  # rows that the first place has counted
    first = Unit(
        name=f"{unit.name}_rows",
        kind=Kind.CONVOLUTION,
        inputs=unit.inputs,
        kernel=np.concatenate([kernel[:covered], second], axis=3),
        bias=np.zeros(2 * filters, np.float32),
        strides=(stride, unit.strides[1]),
        padding="valid",
    )
    last = replace(
        unit, inputs=(first.name,), kernel=_sum(filters), bias=bias, strides=(1, 1), padding="valid"
    )
    return first, last


def _sum(filters: int) -> Floats:
    """Return the kernel [2, 1, 2 * filters, filters] that adds the halves, each at its place."""
    kernel = np.zeros((2, 1, 2 * filters, filters), np.float32)
    for channel in range(filters):
        kernel[0, 0, channel, channel] = 1
        kernel[1, 0, filters + channel, channel] = 1
    return kernel


def without_full_height(network: Network) -> tuple[Network, tuple[str, ...]]:
    """Return ``network`` without such convolutions, and the names of those that were split.

    Raises:
        InputError: one can't be split, see :func:`split`.
    """
    shapes: dict[str, tuple[int, ...]] = {INPUT: network.input_shape}
    units: list[Unit] = []
    changed: list[str] = []
    for unit in network.units:
        shapes[unit.name] = _output_shape(unit, shapes[unit.inputs[0]])
        if _is_full_height(unit, shapes[unit.inputs[0]], shapes[unit.name]):
            units += split(unit, shapes[unit.inputs[0]][0])
            changed.append(unit.name)
        else:
            units.append(unit)
    return replace(network, units=tuple(units)), tuple(changed)


def _is_full_height(unit: Unit, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    if unit.kind is not Kind.CONVOLUTION or before[0] < MIN_ROWS:
        return False
    return unit.weights[0].shape[0] == before[0] and after[0] == 1


def _output_shape(unit: Unit, before: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of what ``unit`` makes, without the batch."""
    if unit.kind in (Kind.CONVOLUTION, Kind.DEPTHWISE):
        kernel = unit.weights[0]
        taken = (0, 0) if unit.padding == "same" else (kernel.shape[0] - 1, kernel.shape[1] - 1)
        plane = tuple(
            -(-(size - less) // step) for size, less, step in zip(before, taken, unit.strides, strict=False)
        )
        channels = kernel.shape[3] if unit.kind is Kind.CONVOLUTION else before[2] * kernel.shape[3]
        return (*plane, channels)
    match unit.kind:
        case Kind.DENSE:
            return (*before[:-1], unit.weights[0].shape[1])
        case Kind.MEAN:
            return (before[-1],)
        case Kind.PERMUTE:
            return tuple(before[axis - 1] for axis in unit.shape)
        case Kind.RESHAPE:
            return unit.shape
        case _:
            return before


def alone(unit: Unit, input_shape: tuple[int, ...]) -> Network:
    """Return the network of one unit."""
    return Network(name="layer", input_shape=input_shape, units=(replace(unit, inputs=(INPUT,)),))


def activation_of(name: str) -> Activation | None:
    """Return the activation that TFLite calls ``name``, or None for one that no unit has."""
    known = {"NONE": Activation.NONE, "RELU": Activation.RELU, "RELU6": Activation.RELU6}
    return known.get(name)
