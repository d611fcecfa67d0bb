"""The firmware whose network the NPU computes, as ``npu.json`` describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from birdnet_stm32.firmware.memory_use import MemoryUse


@dataclass(frozen=True, kw_only=True)
class LinkedComponent:
    """A part of ST's sources that is linked into the firmware.

    Args:
        name: name of the part, for people.
        version: its version, as its header says.
        licence: name of its licence.
        terms: name of the file in ``licences/`` that holds the licence; null if none was found.
    """

    name: str
    version: str
    licence: str
    terms: str | None


@dataclass(frozen=True, kw_only=True)
class StoredWeights:
    """Where the weights lie in the flash.

    Args:
        address: of the first byte.
        size_bytes: size.
    """

    address: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class NpuFirmwareDocument(MemoryUse):
    """The firmware whose network the NPU computes.

    Args:
        model: digest of the generated code and of the weights, which the firmware prints.
        components: the parts of ST's sources that are linked in.
        weights: where the weights lie in the flash.
    """

    FILE: ClassVar[str] = "npu.json"
    VERSION: ClassVar[int] = 1

    model: str
    components: tuple[LinkedComponent, ...]
    weights: StoredWeights
