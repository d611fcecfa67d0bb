"""The stages of the DS-CNN, as a variant asks for them and as a model's configuration records them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import shown_value

NUMBER_OF_STAGES = 4
KERNEL_SIZES = (3, 5)

# The keys of a configuration. Upstream writes the first two; only this project has the third.
_KERNELS, _WIDTHS, _DEPTHS = "dw_kernel_size", "stage_widths", "stage_depths"


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The four stages of a network, before the factors ``alpha`` and ``depth_multiplier``.

    Args:
        stage_widths: output channels of each stage, to be multiplied by ``alpha``.
        stage_depths: blocks in each stage, to be multiplied by ``depth_multiplier``.
        depthwise_kernels: rows and columns of the depthwise kernels of each stage, 3 or 5.

    Raises:
        InputError: there are not four values, or a value is out of range.
    """

    stage_widths: tuple[int, ...] = (32, 64, 128, 256)
    stage_depths: tuple[int, ...] = (2, 3, 4, 2)
    depthwise_kernels: tuple[int, ...] = (3, 3, 3, 3)

    def __post_init__(self) -> None:
        """Check the number of values and their ranges."""
        for name, values in (("stage_widths", self.stage_widths), ("stage_depths", self.stage_depths)):
            if len(values) != NUMBER_OF_STAGES or min(values) < 1:
                raise InputError(f"{name} is {list(values)}", expected="four positive whole numbers")
        kernels = self.depthwise_kernels
        if len(kernels) != NUMBER_OF_STAGES or not set(kernels) <= set(KERNEL_SIZES):
            raise InputError(f"depthwise_kernels is {list(kernels)}", expected="four numbers, each 3 or 5")


DEFAULT_ARCHITECTURE = Architecture()


def architecture_to_json(architecture: Architecture) -> dict[str, Any]:
    """Return the fields of a configuration that say how ``architecture`` differs from the default.

    Upstream's ``dw_kernel_size`` is one number for stages 2 to 4, and stage 1 always has 3. It is written in
    this form where it can be, otherwise as a list of four numbers.

    >>> architecture_to_json(Architecture())
    {}
    >>> architecture_to_json(Architecture(depthwise_kernels=(3, 5, 5, 5), stage_depths=(1, 1, 2, 1)))
    {'dw_kernel_size': 5, 'stage_depths': [1, 1, 2, 1]}
    >>> architecture_to_json(Architecture(depthwise_kernels=(5, 3, 3, 3)))
    {'dw_kernel_size': [5, 3, 3, 3]}
    """
    kernels = architecture.depthwise_kernels
    published = kernels[0] == 3 and len(set(kernels[1:])) == 1
    fields = {
        _KERNELS: kernels[1] if published else list(kernels),
        _WIDTHS: list(architecture.stage_widths),
        _DEPTHS: list(architecture.stage_depths),
    }
    default = DEFAULT_ARCHITECTURE
    same = {
        _KERNELS: kernels == default.depthwise_kernels,
        _WIDTHS: architecture.stage_widths == default.stage_widths,
        _DEPTHS: architecture.stage_depths == default.stage_depths,
    }
    return {key: value for key, value in fields.items() if not same[key]}


def architecture_from_json(fields: Mapping[str, Any], where: str) -> Architecture:
    """Read the stages from a configuration. A missing or null field means the default.

    Args:
        fields: the configuration.
        where: name of the configuration in errors.

    Raises:
        InputError: a field has the wrong type or is out of range.

    >>> architecture_from_json({"dw_kernel_size": 5}, "model_config.json").depthwise_kernels
    (3, 5, 5, 5)
    """
    default = DEFAULT_ARCHITECTURE
    kernels = fields.get(_KERNELS)
    if kernels in KERNEL_SIZES and not isinstance(kernels, bool | float):
        kernels = [KERNEL_SIZES[0], *[kernels] * (NUMBER_OF_STAGES - 1)]
    return Architecture(
        stage_widths=_four(fields, _WIDTHS, where, fields.get(_WIDTHS), default.stage_widths),
        stage_depths=_four(fields, _DEPTHS, where, fields.get(_DEPTHS), default.stage_depths),
        depthwise_kernels=_four(fields, _KERNELS, where, kernels, default.depthwise_kernels, KERNEL_SIZES),
    )


def _four(
    fields: Mapping[str, Any],
    key: str,
    where: str,
    value: object,
    default: tuple[int, ...],
    choices: tuple[int, ...] | None = None,
) -> tuple[int, ...]:
    """Return the four whole numbers of a field."""
    if value is None:
        return default

    def allowed(one: object) -> bool:
        whole = isinstance(one, int) and not isinstance(one, bool)
        return whole and (one in choices if choices else 1 <= one <= 65_536)  # type: ignore[operator]

    if not isinstance(value, list) or len(value) != NUMBER_OF_STAGES or not all(map(allowed, value)):
        expected = "a list of four positive whole numbers, one for each stage"
        if choices:
            expected = "3 or 5, the size in stages 2 to 4; or a list of four such numbers"
        raise InputError(f"{key} is {shown_value(fields[key])}", where=where, expected=expected)
    return tuple(value)
