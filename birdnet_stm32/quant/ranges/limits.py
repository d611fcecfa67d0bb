"""Limit operand ranges to the values that can change the network's output."""

from __future__ import annotations

from birdnet_stm32.quant.rewriting.network import RELU6_LIMIT, FusedActivation, Network, UnitKind
from birdnet_stm32.quant.simulation.grids import Ranges

# A logit below it is a probability below 6e-6, which no threshold and no cosine distinguishes from zero.
LOGIT_FLOOR = -12.0


def limit_ranges(network: Network, ranges: Ranges) -> dict[str, tuple[float, float]]:
    """Return ranges without the values that cannot change the network's output.

    In ``relu6(a + b)`` every value of ``b`` below ``-max(a)`` gives 0, and every value above ``6 - min(a)``
    gives 6. The range of a residual branch can end there, which often is a quarter of the observed range. At
    the output, logits below :data:`LOGIT_FLOOR` need no int8 steps.

    Args:
        network: the network.
        ranges: observed operand range of each tensor, by name.
    """
    limited = dict(ranges)
    for unit in network.units:
        if unit.kind is UnitKind.ADD and unit.activation is FusedActivation.RELU6:
            top = min(RELU6_LIMIT, ranges[unit.name][1])
            (low_a, high_a), (low_b, high_b) = (ranges[name] for name in unit.inputs)
            for name, (low, high), other_low, other_high in (
                (unit.inputs[0], (low_a, high_a), low_b, high_b),
                (unit.inputs[1], (low_b, high_b), low_a, high_a),
            ):
                if len(network.consumers(name)) == 1:  # another reader may need the whole range
                    limited[name] = (max(low, min(-other_high, 0.0)), min(high, max(top - other_low, 0.0)))
    output = network.units[-1].name
    low, high = limited[output]
    limited[output] = (max(low, min(LOGIT_FLOOR, high)), high)
    return limited
