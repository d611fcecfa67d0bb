"""The table of a variant that says on what, and how fast, its model is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from birdnet_stm32.config.config_table import ConfigTable
from birdnet_stm32.config.text_types import PathText

Devices = Literal["cpu", "gpu", "all"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


class RunTable(ConfigTable):
    """On what, and how fast, a model is trained. Only ``precision`` and ``jit`` make it stale."""

    devices: Devices = "cpu"
    """``cpu``: the processor. ``gpu``: one GPU. ``all``: all GPUs of this machine; each takes its part of
    every batch. Needs the extra ``gpu``. Different devices round differently, so the weights differ."""
    workers: Annotated[int, Field(ge=0, le=64)] = 2
    """Threads that read and augment windows and compute their features while the network learns. With 0, it
    waits for them. The same weights come out, whatever the number."""
    precision: Precision = "float32"
    """Type that the layers compute in. The weights, and the model that is published, are float32. The mixed
    types are faster on GPUs that have units for them; ``mixed_float16`` suits older ones."""
    jit: bool = False
    """``true``: XLA compiles the training step. That takes its time at the start, and is slower on a
    processor."""
    tensorboard: PathText | None = None
    """Folder for logs that TensorBoard shows: the measures of every epoch, in a folder for each training."""
