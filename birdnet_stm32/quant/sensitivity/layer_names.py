"""Map each tensor of a `.tflite` to the Keras layer that produced it, and to a part of the network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from birdnet_stm32.quant.sensitivity.hybrid_model import Int8Tensor

if TYPE_CHECKING:
    import keras

INPUT, FRONT_END, CLASSIFIER = "input", "front end", "classifier"

# Suffixes that the layers of a block append to the block's name.
_ROLE = re.compile(r"_(dw|pw|add|conv)\d*$")


def tensor_names(activations: Sequence[Int8Tensor], model: keras.Model) -> tuple[str, ...]:
    """Return a unique name for each tensor: the name of the layer that computes it.

    Args:
        activations: tensors of the int8 model, the input first.
        model: the float model that was quantized.
    """
    import keras

    fused = (keras.layers.BatchNormalization, keras.layers.ReLU, keras.layers.Activation)
    layers = {layer.name: isinstance(layer, fused) for layer in model.layers}
    names = [INPUT]
    for activation in activations[1:]:
        made_of = _layers_in(activation.path, layers)
        # The converter gives the output the name of the signature.
        name = next((one for one in made_of if not layers[one]), (made_of or [model.layers[-1].name])[0])
        names.append(name if name not in names else f"{name}_{activation.kind.lower()}")
    counts = Counter(names)
    return tuple(
        name if counts[name] == 1 else f"{name} {names[:position].count(name) + 1}"
        for position, name in enumerate(names)
    )


def group_names(activations: Sequence[Int8Tensor], names: Sequence[str]) -> tuple[str, ...]:
    """Return the part of the network that each tensor belongs to.

    The front end is everything before the first kernel that covers neighbouring values. The classifier is
    everything after the last feature map. The blocks between them are recognised by the names of their
    layers.

    Args:
        activations: tensors of the int8 model, the input first.
        names: their names, from :func:`tensor_names`.
    """
    spatial = [at for at, one in enumerate(activations) if one.kernel != (1, 1)]
    maps = [at for at, one in enumerate(activations) if len(one.shape) > 2]
    first, last = (spatial or [0])[0], maps[-1]

    def group(position: int) -> str:
        if position == 0:
            return INPUT
        if position < first:
            return FRONT_END
        return CLASSIFIER if position > last else _ROLE.sub("", names[position])

    return tuple(group(position) for position in range(len(activations)))


def _layers_in(path: str, layers: dict[str, bool]) -> list[str]:
    """Return the layers that the path of a tensor names; TensorFlow may have added numbers to the names."""
    found: list[str] = []
    for scope in path.split(";"):
        spelled = (name for part in scope.split("/") for name in (part, re.sub(r"_\d+$", "", part)))
        found += [name for name in spelled if name in layers][:1]  # the rest of the scope is inside the layer
    return found
