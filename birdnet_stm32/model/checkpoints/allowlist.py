"""The list of objects that a checkpoint's configuration may name. It is checked before Keras is imported.

With ``safe_mode``, Keras refuses the bytecode of a Lambda, but it still looks up functions and classes by the
name of their module. Here, every object of the configuration must be on a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import printable

OWN_LAYERS = frozenset({"Decibel"})

_STOCK = {
    "keras.src.models.functional": {"Functional"},
    "keras": {"DTypePolicy", "Sequential"},
    "keras.layers": set(
        "Activation Add AveragePooling2D BatchNormalization Concatenate Conv2D Cropping2D Dense "
        "DepthwiseConv2D Dropout Flatten GlobalAveragePooling2D GlobalMaxPooling2D InputLayer MaxPooling2D "
        "Multiply Permute ReLU Reshape SeparableConv2D SpatialDropout2D Subtract ZeroPadding2D".split()
    ),
    "keras.initializers": set(
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Ones RandomNormal "
        "RandomUniform TruncatedNormal VarianceScaling Zeros".split()
    ),
    "keras.regularizers": {"L1", "L2", "L1L2"},
    "keras.constraints": {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"},
}
MOST_NAMED = 5
_NAMES = ("class_name", "module", "registered_name")
_OWN_MODULE = "birdnet_stm32.model.layers"  # ``STORED_MODULE`` of keras_layers, which would import Keras
_TENSOR = "__keras_tensor__"  # how a configuration refers to another layer's output


def refuse_foreign_objects(config: dict[str, Any], path: Path) -> None:
    """Refuse a configuration that names anything but stock layers without code and the project's own layers.

    Args:
        config: the configuration.
        path: name of the checkpoint in errors.

    Raises:
        InputError: names each layer and the object in it, those with code first.
    """
    foreign = [(layer, named) for layer, named in _objects(config, layer="the model") if not _known(named)]
    if not foreign:
        return
    foreign.sort(key=lambda one: not _is_code(one[1]))  # a stable sort keeps the order of the file
    found = dict.fromkeys(_describe(layer, named) for layer, named in foreign)
    more = "" if len(found) <= MOST_NAMED else f", and {len(found) - MOST_NAMED} more"
    raise InputError(
        "; ".join(list(found)[:MOST_NAMED]) + more,
        where=path,
        expected="stock Keras layers that hold no code: " + ", ".join(sorted(_STOCK["keras.layers"])),
        remedy=_remedies([named for _, named in foreign]),
    )


def _describe(layer: str, named: dict[str, Any]) -> str:
    """Say in one line what a layer uses and why it is refused."""
    class_name, module, registered = (_short(named.get(key)) for key in _NAMES)
    what = f"layer {printable(layer, longest=80)} uses {class_name} of module {module}"
    if _is_code(named):
        return f"{what}, which is code of its own and was not run"
    if named.get("registered_name") not in (None, named.get("class_name")):
        return f"{what}, registered as {registered} by the program that trained it"
    return what


def _remedies(foreign: list[dict[str, Any]]) -> tuple[str, ...]:
    modules = {str(named.get("module")) for named in foreign}
    remedies = ["replace the layer by stock layers where the model was trained, and save it again"]
    if any(_is_code(named) for named in foreign):
        remedies.append("what only the training needs, augmentation for instance, comes off with keras.Model")
    if any(module.startswith("keras.src.ops") for module in modules):
        remedies.append("an expression such as x + y or x * y: keras.layers.Add() or keras.layers.Multiply()")
    return tuple(remedies)


def _is_code(named: dict[str, Any]) -> bool:
    return named.get("class_name") in ("Lambda", "__lambda__", "function")


def _short(value: Any) -> str:
    return printable(repr(value), longest=80)


def _objects(value: Any, *, layer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object that Keras would build, with the name of the layer that it belongs to."""
    pending = [(value, layer)]
    while pending:
        value, layer = pending.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                layer = str(value.get("name", layer))
                yield layer, value
            pending.extend((child, layer) for child in reversed(value.values()))
        elif isinstance(value, list):
            pending.extend((child, layer) for child in reversed(value))


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
