"""Estimate the cycles of each operator from a few numbers, before anything is compiled.

The time of an inference is the time to read the weights from the flash, to move the activations through the
internal RAM and to compute the sums in the convolution units, plus a start for each operator. An operator on
the Cortex-M55 takes much longer for each byte. scripts/npu_cycles.py fitted these rates to times that others
measured on boards, see :mod:`birdnet_stm32.npu.measured_times`. The model ignores that the units overlap and
that the compiler fuses operators. docs/explanation/npu_cycles.md says how large the error is.
"""

from __future__ import annotations

from dataclasses import astuple

from birdnet_stm32.npu import costs
from birdnet_stm32.npu.cycle_features import NO_FEATURES, Features
from birdnet_stm32.npu.measured_times import RATES
from birdnet_stm32.npu.operator_mapping import MappingKind, mapping_of
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.node import Node, nodes
from birdnet_stm32.tflite.operator_sets import CONVERSIONS, PADS, RESHAPES

CYCLES_PER_MS = 1_000_000  # at the default clock of the NPU, 1 GHz
# They need no operation, or a copy that is part of another operator.
_FREE = frozenset((*RESHAPES, *PADS, *CONVERSIONS))


def features_of(node: Node) -> Features:
    """Return the features of one operator."""
    if node.name in _FREE and mapping_of(node).kind is not MappingKind.SOFTWARE:
        return NO_FEATURES
    moved = sum(costs.tensor_bytes(tensor) for tensor in (*node.activations, *node.outputs))
    if mapping_of(node).kind is MappingKind.SOFTWARE:
        return Features(macs=0, weight_bytes=0, activation_bytes=0, starts=0, software_bytes=moved)
    return Features(
        macs=costs.macs(node),
        weight_bytes=costs.constant_bytes(node),
        activation_bytes=moved,
        starts=1,
        software_bytes=0,
    )


def features_of_network(graph: Graph) -> Features:
    """Return the sum of the features of all operators."""
    return sum((features_of(node) for node in nodes(graph)), NO_FEATURES)


def estimated_cycles(features: Features, rates: Features = RATES) -> float:
    """Return the estimated cycles for ``features``.

    Args:
        features: features of an operator or a network.
        rates: cycles for one unit of each feature.
    """
    return float(sum(amount * rate for amount, rate in zip(astuple(features), astuple(rates), strict=True)))
