"""Read the widths of operand ranges from an int8 model."""

from __future__ import annotations

from birdnet_stm32.tflite.reader import parse_model

STEPS = 255


def range_widths(tflite: bytes) -> dict[str, float]:
    """Return the width of the operand range of each activation, ``255 * scale``, by name of the tensor.

    Args:
        tflite: int8 model.
    """
    model = parse_model(tflite)
    graph = model.subgraphs[0]
    computed = {int(index) for operator in graph.operators for index in operator.outputs}
    widths = {}
    for index in sorted(computed):
        quantization = graph.tensors[index].quantization
        if quantization is not None and quantization.scale is not None and len(quantization.scale) == 1:
            widths[graph.tensors[index].name.decode().split(";")[0]] = STEPS * float(quantization.scale[0])
    return widths
