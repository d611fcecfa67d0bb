"""A network as the converter sees it: operators with fused bias and activation, without BatchNorm.

Each unit computes exactly one tensor of the int8 graph and has the same name as the tensor. A list of units
is therefore enough to rewrite a network, to simulate its int8 arithmetic and to find where int8 loses
accuracy. This module needs NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

INPUT = "input"  # name of the network's input among the tensors


class UnitKind(StrEnum):
    """What a unit computes."""

    CONVOLUTION = "convolution"  # kernel [rows, columns, in, out]
    DEPTHWISE = "depthwise"  # kernel [rows, columns, in, multiplier]
    DENSE = "dense"  # kernel [in, out]
    ADD = "add"
    MEAN = "mean"  # over rows and columns
    PERMUTE = "permute"
    RESHAPE = "reshape"

    @property
    def only_moves_data(self) -> bool:
        """Whether no value changes; TFLite then gives the output the scale of the input."""
        return self in (UnitKind.PERMUTE, UnitKind.RESHAPE)


class FusedActivation(StrEnum):
    """The activation function that is fused into a unit."""

    NONE = "linear"
    RELU = "relu"
    RELU6 = "relu6"


RELU6_LIMIT = 6.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Unit:
    """One operator.

    Args:
        name: of the operator and of the tensor that it computes.
        kind: what it computes.
        inputs: names of the tensors that it reads.
        kernel: float32 weights, of the shape that ``kind`` gives; None for a unit without weights.
        bias: float32 [out]; None for a unit without weights.
        strides: in rows and columns.
        padding: ``same`` or ``valid``.
        activation: fused after the bias.
        shape: for ``permute`` the axes, counted from 1; for ``reshape`` the output's sizes without the batch.
    """

    name: str
    kind: UnitKind
    inputs: tuple[str, ...]
    kernel: Floats | None = None
    bias: Floats | None = None
    strides: tuple[int, int] = (1, 1)
    padding: str = "same"
    activation: FusedActivation = FusedActivation.NONE
    shape: tuple[int, ...] = ()

    @property
    def weights(self) -> tuple[Floats, Floats]:
        """Kernel and bias. Raises: ValueError for a unit without weights."""
        if self.kernel is None or self.bias is None:
            raise ValueError(f"{self.name} has no kernel")
        return self.kernel, self.bias


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Units in the order of computation; the last unit computes the output.

    Args:
        name: of the Keras model.
        input_shape: without the batch.
        units: in the order of computation.
    """

    name: str
    input_shape: tuple[int, ...]
    units: tuple[Unit, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of all activations, the input first."""
        return (INPUT, *(unit.name for unit in self.units))

    def unit(self, name: str) -> Unit:
        """Return the unit that computes the tensor ``name``."""
        return next(unit for unit in self.units if unit.name == name)

    def consumers(self, tensor: str) -> tuple[Unit, ...]:
        """Return the units that read ``tensor``."""
        return tuple(unit for unit in self.units if tensor in unit.inputs)


Weights = Mapping[str, tuple[Floats, Floats]]
"""Kernel and bias of units, by name."""


def weights(network: Network) -> dict[str, tuple[Floats, Floats]]:
    """Return kernel and bias of each unit that has them, by name."""
    return {unit.name: unit.weights for unit in network.units if unit.kernel is not None}


def with_weights(network: Network, changed: Weights) -> Network:
    """Return ``network`` with other kernels and biases for the units that ``changed`` names."""
    return replace(
        network,
        units=tuple(
            replace(unit, kernel=changed[unit.name][0], bias=changed[unit.name][1])
            if unit.name in changed
            else unit
            for unit in network.units
        ),
    )


def scaled_outputs(unit: Unit, factors: Floats) -> tuple[Floats, Floats]:
    """Return the kernel and bias that multiply output channel ``c`` of ``unit`` by ``factors[c]``."""
    kernel, bias = unit.weights
    per_output = factors.reshape(kernel.shape[2:]) if unit.kind is UnitKind.DEPTHWISE else factors
    return (kernel * per_output).astype(np.float32), (bias * factors).astype(np.float32)


def scaled_inputs(unit: Unit, factors: Floats) -> tuple[Floats, Floats]:
    """Return the kernel and bias that undo a multiplication of input channel ``c`` by ``factors[c]``."""
    kernel, bias = unit.weights
    return (kernel / factors[:, np.newaxis]).astype(np.float32), bias
