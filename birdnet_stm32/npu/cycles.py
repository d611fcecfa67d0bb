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
from birdnet_stm32.npu.cycle_features import NOTHING, Features
from birdnet_stm32.npu.measured_times import RATES
from birdnet_stm32.npu.operands import activations, outputs
from birdnet_stm32.npu.operator_mapping import Kind, mapping
from birdnet_stm32.tflite.ir import Graph, Operator

CYCLES_PER_MS = 1_000_000  # of the NPU at its default clock, 1 GHz
# They become no operation, or a copy that another operator takes over.
_FREE = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PAD", "PADV2", "QUANTIZE", "DEQUANTIZE")


def features_of(operator: Operator, graph: Graph) -> Features:
    """Return what ``operator`` asks for."""
    if operator.name in _FREE and mapping(operator, graph).kind is not Kind.SOFTWARE:
        return NOTHING
    moved = sum(
        costs.tensor_bytes(tensor) for tensor in (*activations(operator, graph), *outputs(operator, graph))
    )
    if mapping(operator, graph).kind is Kind.SOFTWARE:
        return Features(macs=0, weight_bytes=0, activation_bytes=0, starts=0, software_bytes=moved)
    return Features(
        macs=costs.macs(operator, graph),
        weight_bytes=costs.constant_bytes(operator, graph),
        activation_bytes=moved,
        starts=1,
        software_bytes=0,
    )


def features_of_network(graph: Graph) -> Features:
    """Return what all operators together ask for."""
    return sum((features_of(operator, graph) for operator in graph.operators), NOTHING)


def cycles(features: Features, rates: Features = RATES) -> float:
    """Return the cycles of ``features``.

    Args:
        features: what is asked for.
        rates: cycles for one of each.
    """
    return float(sum(amount * rate for amount, rate in zip(astuple(features), astuple(rates), strict=True)))
