"""Translate configurations of other versions of Keras into the form that this version reads.

Only spellings change: names of modules, the key of the input's shape, lists of one element. The computation
of a layer stays the same, except for its precision: a network that was trained in half precision is computed
in float32, and a note says so.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, printable

FUNCTIONAL, SEQUENTIAL = ("keras.src.models.functional", "Functional"), ("keras", "Sequential")

# The modules of the two kinds of model in Keras 2, in its successor tf_keras, and in Keras 3.
_MODELS = {
    "Functional": (FUNCTIONAL[0], re.compile(r"(tf_)?keras(\.src)?\.(engine|models)\.functional")),
    "Sequential": (SEQUENTIAL[0], re.compile(r"(tf_)?keras((\.src)?\.(engine|models)(\.sequential)?)?")),
}
_POLICIES = {"DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1"}
_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"})
FLOAT32 = "float32"
_TENSOR = "__keras_tensor__"  # how a configuration refers to another layer's output

# Keys that only Keras 2 has in these layers. With these values they change nothing.
_UNUSED = {
    "SeparableConv2D": (
        "kernel_initializer",
        "kernel_regularizer",
        "kernel_constraint",
    ),  # it has two kernels
    "SpatialDropout2D": ("trainable", "noise_shape"),
}
_DEPTHWISE = ("DepthwiseConv2D", "SeparableConv2D")
_WITHOUT_MEANING: dict[str, tuple[tuple[str, ...], tuple[object, ...]]] = {
    "renorm": (("BatchNormalization",), (False, None)),
    "virtual_batch_size": (("BatchNormalization",), (None,)),
    "fused": (("BatchNormalization",), (True, False, None)),
    "groups": (_DEPTHWISE, (1,)),
}


def modernise_config(config: dict[str, Any], path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a model's configuration as this version of Keras writes it, and notes about it.

    Args:
        config: a configuration of any version, not checked yet. It is not changed.
        path: name of the checkpoint in errors.

    Returns:
        The configuration, and a sentence for everything that will be computed differently than in training.

    Raises:
        InputError: a layer computes in something other than floating-point numbers.
    """
    modern = copy.deepcopy(config)
    policies: dict[str, list[str]] = {}
    for named in _objects(modern):
        _rename_module(named)
        inner = named.get("config")
        if not isinstance(inner, dict):
            continue
        if named.get("class_name") == "Functional":
            for key in ("input_layers", "output_layers"):
                inner[key] = _unlisted(inner.get(key))
        else:
            _modernise_layer(named, inner)
        policy = _use_float32(inner, named, path)
        if policy is not None:
            policies.setdefault(policy, []).append(str(named.get("name", inner.get("name"))))
    notes = tuple(
        f"the dtype policy {printable(policy, longest=40)} of {counted(len(names), 'layer')} becomes "
        "float32: the weights are taken as they are, results differ by the policy's rounding"
        for policy, names in policies.items()
    )
    return modern, notes


def _objects(root: Any) -> Iterator[dict[str, Any]]:
    """Yield everything that has a class, outermost first, without recursion."""
    pending = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                yield value
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _rename_module(named: dict[str, Any]) -> None:
    module, class_name = named.get("module"), named["class_name"]
    if not isinstance(module, str):
        return
    if class_name in _MODELS and _MODELS[class_name][1].fullmatch(module):
        named["module"] = _MODELS[class_name][0]
    elif module.startswith("tf_keras.") or module == "tf_keras":
        named["module"] = module.removeprefix("tf_")


def _modernise_layer(named: dict[str, Any], inner: dict[str, Any]) -> None:
    class_name = named["class_name"]
    if class_name == "InputLayer" and "batch_input_shape" in inner and "batch_shape" not in inner:
        inner["batch_shape"] = inner.pop("batch_input_shape")
    axis = inner.get("axis")
    if class_name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        inner["axis"] = axis[0]
    if class_name != "InputLayer":
        inner.pop("batch_input_shape", None)  # the input layer before it says it too
    for key in _UNUSED.get(class_name, ()):
        inner.pop(key, None)
    for key, (classes, values) in _WITHOUT_MEANING.items():
        if class_name in classes and key in inner and inner[key] in values:
            del inner[key]


def _unlisted(references: Any) -> Any:
    """Return the one input or output of the list in which older versions keep it."""
    if isinstance(references, list) and len(references) == 1 and isinstance(references[0], list):
        return references[0]
    return references


def _use_float32(inner: dict[str, Any], named: dict[str, Any], path: Path) -> str | None:
    """Set a layer's precision to float32. Return the name of its former policy if it was another one."""
    dtype = inner.get("dtype")
    if dtype is None or dtype == FLOAT32:
        return None
    name: object = dtype
    if isinstance(dtype, dict):
        fields = dtype.get("config")
        if str(dtype.get("class_name")) not in _POLICIES or not isinstance(fields, dict):
            return None  # the allowlist decides
        name = fields.get("name")
        if name == FLOAT32 and dtype["class_name"] == "DTypePolicy":
            return None
    if not isinstance(name, str) or name not in _FLOATS:
        if named["class_name"] == _TENSOR:
            return None
        layer = printable(named.get("name", inner.get("name")), longest=80)
        raise InputError(
            f"layer {layer} has the dtype policy {printable(name, longest=40)!r}",
            where=path,
            expected="a network that computes in floating point numbers",
            remedy="save the model before it was quantized; this project quantizes it itself",
        )
    inner["dtype"] = FLOAT32
    return None if name == FLOAT32 or named["class_name"] in (_TENSOR, "InputLayer") else name
