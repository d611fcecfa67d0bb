"""What a checkpoint's configuration may name. Judged before Keras sees it, and without importing Keras.

Keras refuses a Lambda's bytecode under ``safe_mode`` but still looks up functions and classes by module
name. Here every object of the configuration must be on a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError

OWN_LAYERS = frozenset({"Decibel"})

_STOCK = {
    "keras.src.models.functional": {"Functional"},
    "keras": {"DTypePolicy"},
    "keras.layers": set(
        "Activation Add AveragePooling2D BatchNormalization Concatenate Conv2D Cropping2D Dense "
        "DepthwiseConv2D Dropout Flatten GlobalAveragePooling2D GlobalMaxPooling2D InputLayer MaxPooling2D "
        "Multiply Permute ReLU Reshape SeparableConv2D SpatialDropout2D ZeroPadding2D".split()
    ),
    "keras.initializers": set(
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Ones RandomNormal "
        "RandomUniform TruncatedNormal VarianceScaling Zeros".split()
    ),
    "keras.regularizers": {"L1", "L2", "L1L2"},
    "keras.constraints": {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"},
}
_OWN_MODULE = "birdnet_stm32.model.layers"
_TENSOR = "__keras_tensor__"  # how a configuration refers to another layer's output


def refuse_foreign(config: dict[str, Any], path: Path) -> None:
    """Refuse a configuration that names anything but stock layers without code and the project's own.

    Raises:
        InputError: names the layer and the object in it.
    """
    for layer, named in _objects(config, layer="the model"):
        if not _known(named):
            what = named.get("class_name")
            raise InputError(
                f"layer {layer} uses {what!r} of module {named.get('module')!r}"
                + (", which is code of its own" if what in ("Lambda", "__lambda__", "function") else ""),
                where=path,
                expected="stock Keras layers that hold no code, and "
                + ", ".join(f"birdnet_stm32>{own}" for own in sorted(OWN_LAYERS)),
                remedy="replace the layer by stock layers and save the model again; nothing of it was run",
            )


def _objects(value: Any, *, layer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object that Keras would build, with the name of the layer it belongs to."""
    pending = [(value, layer)]
    while pending:
        value, layer = pending.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                layer = str(value.get("name", layer))
                yield layer, value
            pending.extend((child, layer) for child in value.values())
        elif isinstance(value, list):
            pending.extend((child, layer) for child in value)


def _known(named: dict[str, Any]) -> bool:
    module, class_name, registered = (named.get(key) for key in ("module", "class_name", "registered_name"))
    if not isinstance(class_name, str):
        return False
    if class_name == _TENSOR:
        return module is None and registered is None
    if class_name in OWN_LAYERS:
        return module in (None, _OWN_MODULE) and registered == f"birdnet_stm32>{class_name}"
    return (
        isinstance(module, str) and class_name in _STOCK.get(module, ()) and registered in (None, class_name)
    )
