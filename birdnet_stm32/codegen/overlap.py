"""How far the output of a layer may overlap its input in memory.

A window slides from the top to the bottom. When a row of the output is written, the rows of the input above
its window are no longer needed. Therefore an output that begins far enough before its input never overwrites
a value that is still to be read. ``birdnet_kernels.h`` requires this order of every kernel.
"""

from __future__ import annotations

from birdnet_stm32.codegen.kernel_calls import Conv2d, DepthwiseConv2d, Layer, PointwiseConv2d, Pool

PIXELS_AT_ONCE = 4  # the most pixels that a 1x1 convolution reads before it writes their results


def lead_bytes(layer: Layer) -> int | None:
    """Return how many bytes before its input the output must begin, or None if they must not overlap."""
    if isinstance(layer, PointwiseConv2d):
        first, last = min(PIXELS_AT_ONCE, layer.pixels), max(0, layer.pixels - PIXELS_AT_ONCE)
        return max(
            first * layer.output_channels,
            layer.pixels * layer.output_channels - last * layer.input_channels,
        )
    if not isinstance(layer, Conv2d | DepthwiseConv2d | Pool):
        return None
    read = layer.input.width * layer.input.channels
    written = layer.output.width * layer.output.channels
    return max((row + 1) * written - _first_row(layer, row) * read for row in range(layer.output.height))


def _first_row(layer: Conv2d | DepthwiseConv2d | Pool, row: int) -> int:
    """Return the first row of the input that a row of the output, or a row below it, depends on."""
    return max(0, row * layer.window.stride_height - layer.window.pad_top)
