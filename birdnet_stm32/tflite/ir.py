"""A .tflite model as small frozen values. They hold what the file says, and nothing derived from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

Data = npt.NDArray[Any]
Option = int | float | bool | str


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """The map from integers to real numbers: ``real = scale * (integer - zero_point)``.

    Args:
        scales: one for the whole tensor, or one for each slice along ``axis``. Each is exactly a float32.
        zero_points: as many as ``scales``.
        axis: the dimension that the scales belong to; 0 for a single scale.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A value that operators read or write.

    Args:
        index: number of the tensor in the file.
        name: the name in the file, often very long.
        shape: sizes, outermost dimension first; -1 where the file leaves a dimension open.
        dtype: NumPy's name of the element type. ``string``, ``resource`` and the like have TFLite's name.
        quantization: None if the file gives no scale.
        data: the value of a constant; None for a tensor that is computed.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: Data | None = field(default=None, compare=False)

    @property
    def elements(self) -> int:
        """Number of values. It has no meaning while a dimension is open."""
        return math.prod(self.shape)

    @property
    def short_name(self) -> str:
        """The first of the names that the converter joined with semicolons."""
        return self.name.split(";")[0]


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One step of the computation.

    Args:
        index: place in the order of execution.
        name: TFLite's name, ``CONV_2D``; ``CUSTOM:name`` for custom operators.
        inputs: tensor indices; -1 stands for an optional input that is absent.
        outputs: tensor indices.
        options: the schema's fields in snake case (``stride_h``, ``padding``: ``SAME`` or ``VALID``,
            ``fused_activation_function``: ``NONE``, ``RELU``, ...), without those that hold a list.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A whole model: its main subgraph.

    Args:
        tensors: by index.
        operators: in order of execution.
        inputs: tensor indices.
        outputs: tensor indices.
        beyond: what the file holds besides this graph, one line for each: other subgraphs, tensors with
            state.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    beyond: tuple[str, ...] = ()
