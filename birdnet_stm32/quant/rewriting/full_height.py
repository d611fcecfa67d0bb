"""Replace a convolution whose kernel is as high as its input by convolutions with lower kernels.

The NPU of the STM32N6 hangs in a convolution whose kernel covers all rows at once, see
docs/reference/lint/full-height-kernel.md. Two convolutions compute the same. The first covers a part of the
rows at a few places; its output channels form one block for each place, and each block has the rows of the
kernel for that place. The second, of zeros and ones, takes each block at its place and adds the blocks. A
public speech network does the same: its 8 rows became 4 x 1 with stride 4 and then 2 x 1, and ran on a board.
If the second convolution has more than two rows, it is again as high as its input and is replaced in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.rewriting.network import INPUT, Floats, FusedActivation, Network, Unit, UnitKind

MIN_ROWS = 3  # kernels of 2 rows over 2 rows do run
_STRIDES = (4, 2, 1)  # strides that the NPU supports, the largest first


@dataclass(frozen=True, kw_only=True)
class KernelPlacement:
    """The places at which the first convolution computes.

    Args:
        covered: number of rows of its kernel.
        stride: rows from one place to the next.
        used: numbers of the places whose results are used, from 0; together they cover all rows.
        count: number of all places; the last place is used.
    """

    covered: int
    stride: int
    used: tuple[int, ...]
    count: int


def place_kernel(rows: int, *, most: int) -> KernelPlacement:
    """Return how a kernel of at most ``most`` rows covers ``rows`` rows.

    The stride is the largest of 4, 2 and 1 for which no row lies between two places.

    >>> place_kernel(8, most=112)
    KernelPlacement(covered=4, stride=4, used=(0, 1), count=2)
    >>> place_kernel(7, most=112)
    KernelPlacement(covered=5, stride=2, used=(0, 1), count=2)
    >>> place_kernel(20, most=8)
    KernelPlacement(covered=8, stride=4, used=(0, 2, 3), count=4)
    """
    stride, covered = next(
        (step, covered)
        for step in _STRIDES
        if 2 * step <= rows and (covered := _covered(rows, step, most)) >= step
    )
    count = (rows - covered) // stride + 1
    used = [0]
    while used[-1] < count - 1:
        used.append(min(count - 1, used[-1] + covered // stride))
    return KernelPlacement(covered=covered, stride=stride, used=tuple(used), count=count)


def _covered(rows: int, stride: int, most: int) -> int:
    """Return the largest height up to ``most`` with which steps of ``stride`` reach the last row."""
    spare = max(0, rows - stride - most)
    return rows - stride - -(-spare // stride) * stride


def split_full_height(unit: Unit, rows: int, *, max_taps: int) -> tuple[Unit, ...]:
    """Return convolutions that compute the same as ``unit``, none of them as high as its input.

    Args:
        unit: a convolution whose kernel has ``rows`` rows, :data:`MIN_ROWS` or more.
        rows: number of rows of its input.
        max_taps: largest product of rows and columns of a kernel that the NPU computes correctly.

    Raises:
        InputError: ``unit`` is not such a convolution, pads columns, or has too many columns.
    """
    kernel, bias = unit.weights
    if unit.kind is not UnitKind.CONVOLUTION or kernel.shape[0] != rows or rows < MIN_ROWS:
        raise InputError(
            f"{unit.name} has {kernel.shape[0]} rows over {rows}",
            expected=f"a convolution as high as its input, of {MIN_ROWS} rows or more",
        )
    if unit.padding == "same" and kernel.shape[1] > 1:
        raise InputError(
            f"{unit.name} pads its columns but must not pad its rows, which one padding for both cannot do",
            expected='padding "valid", or a kernel of one column',
            remedy="pad the columns before it",
        )
    most = max_taps // kernel.shape[1]
    if most < max(_STRIDES):
        raise InputError(
            f"{unit.name} has {kernel.shape[1]} columns", expected=f"at most {max_taps // max(_STRIDES)}"
        )
    where = place_kernel(rows, most=most)
    first = Unit(
        name=f"{unit.name}_rows",
        kind=UnitKind.CONVOLUTION,
        inputs=unit.inputs,
        kernel=_blocks(kernel, where),
        bias=np.zeros(len(where.used) * kernel.shape[3], np.float32),
        strides=(where.stride, unit.strides[1]),
        padding="valid",
    )
    last = replace(
        unit,
        inputs=(first.name,),
        kernel=_sum(where, kernel.shape[3]),
        bias=bias,
        strides=(1, 1),
        padding="valid",
    )
    if where.count < MIN_ROWS:
        return first, last
    return first, *split_full_height(replace(last, name=f"{unit.name}_sum"), where.count, max_taps=max_taps)


def _blocks(kernel: Floats, where: KernelPlacement) -> Floats:
    """Return the first kernel: each block of channels has the rows of one place; no row occurs twice."""
    blocks, done = [], 0
    for place in where.used:
        start = place * where.stride
        block = kernel[start : start + where.covered].copy()
        block[: done - start] = 0  # rows that an earlier place contains
        blocks.append(block)
        done = start + where.covered
    return np.concatenate(blocks, axis=3)


def _sum(where: KernelPlacement, filters: int) -> Floats:
    """Return the second kernel: it takes each block at its place and adds the blocks."""
    kernel = np.zeros((where.count, 1, len(where.used) * filters, filters), np.float32)
    for block, place in enumerate(where.used):
        kernel[place, 0, block * filters : (block + 1) * filters] = np.eye(filters, dtype=np.float32)
    return kernel


def without_full_height(network: Network, *, max_taps: int) -> tuple[Network, tuple[str, ...]]:
    """Return ``network`` without convolutions as high as their input, and the names of those replaced.

    Args:
        network: any network.
        max_taps: largest product of rows and columns of a kernel that the NPU computes correctly.

    Raises:
        InputError: a convolution cannot be replaced, see :func:`split_full_height`.
    """
    shapes: dict[str, tuple[int, ...]] = {INPUT: network.input_shape}
    units: list[Unit] = []
    changed: list[str] = []
    for unit in network.units:
        shapes[unit.name] = _output_shape(unit, shapes[unit.inputs[0]])
        if _is_full_height(unit, shapes[unit.inputs[0]], shapes[unit.name]):
            parts = split_full_height(unit, shapes[unit.inputs[0]][0], max_taps=max_taps)
            units += [
                *parts[:-1],
                replace(parts[-1], name=unit.name),
            ]  # other units read the output by this name
            changed.append(unit.name)
        else:
            units.append(unit)
    return replace(network, units=tuple(units)), tuple(changed)


def _is_full_height(unit: Unit, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    if unit.kind is not UnitKind.CONVOLUTION or before[0] < MIN_ROWS:
        return False
    return unit.weights[0].shape[0] == before[0] and after[0] == 1


def _output_shape(unit: Unit, before: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output of ``unit``, without the batch."""
    if unit.kind in (UnitKind.CONVOLUTION, UnitKind.DEPTHWISE):
        kernel = unit.weights[0]
        taken = (0, 0) if unit.padding == "same" else (kernel.shape[0] - 1, kernel.shape[1] - 1)
        plane = tuple(
            -(-(size - less) // step) for size, less, step in zip(before, taken, unit.strides, strict=False)
        )
        channels = kernel.shape[3] if unit.kind is UnitKind.CONVOLUTION else before[2] * kernel.shape[3]
        return (*plane, channels)
    match unit.kind:
        case UnitKind.DENSE:
            return (*before[:-1], unit.weights[0].shape[1])
        case UnitKind.MEAN:
            return (before[-1],)
        case UnitKind.PERMUTE:
            return tuple(before[axis - 1] for axis in unit.shape)
        case UnitKind.RESHAPE:
            return unit.shape
        case _:
            return before


def network_of_unit(unit: Unit, input_shape: tuple[int, ...]) -> Network:
    """Return the network that consists of one unit.

    Args:
        unit: the unit.
        input_shape: of its input, without the batch.
    """
    return Network(name="layer", input_shape=input_shape, units=(replace(unit, inputs=(INPUT,)),))


def fused_activation(name: str) -> FusedActivation | None:
    """Return the activation function that TFLite calls ``name``, or None if units do not have it."""
    known = {"NONE": FusedActivation.NONE, "RELU": FusedActivation.RELU, "RELU6": FusedActivation.RELU6}
    return known.get(name)
