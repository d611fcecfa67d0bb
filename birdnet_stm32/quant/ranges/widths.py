"""What the 255 steps of every activation of an int8 model cover."""

from __future__ import annotations

from birdnet_stm32.tflite.reader import parse_model

STEPS = 255


def spans(tflite: bytes) -> dict[str, float]:
    """Return the width of the range of each activation, by the tensor's name.

    Args:
        tflite: int8 model.
    """
    model = parse_model(tflite)
    graph = model.subgraphs[0]
    made = {int(index) for operator in graph.operators for index in operator.outputs}
    found = {}
    for index in sorted(made):
        quantization = graph.tensors[index].quantization
        if quantization is not None and quantization.scale is not None and len(quantization.scale) == 1:
            found[graph.tensors[index].name.decode().split(";")[0]] = STEPS * float(quantization.scale[0])
    return found
