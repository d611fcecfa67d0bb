"""Tensors bear the names of layers and belong to parts that a reader knows."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from birdnet_stm32.quant.convert import convert, float_graph
from birdnet_stm32.quant.sensitivity.hybrid_model import Int8Tensor, int8_tensors
from birdnet_stm32.quant.sensitivity.layer_names import group_names, tensor_names
from birdnet_stm32.tflite.reader import parse_model

PATHS = {  # as the converter spells them, with kernel and rank
    "tfl.quantize": ((1, 1), 4, "input"),
    "net_1/mel_mixer_1/Relu;net_1/mel_mixer_1/convolution": ((1, 1), 4, "front end"),
    "net_1/pwl_k0_dw_1/depthwise1": ((1, 1), 4, "front end"),
    "net_1/stem_relu_1/Relu6;net_1/stem_bn_1/add_1;net_1/stem_conv_1/convolution": ((3, 3), 4, "stem"),
    "net_1/stage1_block1_dw_1/depthwise": ((3, 3), 4, "stage1_block1"),
    "net_1/stage1_block1_pw_relu_1/Relu6;net_1/stage1_block1_add_1/Add": ((1, 1), 4, "stage1_block1"),
    "net_1/pool_1/Mean": ((1, 1), 2, "classifier"),
    "net_1/logits_1/MatMul;net_1/logits_1/BiasAdd": ((1, 1), 2, "classifier"),
    "StatefulPartitionedCall:01": ((1, 1), 2, "classifier"),
}


def published() -> list[Int8Tensor]:
    return [
        Int8Tensor(
            index=at,
            float_index=at,
            operator=at - 1,
            kind="LOGISTIC",
            path=path,
            shape=(1,) * rank,
            kernel=kernel,
            scale=1.0,
            zero_point=0,
        )
        for at, (path, (kernel, rank, _)) in enumerate(PATHS.items())
    ]


def layered() -> keras.Model:
    layers = keras.layers
    inputs = keras.Input((4, 4, 1))
    x = inputs
    for name in ("mel_mixer", "pwl_k0_dw", "stem_conv", "stage1_block1_dw", "stage1_block1_add", "pool"):
        x = layers.Identity(name=name)(x)
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(x))
    x = layers.ReLU(name="stage1_block1_pw_relu")(x)
    return keras.Model(inputs, layers.Identity(name="logits")(x))


def test_names_are_those_of_layers_that_compute() -> None:
    assert tensor_names(published(), layered()) == (
        "input",
        "mel_mixer",
        "pwl_k0_dw",
        "stem_conv",
        "stage1_block1_dw",
        "stage1_block1_add",
        "pool",
        "logits",
        "logits_logistic",
    )


def test_parts_are_what_a_reader_would_call_them() -> None:
    found = published()
    groups = group_names(found, tensor_names(found, layered()))
    assert list(groups) == [part for _, _, part in PATHS.values()]


def test_names_of_a_converted_model(
    build_model: Callable[..., keras.Model], tflite: bytes, model: keras.Model
) -> None:
    found = int8_tensors(parse_model(tflite), parse_model(float_graph(model)))
    assert tensor_names(found, model) == ("input", "stem", "dw", "pw", "add", "pool", "classifier")
    windows = np.ones((1, 12, 10, 1), np.float32)
    with_sigmoid = build_model(sigmoid=True)
    found = int8_tensors(parse_model(convert(with_sigmoid, windows)), parse_model(float_graph(with_sigmoid)))
    assert tensor_names(found, with_sigmoid)[-2:] == ("classifier", "classifier_logistic")
