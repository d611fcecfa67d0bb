"""The table of a variant that says how windows are changed while a model learns from them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from birdnet_stm32.config.config_table import ConfigTable

Probability = Annotated[float, Field(ge=0, le=1)]
Decibels = Annotated[float, Field(ge=-60, le=60)]


class AugmentTable(ConfigTable):
    """How windows are changed while a model learns from them, so that it hears none twice in the same way.

    Every window is also shifted in time, around its end.
    """

    mixup: Probability = 0.5
    """Probability that another window is mixed in. What is heard in either counts as heard."""
    mix_level_db: tuple[Decibels, Decibels] = (-12.0, 0.0)
    """Least and greatest level of this window relative to the first, in dB."""
    background: Probability = 0.5
    """Probability that a window of background is mixed in. The classes stay those that they were."""
    background_snr_db: tuple[Decibels, Decibels] = (-3.0, 20.0)
    """Least and greatest signal-to-noise ratio with this background, in dB."""

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        for name in ("mix_level_db", "background_snr_db"):
            least, greatest = getattr(self, name)
            if least > greatest:
                raise ValueError(f"{name} falls from {least:g} to {greatest:g}: the least level comes first")
        return self
