"""Groups of TFLite operators by what they do to values."""

from __future__ import annotations

# Give the values another shape. Their order in memory stays.
RESHAPES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
# Pass on every value of the input and no other, perhaps in another order.
REORDERS = frozenset((*RESHAPES, "TRANSPOSE"))
# Compute nothing: each value of the output is one of the input, or the padding of PAD, which stands for 0.
MOVES = REORDERS | frozenset(("PAD", "SLICE", "STRIDED_SLICE"))
# Add values around the input: PAD adds those that stand for 0, PADV2 takes the value as an input.
PADS = ("PAD", "PADV2")
# Convert between float and integers, or between two scales.
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
# Multiply by weights, which are the second input.
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
