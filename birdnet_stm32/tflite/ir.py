"""A .tflite model as small frozen values: what the file says, nothing derived."""

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
    """How integers stand for real numbers: ``real = scale * (integer - zero_point)``.

    Args:
        scales: one for the tensor, or one per slice along ``axis``; each exactly a float32.
        zero_points: as many as ``scales``.
        axis: the dimension the scales belong to; 0 for a single scale.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A value that operators read or write.

    Args:
        index: its number in the file.
        name: as in the file, often very long.
        shape: outermost dimension first; -1 where the file leaves a dimension open.
        dtype: NumPy's name of the element type; ``string``, ``resource`` and the like as TFLite calls them.
        quantization: None when the file gives no scale.
        data: the value of a constant, None for what is computed.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: Data | None = field(default=None, compare=False)

    @property
    def elements(self) -> int:
        """Number of values; meaningless while a dimension is open."""
        return math.prod(self.shape)

    @property
    def short_name(self) -> str:
        """The first of the names that the converter joined with semicolons."""
        return self.name.split(";")[0]


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One step of the computation.

    Args:
        index: its place in the order of execution.
        name: TFLite's name, ``CONV_2D``; ``CUSTOM:name`` for custom operators.
        inputs: tensor indices, -1 for an optional one that is absent.
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
        beyond: what the file says beside this graph, a line each: other subgraphs, tensors that keep state.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    beyond: tuple[str, ...] = ()
