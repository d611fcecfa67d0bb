"""The table of a variant that says when a species is reported: from the scores of windows to events."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from birdnet_stm32.config.config_table import ConfigTable
from birdnet_stm32.config.text_types import Name

MOST_WINDOWS = 32
"""Greatest number of windows that decide together: the C keeps a bit for each of them."""
DEFAULT_NEED = 2
DEFAULT_WINDOWS = 3

RuleName = Literal["confirm", "max", "avg", "lme"]
Need = Annotated[int, Field(ge=1, le=32)]
WithinS = Annotated[float, Field(gt=0, le=600)]
GapS = Annotated[float, Field(ge=0, le=600)]
LongestS = Annotated[float, Field(ge=10, le=3_600)]
HoldOffS = Annotated[float, Field(ge=0, le=86_400)]
MostPerHour = Annotated[int, Field(ge=1, le=10_000)]
Threshold = Annotated[float, Field(gt=0, lt=1)]


class SpeciesRuleTable(ConfigTable):
    """The rule of one species. A key that is left out is that of ``[detect]``."""

    threshold: Threshold | None = None
    """Probability from which a window of this species counts, instead of the chosen threshold."""
    rule: RuleName | None = None
    """As in ``[detect]``."""
    need: Need | None = None
    """As in ``[detect]``. A species that calls once in a while needs ``need = 1``."""
    within_s: WithinS | None = None
    """As in ``[detect]``."""
    gap_s: GapS | None = None
    """As in ``[detect]``."""
    longest_s: LongestS | None = None
    """As in ``[detect]``."""
    hold_off_s: HoldOffS | None = None
    """As in ``[detect]``."""
    most_per_hour: MostPerHour | None = None
    """As in ``[detect]``."""


class DetectTable(ConfigTable):
    """When a species is reported, and what one event is (docs/explanation/decisions.md)."""

    rule: RuleName = "confirm"
    """``confirm``: ``need`` of the windows that start within ``within_s`` have to reach the threshold.
    ``max``, ``avg`` and ``lme``: the maximum, the average or the log-mean-exp of the scores of these windows
    has to reach it. ``max`` is the same as ``confirm`` with ``need = 1``."""
    need: Need | None = None
    """For ``confirm``: number of windows that have to reach the threshold. A recording that has fewer windows
    needs all of them. Default: 2, or 1 where ``within_s`` holds one window."""
    within_s: WithinS | None = None
    """The time, in seconds, in which the windows start that decide together. A window starts every half
    window. Default: the time of three windows, which is 3.75 s for windows of 2.5 s."""
    gap_s: GapS = 0.0
    """Longest pause inside an event in seconds. Windows that decide together are always one event, whatever
    the pause between them."""
    longest_s: LongestS = 60.0
    """Greatest length of an event in seconds. A longer one is cut, and goes on as the next event."""
    hold_off_s: HoldOffS = 0.0
    """For so many seconds after an event, no other event of the same species begins."""
    most_per_hour: MostPerHour | None = None
    """Greatest number of events of a species that begin in the same hour. The hours are counted from the
    start of the recording. Default: no limit."""
    species: dict[Name, SpeciesRuleTable] = Field(default={})
    """Own rules of species, by the label of the class: ``[detect.species."Strix aluco_Tawny Owl"]``."""

    @model_validator(mode="after")
    def _need_belongs_to_confirm(self) -> Self:
        if self.need is not None and self.rule != "confirm":
            raise ValueError(f'need = {self.need} changes nothing with rule = "{self.rule}"')
        for label, own in self.species.items():
            rule = own.rule or self.rule
            if own.need is not None and rule != "confirm":
                raise ValueError(f'need = {own.need} of {label} changes nothing with rule = "{rule}"')
        return self

    def of_species(self, label: str) -> Self:
        """Return the keys that hold for a species: its own, and those of this table where it has none."""
        own = self.species.get(label, SpeciesRuleTable()).model_dump(exclude_none=True, exclude={"threshold"})
        if own.get("rule", self.rule) != "confirm":
            own["need"] = None
        return self.model_copy(update=own)

    def decide_together(self, *, window_samples: int, sample_rate_hz: int) -> tuple[int, int]:
        """Return how many windows have to reach the threshold, and how many decide together.

        Args:
            window_samples: length of a window. One starts every half window.
            sample_rate_hz: of the model.

        Raises:
            ValueError: the rule is impossible with these windows. The message says it with the numbers.
        """
        hop_samples = window_samples // 2
        hop_s = hop_samples / sample_rate_hz
        windows = DEFAULT_WINDOWS
        if self.within_s is not None:
            windows = round(self.within_s * sample_rate_hz) // hop_samples
        if windows < 1:
            raise ValueError(
                f"within_s = {self.within_s:g} holds no window, since one starts every {hop_s:.4g} s: "
                f"write at least within_s = {hop_s:.4g}"
            )
        if windows > MOST_WINDOWS:
            raise ValueError(
                f"within_s = {self.within_s:g} holds {windows} windows, since one starts every "
                f"{hop_s:.4g} s: at most {MOST_WINDOWS} can decide together, "
                f"within_s = {MOST_WINDOWS * hop_s:.4g}"
            )
        if self.rule != "confirm":
            return 1, windows
        need = min(DEFAULT_NEED, windows) if self.need is None else self.need
        if need > windows:
            start = "window starts" if windows == 1 else "windows start"
            raise ValueError(
                f"need = {need} can never be reached: only {windows} {start} within "
                f"{self.within_s or windows * hop_s:.4g} s, one every {hop_s:.4g} s; "
                f"write need = {windows}, or within_s = {need * hop_s:.4g}"
            )
        return need, windows
