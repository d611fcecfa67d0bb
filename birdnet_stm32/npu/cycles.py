"""Cycles of each operator before anything is compiled: an estimate, from a few numbers of each.

An inference takes as long as the weights take from the flash, the activations through the internal RAM and
the sums in the convolution units, with a start for each operator; what runs on the Cortex-M55 takes much
longer for each byte. How fast each is was fitted by scripts/npu_cycles.py to times that others measured on
boards,
see :mod:`birdnet_stm32.npu.measured_times`. The units overlap and the compiler fuses, which this does not
model: see docs/explanation/npu_cycles.md for how far it is off.
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

CYCLES_PER_MS = 1_000_000  # of the NPU at its default clock, 1 GHz
# They become no operation, or a copy that another operator takes over.
_FREE = frozenset((*RESHAPES, *PADS, *CONVERSIONS))


def features_of(node: Node) -> Features:
    """Return what ``operator`` asks for."""
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
    """Return what all operators together ask for."""
    return sum((features_of(node) for node in nodes(graph)), NO_FEATURES)


def estimated_cycles(features: Features, rates: Features = RATES) -> float:
    """Return the cycles of ``features``.

    Args:
        features: what is asked for.
        rates: cycles for one of each.
    """
    return float(sum(amount * rate for amount, rate in zip(astuple(features), astuple(rates), strict=True)))
