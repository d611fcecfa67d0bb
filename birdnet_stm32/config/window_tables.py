"""The table of a variant that says which windows of its recordings are used."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from birdnet_stm32.config.config_table import ConfigTable

Hertz = Annotated[float, Field(ge=0, le=48_000)]


class WindowsTable(ConfigTable):
    """The windows that recordings are cut into, and which of them a model learns from."""

    select: Literal["all", "active", "teacher"] = "all"
    """``all``: learn from every window of a recording. ``active``: learn from those windows of a recording of
    a species in which something calls, and leave out the others. ``teacher``: learn from those in which the
    teacher of ``[teacher]`` hears the species. All windows of background are learned from, and all windows of
    validation and test recordings are measured."""
    band_hz: tuple[Hertz, Hertz] = (1_000.0, 11_000.0)
    """Band in Hz in which activity is measured. The activity of a window is the power of its loud frames of
    20 ms (95th percentile) over that of the quiet frames of its recording (20th percentile), in dB."""
    best: Annotated[int, Field(ge=1, le=10_000)] = 8
    """For ``active`` and ``teacher``: greatest number of windows of a recording."""
    min_activity_db: Annotated[float, Field(ge=0, le=100)] = 6.0
    """For ``active``: least activity of a window in dB. The most active window of a recording is always
    kept."""

    min_score: Annotated[float, Field(ge=0, le=1)] = 0.1
    """For ``teacher``: least score of the recording's species in a window. The window with the highest score
    is always kept."""

    @model_validator(mode="after")
    def _band_is_not_empty(self) -> Self:
        if self.band_hz[0] >= self.band_hz[1]:
            raise ValueError(f"band_hz ends at {self.band_hz[1]:g} Hz, where or before it begins")
        return self
