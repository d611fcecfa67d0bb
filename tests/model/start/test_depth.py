"""Stages are found by strides, in any network, and late ones learn faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.architecture.dscnn import build_dscnn
from birdnet_stm32.model.start.depth import learning_rates, stage_of_layers

LAST = "stage4_block2_pw"


def network(*layers: Callable[[Any], Any]) -> keras.Model:
    x = inputs = keras.Input((16, 16, 1), name="in")
    for layer in layers:
        x = layer(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


def test_the_stages_of_our_network_begin_at_its_strides(contract: ModelContract) -> None:
    stages = stage_of_layers(build_dscnn(contract))
    names = ("mel_mixer", "stem", "stage1_block1_dw", "stage1_block2_pw", "stage4_block1_dw", LAST)
    assert [stages[name] for name in names] == [0, 1, 2, 2, 5, 5]


def test_pooling_and_branches_count_along_the_longest_way() -> None:
    def branches(x: Any) -> Any:
        short = keras.layers.Conv2D(4, 1, strides=2, name="short")(x)
        long = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="long")(x)
        long = keras.layers.Conv2D(4, 3, padding="same", name="second")(long)
        return keras.layers.Add(name="add")([short, long])

    stages = stage_of_layers(
        network(branches, keras.layers.MaxPooling2D(name="smaller"), keras.layers.Conv2D(4, 1, name="last"))
    )
    assert {name: stages[name] for name in ("in", "short", "long", "add", "smaller", "last", "head")} == {
        "in": 0,
        "short": 1,
        "long": 1,
        "add": 1,
        "smaller": 2,
        "last": 2,
        "head": 2,
    }


def test_each_stage_before_learns_slower(contract: ModelContract) -> None:
    model = build_dscnn(contract)
    rates = learning_rates(model, learn="all", backbone_rate=0.5)
    assert rates["logits"] == 1
    some = [rates[name] for name in (LAST, "stage4_block1_dw", "stage3_block1_dw", "pwl_k0_dw")]
    assert some == [0.5, 0.5, 0.25, 0.5**6]
    two = learning_rates(model, learn="last_stages", backbone_rate=0.5)
    assert [two[name] for name in (LAST, "stage3_block1_dw", "stage2_block2_pw_bn")] == [0.5, 0.25, 0]
    assert set(learning_rates(model, learn="head", backbone_rate=0.5).values()) == {0, 1}


def test_last_stages_need_stages() -> None:
    model = network(keras.layers.Conv2D(4, 3, name="only"))
    assert learning_rates(model, learn="all", backbone_rate=0.5)["only"] == 0.5
    with pytest.raises(InputError, match="0 stages"):
        learning_rates(model, learn="last_stages", backbone_rate=0.5)
