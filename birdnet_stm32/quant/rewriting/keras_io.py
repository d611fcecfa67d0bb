"""Convert a Keras model to a :class:`Network` and back; BatchNorm is folded into the kernels before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.rewriting.network import INPUT, RELU6_LIMIT, FusedActivation, Network, Unit, UnitKind

layers = keras.layers

# Layers that do nothing in inference.
_INERT = (layers.Dropout, layers.SpatialDropout2D)


def from_keras(model: keras.Model) -> Network:
    """Return a model as the converter sees it: one unit for each operator.

    Args:
        model: functional, with one input and one output, made of the layers that the DS-CNN (module
            ``dscnn``) and the published checkpoints are made of; outputs are logits.

    Raises:
        InputError: a layer is of another kind, or a BatchNorm or activation cannot be folded.
    """
    units: dict[str, Unit] = {}
    tensors: dict[int, str] = {id(model.inputs[0]): INPUT}
    readers = _readers(model)
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        sources = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = tuple(tensors[id(source)] for source in sources)
        if isinstance(layer, _INERT):
            tensors[id(layer.output)] = inputs[0]
            continue
        if isinstance(layer, layers.BatchNormalization | layers.ReLU):
            target = units.get(inputs[0])
            # A tensor that another layer reads too must not be changed.
            if target is None or readers[id(sources[0])] > 1:
                raise InputError(f"layer {layer.name} cannot be folded into the one before", where=model.name)
            fold = _fold_batch_norm if isinstance(layer, layers.BatchNormalization) else _fold_relu
            units[target.name] = fold(target, layer)
            tensors[id(layer.output)] = target.name
            continue
        units[layer.name] = _unit(layer, inputs)
        tensors[id(layer.output)] = layer.name
    return Network(name=model.name, input_shape=tuple(model.inputs[0].shape[1:]), units=tuple(units.values()))


def to_keras(network: Network) -> keras.Model:
    """Return a network as a functional Keras model of built-in layers; ReLU and ReLU6 are separate layers."""
    inputs = keras.Input(network.input_shape, name="features")
    tensors: dict[str, Any] = {INPUT: inputs}
    weighted: list[tuple[keras.Layer, Unit]] = []
    for unit in network.units:
        layer = _BUILDERS[unit.kind](unit)
        sources = [tensors[name] for name in unit.inputs]
        x = layer(sources if unit.kind is UnitKind.ADD else sources[0])
        if unit.kernel is not None:
            weighted.append((layer, unit))
        if unit.activation is not FusedActivation.NONE:
            limit = RELU6_LIMIT if unit.activation is FusedActivation.RELU6 else None
            x = layers.ReLU(max_value=limit, name=f"{unit.name}_relu")(x)
        tensors[unit.name] = x
    model = keras.Model(inputs, tensors[network.units[-1].name], name=network.name)
    for layer, unit in weighted:
        layer.set_weights([unit.kernel, unit.bias])
    return model


def _readers(model: keras.Model) -> dict[int, int]:
    """Return how many layers read each tensor."""
    counts: dict[int, int] = {}
    for layer in model.layers:
        if not isinstance(layer, layers.InputLayer):
            for source in layer.input if isinstance(layer.input, list) else [layer.input]:
                counts[id(source)] = counts.get(id(source), 0) + 1
    return counts


def _unit(layer: keras.Layer, inputs: tuple[str, ...]) -> Unit:
    unit = Unit(name=layer.name, kind=_kind(layer), inputs=inputs)
    if unit.kind is UnitKind.PERMUTE:
        return replace(unit, shape=tuple(layer.dims))
    if unit.kind is UnitKind.RESHAPE:
        return replace(unit, shape=tuple(layer.output.shape[1:]))
    if unit.kind not in (UnitKind.CONVOLUTION, UnitKind.DEPTHWISE, UnitKind.DENSE):
        return unit
    kernel, *rest = layer.get_weights()
    bias = rest[0] if rest else np.zeros(layer.output.shape[-1], np.float32)
    unit = replace(unit, kernel=kernel, bias=bias, activation=_activation(layer))
    if unit.kind is UnitKind.DENSE:
        return unit
    if tuple(layer.dilation_rate) != (1, 1) or getattr(layer, "groups", 1) != 1:
        raise InputError(f"layer {layer.name} is dilated or grouped", expected="a plain convolution")
    return replace(unit, strides=tuple(layer.strides), padding=layer.padding)


def _kind(layer: keras.Layer) -> UnitKind:
    for kind, layer_class in _LAYERS.items():
        if type(layer) is layer_class:
            return kind
    raise InputError(
        f"layer {layer.name} is {type(layer).__name__}, whose int8 arithmetic is not simulated",
        expected="one of " + ", ".join(layer_class.__name__ for layer_class in _LAYERS.values()),
        remedy="use a recipe that does not rewrite the network: ptq or logits",
    )


def _activation(layer: keras.Layer) -> FusedActivation:
    name = layer.get_config()["activation"]
    try:
        return FusedActivation(str(name))
    except ValueError:
        raise InputError(
            f"layer {layer.name} has the activation {name!r}", expected="linear, relu or relu6"
        ) from None


def _fold_batch_norm(unit: Unit, layer: keras.layers.BatchNormalization) -> Unit:
    if unit.kernel is None or unit.bias is None or unit.activation is not FusedActivation.NONE:
        raise InputError(f"layer {layer.name} does not follow a convolution directly")
    gamma = 1.0 if layer.gamma is None else np.asarray(layer.gamma, np.float64)
    beta = 0.0 if layer.beta is None else np.asarray(layer.beta, np.float64)
    factor = gamma / np.sqrt(np.asarray(layer.moving_variance, np.float64) + layer.epsilon)
    bias = (unit.bias - np.asarray(layer.moving_mean, np.float64)) * factor + beta
    per_output = factor.reshape(unit.kernel.shape[2:]) if unit.kind is UnitKind.DEPTHWISE else factor
    return replace(unit, kernel=(unit.kernel * per_output).astype(np.float32), bias=bias.astype(np.float32))


def _fold_relu(unit: Unit, layer: keras.layers.ReLU) -> Unit:
    limit = layer.max_value
    plain = not layer.negative_slope and not layer.threshold
    foldable = unit.kind in (UnitKind.CONVOLUTION, UnitKind.DEPTHWISE, UnitKind.DENSE, UnitKind.ADD)
    if not (plain and foldable and unit.activation is FusedActivation.NONE and limit in (None, RELU6_LIMIT)):
        raise InputError(f"layer {layer.name} cannot be fused", expected="ReLU or ReLU6 after a linear layer")
    return replace(unit, activation=FusedActivation.RELU if limit is None else FusedActivation.RELU6)


_LAYERS: dict[UnitKind, type] = {
    UnitKind.CONVOLUTION: layers.Conv2D,
    UnitKind.DEPTHWISE: layers.DepthwiseConv2D,
    UnitKind.DENSE: layers.Dense,
    UnitKind.ADD: layers.Add,
    UnitKind.MEAN: layers.GlobalAveragePooling2D,
    UnitKind.PERMUTE: layers.Permute,
    UnitKind.RESHAPE: layers.Reshape,
}


def _convolution(unit: Unit) -> keras.Layer:
    rows, columns, _, filters = unit.weights[0].shape
    return layers.Conv2D(filters, (rows, columns), strides=unit.strides, padding=unit.padding, name=unit.name)


def _depthwise(unit: Unit) -> keras.Layer:
    rows, columns, _, multiplier = unit.weights[0].shape
    return layers.DepthwiseConv2D(
        (rows, columns),
        strides=unit.strides,
        padding=unit.padding,
        depth_multiplier=multiplier,
        name=unit.name,
    )


def _dense(unit: Unit) -> keras.Layer:
    return layers.Dense(unit.weights[0].shape[1], name=unit.name)


_BUILDERS: dict[UnitKind, Callable[[Unit], keras.Layer]] = {
    UnitKind.CONVOLUTION: _convolution,
    UnitKind.DEPTHWISE: _depthwise,
    UnitKind.DENSE: _dense,
    UnitKind.ADD: lambda unit: layers.Add(name=unit.name),
    UnitKind.MEAN: lambda unit: layers.GlobalAveragePooling2D(name=unit.name),
    UnitKind.PERMUTE: lambda unit: layers.Permute(unit.shape, name=unit.name),
    UnitKind.RESHAPE: lambda unit: layers.Reshape(unit.shape, name=unit.name),
}
