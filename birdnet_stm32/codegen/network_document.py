"""The generated network for tools that do not read C: the values of ``network.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class NetworkPort:
    """The input of the network, as the generated C has it.

    Args:
        name: name of the tensor.
        shape: its shape.
        elements: the number of its values.
        scale: quantization step.
        zero_point: the code that represents zero.
    """

    name: str
    shape: tuple[int, ...]
    elements: int
    scale: float
    zero_point: int


@dataclass(frozen=True, kw_only=True)
class NetworkOutput(NetworkPort):
    """The output of the network, as the generated C has it.

    Args:
        is_logit: whether the outputs are logits, which a sigmoid turns into probabilities.
        labels: the class of each output.
    """

    is_logit: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlannedTensor:
    """The place of one tensor in the arena.

    Args:
        tensor: index in the model.
        name: name of the tensor.
        shape: its shape.
        offset_bytes: of its first byte in the arena.
        size_bytes: its size.
        first: the operator that writes it; -1 for the input.
        last: the last operator that reads it.
    """

    tensor: int
    name: str
    shape: tuple[int, ...]
    offset_bytes: int
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class PlannedArena:
    """The plan of the working memory that front end and network share.

    Args:
        size_bytes: size of the arena.
        alignment_bytes: its alignment.
        workspace_bytes: the part that the front end works in, from the first byte on.
        tensors: the place of each tensor.
    """

    size_bytes: int
    alignment_bytes: int
    workspace_bytes: int
    tensors: tuple[PlannedTensor, ...]


@dataclass(frozen=True, kw_only=True)
class GeneratedOperator:
    """One call of a kernel.

    Args:
        layer: name of the call in the generated C.
        operator: TFLite's name of the operator.
        index: place of the operator in the model.
        kernel: the C function that is called.
        name: name of the output tensor.
        inputs: shapes of the activations that are read.
        output: shape of the activation that is written.
        macs: multiply-accumulates.
        constant_bytes: size of weights, biases and tables.
    """

    layer: str
    operator: str
    index: int
    kernel: str
    name: str
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    macs: int
    constant_bytes: int


@dataclass(frozen=True, kw_only=True)
class NetworkDocument:
    """The generated network.

    Args:
        format: version of this form.
        digest: identifies the network; the linker refuses files of two networks.
        input: the input.
        output: the output.
        macs: multiply-accumulates of one inference.
        constant_bytes: size of all weights, biases and tables.
        arena: the plan of the working memory.
        operators: the calls of kernels, in order.
        sha256: SHA-256 of each generated file, by its name.
    """

    FILE: ClassVar[str] = "network.json"
    VERSION: ClassVar[int] = 1

    format: int
    digest: str
    input: NetworkPort
    output: NetworkOutput
    macs: int
    constant_bytes: int
    arena: PlannedArena
    operators: tuple[GeneratedOperator, ...]
    sha256: Mapping[str, str]
