"""A network as the converter sees it: operators with fused bias and activation, no BatchNorm, no dropout.

Each unit makes exactly one tensor of the int8 graph and bears its name, so that a list of units is enough to
rewrite a network, to simulate its int8 arithmetic and to say where that hurts. NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

INPUT = "input"  # the name of the network's input among the tensors


class Kind(StrEnum):
    """What a unit computes."""

    CONVOLUTION = "convolution"  # kernel [rows, columns, in, out]
    DEPTHWISE = "depthwise"  # kernel [rows, columns, in, multiplier]
    DENSE = "dense"  # kernel [in, out]
    ADD = "add"
    MEAN = "mean"  # over rows and columns
    PERMUTE = "permute"
    RESHAPE = "reshape"


# Operators that only move values: TFLite gives their output the scale of their input.
MOVES = frozenset({Kind.PERMUTE, Kind.RESHAPE})


class Activation(StrEnum):
    """What is fused into a unit."""

    NONE = "linear"
    RELU = "relu"
    RELU6 = "relu6"


RELU6_LIMIT = 6.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Unit:
    """One operator.

    Args:
        name: of the operator and of the tensor it makes.
        kind: what it computes.
        inputs: names of the tensors that it reads.
        kernel: weights, of the shape that ``kind`` says; None for a unit without.
        bias: float32 [out]; None for a unit without kernel.
        strides: rows and columns.
        padding: ``same`` or ``valid``.
        activation: fused behind the bias.
        shape: what ``permute`` and ``reshape`` need, without the batch: axes from 1, or sizes.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    kernel: Floats | None = None
    bias: Floats | None = None
    strides: tuple[int, int] = (1, 1)
    padding: str = "same"
    activation: Activation = Activation.NONE
    shape: tuple[int, ...] = ()

    @property
    def weights(self) -> tuple[Floats, Floats]:
        """Kernel and bias. Raises: ValueError for a unit without."""
        if self.kernel is None or self.bias is None:
            raise ValueError(f"{self.name} has no kernel")
        return self.kernel, self.bias


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Units in the order of their computation; the last one makes the output.

    Args:
        name: of the Keras model.
        input_shape: without the batch.
        units: in order.
    """

    name: str
    input_shape: tuple[int, ...]
    units: tuple[Unit, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of all activations, the input first."""
        return (INPUT, *(unit.name for unit in self.units))

    def unit(self, name: str) -> Unit:
        """Return the unit that makes the tensor ``name``."""
        return next(unit for unit in self.units if unit.name == name)

    def consumers(self, tensor: str) -> tuple[Unit, ...]:
        """Return the units that read ``tensor``."""
        return tuple(unit for unit in self.units if tensor in unit.inputs)


Weights = Mapping[str, tuple[Floats, Floats]]


def weights(network: Network) -> dict[str, tuple[Floats, Floats]]:
    """Return kernel and bias of every unit that has them."""
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
    """Return kernel and bias that make output channel ``c`` of ``unit`` ``factors[c]`` times as large."""
    kernel, bias = unit.weights
    per_output = factors.reshape(kernel.shape[2:]) if unit.kind is Kind.DEPTHWISE else factors
    return (kernel * per_output).astype(np.float32), (bias * factors).astype(np.float32)


def scaled_inputs(unit: Unit, factors: Floats) -> tuple[Floats, Floats]:
    """Return kernel and bias for an input whose channel ``c`` is ``factors[c]`` times as large as before."""
    kernel, bias = unit.weights
    return (kernel / factors[:, np.newaxis]).astype(np.float32), bias
