"""All rules."""

from __future__ import annotations

from birdnet_stm32.npu.lint.rule import Rule
from birdnet_stm32.npu.lint.rules import (
    convolution,
    floats,
    memory,
    movement,
    pooling,
    quantization,
    software,
    tensors,
)

RULES: tuple[Rule, ...] = (
    *tensors.RULES,
    *quantization.RULES,
    *floats.RULES,
    *software.RULES,
    *convolution.RULES,
    *pooling.RULES,
    *movement.RULES,
    *memory.RULES,
)
BY_ID = {rule.id: rule for rule in RULES}
