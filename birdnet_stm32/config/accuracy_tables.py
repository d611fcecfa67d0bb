"""The tables of a variant that say on what accuracy is measured, and from which score a species counts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from birdnet_stm32.config.config_table import ConfigTable, Seed
from birdnet_stm32.config.text_types import Name, PathText

Source = Literal["test split", "folder", "soundscapes", "folds"]
"""Where the recordings come from that measure accuracy."""
Share = Annotated[float, Field(ge=0, le=1)]


class EvaluateTable(ConfigTable):
    """The recordings on which accuracy is measured, and what it has to reach.

    Without ``root``, ``soundscapes`` and ``folds``, these are the recordings of the test split.
    """

    root: PathText | None = None
    """Folder of labelled recordings, with one folder for each class, on which nothing was trained."""
    soundscapes: PathText | None = None
    """Folder of long recordings and their tables of annotated calls (Raven, Audacity, CSV)."""
    names: PathText | None = None
    """Table of species names, with the columns ``label``, ``scientific_name``, ``common_name`` and ``code``,
    for annotations that name species in another way than the model does."""
    species_column: Name | None = None
    """Column of the tables of calls that holds the species. Default: it is found by its name."""
    folds: Annotated[int, Field(ge=3, le=20)] | None = None
    """Number of parts for cross-validation. For each part, a model is trained on the others. Use it where a
    test split would hold too few recordings."""
    pooling: Literal["max", "avg", "lme"] = "max"
    """How the probabilities of the windows of a recording become one: the maximum, the average, or
    log-mean-exp."""
    firmware_windows: Annotated[int, Field(ge=0, le=10_000)] = 32
    """Greatest number of these windows that the emulated firmware computes too."""
    min_recall: Share | None = None
    """Least recall of the int8 model, the mean over the species. Less refuses the release."""
    max_false_alarms_per_hour: Annotated[float, Field(ge=0)] | None = None
    """Greatest number of false alarms per hour of recording, of all species together. More refuses the
    release."""
    max_int8_loss: Share | None = None
    """Greatest loss of cmAP from the float model to the int8 model. More refuses the release."""
    seed: Seed = 42
    """Seed of the bootstrap draws behind the intervals."""

    @property
    def source(self) -> Source:
        """Where the recordings come from."""
        if self.folds is not None:
            return "folds"
        if self.soundscapes is not None:
            return "soundscapes"
        return "test split" if self.root is None else "folder"

    @property
    def has_gates(self) -> bool:
        """Whether the accuracy has to reach something."""
        limits = (self.min_recall, self.max_false_alarms_per_hour, self.max_int8_loss)
        return any(limit is not None for limit in limits)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [key for key in ("root", "soundscapes", "folds") if getattr(self, key) is not None]
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} exclude each other: keep one")
        return self


class ThresholdsTable(ConfigTable):
    """From which probability a species counts as heard. Validation recordings choose the thresholds.

    Without ``precision`` and ``false_alarms_per_hour``, every species has ``[firmware] threshold``.
    """

    precision: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Least share of detections that are right, for each species."""
    false_alarms_per_hour: Annotated[float, Field(gt=0)] | None = None
    """Greatest number of false alarms per hour of recording, for each species."""
    lowest: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Least threshold that is chosen."""
    highest: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Greatest threshold that is chosen."""

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        if self.precision is not None and self.false_alarms_per_hour is not None:
            raise ValueError("precision and false_alarms_per_hour exclude each other: keep one")
        if self.lowest > self.highest:
            raise ValueError(f"lowest {self.lowest:g} is above highest {self.highest:g}")
        return self
