"""Find the stages of any convolutional network, and how fast each of them may change in a fine-tuning.

A stage begins with a layer that makes the map smaller: a convolution or a pooling with a stride. So no names
of layers are needed. What lies before the first such layer is the front end. Early stages hear what all
sounds have in common, late ones what distinguishes the classes, so late ones may change faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import keras

from birdnet_stm32.errors import InputError

Learn = Literal["head", "last_stages", "all"]

LAST_STAGES = 2


def stage_of_layers(model: keras.Model) -> Mapping[str, int]:
    """Return the stage of each layer by its name: the number of strides on the longest way to it.

    Args:
        model: a functional model.
    """
    stage_of_tensor: dict[int, int] = {}
    stages: dict[str, int] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            stage = 0
        else:
            before = [stage_of_tensor[id(tensor)] for tensor in keras.tree.flatten(layer.input)]
            stage = max(before) + (1 if _makes_smaller(layer) else 0)
        stages[str(layer.name)] = stage
        stage_of_tensor.update({id(tensor): stage for tensor in keras.tree.flatten(layer.output)})
    return stages


def learning_rates(model: keras.Model, *, learn: Learn, backbone_rate: float) -> Mapping[str, float]:
    """Return the factor of the learning rate of each layer by its name.

    The last layer, the head, has the factor 1. The last stage has ``backbone_rate``, and each stage before it
    the next power of it.

    Args:
        model: a network whose last layer is its head.
        learn: what may change: the head alone, the last two stages too, or all layers.
        backbone_rate: factor from one stage to the stage before it, above 0, at most 1.

    Raises:
        InputError: the last stages are asked for, and the network has no stages.
    """
    stages = stage_of_layers(model)
    last = max(stages.values())
    if learn == "last_stages" and last < LAST_STAGES:
        raise InputError(
            f"the network has {last} stages: layers that make the map smaller",
            where="[train] learn",
            expected=f"at least {LAST_STAGES} for last_stages",
            remedy='learn = "all", or learn = "head"',
        )
    frozen_from = {"head": 0, "last_stages": LAST_STAGES, "all": last + 1}[learn]
    rates = {
        name: backbone_rate ** (last - stage + 1) if last - stage < frozen_from else 0.0
        for name, stage in stages.items()
    }
    return {**rates, str(model.layers[-1].name): 1.0}


def _makes_smaller(layer: keras.layers.Layer) -> bool:
    strides = layer.get_config().get("strides")
    return strides is not None and max(keras.tree.flatten(strides)) > 1
