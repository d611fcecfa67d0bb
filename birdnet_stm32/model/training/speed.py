"""How long the epochs of a training take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from birdnet_stm32.config.run_table import Devices, Precision


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How long one epoch took.

    Args:
        seconds: seconds of training, without validation.
        waited_s: those of them in which the network waited for its batches.
    """

    seconds: float
    waited_s: float

    @property
    def waiting(self) -> float:
        """Share of the time in which the network waited for its batches, from 0 to 1."""
        return self.waited_s / self.seconds


@dataclass(frozen=True, kw_only=True)
class SpeedDocument:
    """How long a training took. It differs from run to run, so nothing reads it and it makes no stage stale.

    Args:
        devices: what the network learned on.
        workers: threads that made batches meanwhile.
        precision: the type that its layers computed in.
        jit: whether XLA compiled the training step.
        epochs: every epoch, in order.
    """

    FILE: ClassVar[str] = "local_speed.json"
    VERSION: ClassVar[int] = 1

    devices: Devices
    workers: int
    precision: Precision
    jit: bool
    epochs: tuple[Speed, ...]
