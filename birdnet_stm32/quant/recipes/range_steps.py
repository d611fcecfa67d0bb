"""Steps that choose operand ranges, and the step that corrects the mean of what int8 computes with them."""

from __future__ import annotations

from birdnet_stm32.quant.ranges.least_noise import least_noise_shares
from birdnet_stm32.quant.ranges.limits import limit_ranges
from birdnet_stm32.quant.recipes.rewriting_steps import FLOAT_FRONT_END
from birdnet_stm32.quant.recipes.step import Step
from birdnet_stm32.quant.rewriting.bias_correction import correct_bias

LIMITS = Step(
    name="limits",
    does="Ranges are limited to the values that can change the network's output.",
    needs=(FLOAT_FRONT_END,),
    limit=limit_ranges,
)
CLIPPING = Step(
    name="clipping",
    does="Ranges are clipped to the share for which rounding and clipping disturb the tensor least.",
    needs=(FLOAT_FRONT_END,),
    clip=least_noise_shares,
)
BIAS = Step(
    name="bias",
    does="One number is added to all logits of the int8 network, so that the mean probability is right.",
    needs=(FLOAT_FRONT_END,),
    correct=correct_bias,
)
