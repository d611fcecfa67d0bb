"""The stages of a network read back from a configuration, which has upstream's form where there is one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.architecture import (
    Architecture,
    architecture_from_json,
    architecture_to_json,
)
from birdnet_stm32.frontend.config_versions import ConfigLine, config_line

counts = st.tuples(*[st.integers(1, 512)] * 4)
kernels = st.tuples(*[st.sampled_from([3, 5])] * 4)


@given(st.builds(Architecture, stage_widths=counts, stage_depths=counts, depthwise_kernels=kernels))
def test_an_architecture_reads_back(architecture: Architecture) -> None:
    assert architecture_from_json(architecture_to_json(architecture), "config") == architecture


def test_a_file_of_today_stays_as_it_is() -> None:
    assert architecture_to_json(Architecture()) == {}
    assert architecture_from_json({}, "config") == Architecture()
    assert architecture_from_json({"stage_widths": None, "dw_kernel_size": None}, "config") == Architecture()


def test_the_form_of_upstream() -> None:
    upstream = {"dw_kernel_size": 5, "stage_widths": [32, 64, 128, 256]}
    found = architecture_from_json(upstream, "config")
    assert found == Architecture(depthwise_kernels=(3, 5, 5, 5))
    assert architecture_to_json(found) == {"dw_kernel_size": 5}
    assert architecture_from_json({"dw_kernel_size": 3}, "config") == Architecture()


def test_only_this_project_writes_depths() -> None:
    assert config_line({"dw_kernel_size": 5}) is ConfigLine.OF_1_X
    assert config_line({"dw_kernel_size": 5, "stage_depths": [1, 1, 1, 1]}) is ConfigLine.OWN


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dw_kernel_size": 4}, "3 or 5"),
        ({"dw_kernel_size": 5.0}, "3 or 5"),
        ({"dw_kernel_size": [5, 5, 5]}, "3 or 5"),
        ({"dw_kernel_size": [3, 5, 7, 5]}, "3 or 5"),
        ({"stage_widths": [32, 64, 128]}, "four positive whole numbers"),
        ({"stage_widths": [32, 64, 128, 0]}, "four positive whole numbers"),
        ({"stage_widths": [32, 64, 128, True]}, "four positive whole numbers"),
        ({"stage_depths": 2}, "four positive whole numbers"),
        ({"stage_depths": "2222"}, "four positive whole numbers"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], expected: str) -> None:
    (key,) = fields
    with pytest.raises(InputError, match=f"{key} is") as refused:
        architecture_from_json(fields, "model_config.json")
    assert refused.value.where == "model_config.json"
    assert expected in str(refused.value.expected)


@pytest.mark.parametrize(
    "fields",
    [
        {"stage_widths": (32, 64, 128)},
        {"stage_depths": (1, 1, 1, 0)},
        {"depthwise_kernels": (3, 3, 3, 4)},
        {"depthwise_kernels": (3, 3, 3)},
    ],
)
def test_an_architecture_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(fields))):
        Architecture(**fields)
