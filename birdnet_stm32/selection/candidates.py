"""Candidates as documents: ``candidate.json`` describes one, ``convert.json`` all of a variant's.

A candidate is what a recipe makes of the float model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from birdnet_stm32.gates import Gate
from birdnet_stm32.quant.ranges.clipping import ClippingMethod
from birdnet_stm32.quant.verify import FloatBaseline, ModelAgreement


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """The options of the variant that changed the calibration.

    Args:
        left_out: the number of windows that each option of ``[representative]`` left out, by its name.
        ranges: how ``[convert] ranges`` chooses the range of a tensor; null if the recipe chooses it.
        percentile: of ``ranges = "percentile"``; null otherwise.
    """

    left_out: Mapping[str, int] = field(default_factory=dict)
    ranges: ClippingMethod | None = None
    percentile: float | None = None


@dataclass(frozen=True, kw_only=True)
class RangeWidth:
    """The width of the range of one tensor, with and without the options of the calibration."""

    with_options: Annotated[float, Field(alias="with")]
    without_options: Annotated[float, Field(alias="without")]


@dataclass(frozen=True, kw_only=True)
class WithoutOptions:
    """What the same recipe reaches without the options of the calibration.

    Args:
        held_out: agreement with the float model on the windows held out of the calibration.
        spans: width of the range of each tensor, by its name.
    """

    held_out: ModelAgreement
    spans: Mapping[str, RangeWidth]


@dataclass(frozen=True, kw_only=True)
class ComputedCandidate:
    """A recipe that made an int8 model.

    Args:
        computed: always true.
        recipe: name of the recipe.
        held_out: agreement with the float model on the windows held out of the calibration.
        agreement: one number for the agreement, by which candidates are compared that lose equally much on
            labels; more is better.
        loss_on_labels: binary cross-entropy of the int8 model on the labels of these windows, less that of
            the float model, in nats; less is better. Null where the labels of too few windows are known.
        bytes: size of the ``.tflite``.
        notes: what the recipe chose, by subject.
        options: the options of the variant that changed the calibration.
        without_options: the result without these options; null if there are none, or if the recipe trains.
    """

    computed: Literal[True] = True
    recipe: str
    held_out: ModelAgreement
    agreement: float
    bytes: int
    notes: Mapping[str, JsonValue] = field(default_factory=dict)
    options: CalibrationOptions = field(default_factory=CalibrationOptions)
    without_options: WithoutOptions | None = None
    loss_on_labels: float | None = None


@dataclass(frozen=True, kw_only=True)
class UncomputedCandidate:
    """A recipe that made no int8 model.

    Args:
        computed: always false.
        recipe: name of the recipe.
        not_needed: whether it was left out because a recipe before it passes the gates.
        why: the reason, as a clause.
    """

    computed: Literal[False] = False
    recipe: str
    not_needed: bool
    why: str


DescribedCandidate = Annotated[ComputedCandidate | UncomputedCandidate, Field(discriminator="computed")]


@dataclass(frozen=True, kw_only=True)
class CandidateDocument:
    """What one recipe came to.

    Args:
        candidate: what one recipe came to.
    """

    FILE: ClassVar[str] = "candidate.json"
    VERSION: ClassVar[int] = 2
    CONTENT: ClassVar[str] = "candidate"

    candidate: DescribedCandidate


@dataclass(frozen=True, kw_only=True)
class ConvertDocument:
    """All candidates of a variant, and the one that goes on.

    Args:
        recipe: the recipe of the chosen candidate.
        candidates: what each recipe came to, in the order of the variant.
    """

    FILE: ClassVar[str] = "convert.json"
    VERSION: ClassVar[int] = 2

    recipe: str
    candidates: tuple[DescribedCandidate, ...]

    @property
    def computed(self) -> tuple[ComputedCandidate, ...]:
        """The candidates that there is an int8 model of."""
        return tuple(one for one in self.candidates if isinstance(one, ComputedCandidate))

    @property
    def not_needed(self) -> tuple[str, ...]:
        """The recipes that were left out because one before them passes the gates."""
        return tuple(
            one.recipe for one in self.candidates if isinstance(one, UncomputedCandidate) and one.not_needed
        )

    @property
    def chosen(self) -> ComputedCandidate:
        """The candidate that goes on."""
        return next(one for one in self.computed if one.recipe == self.recipe)


@dataclass(frozen=True, kw_only=True)
class ConversionReport(ModelAgreement):
    """What ``convert --json`` says: the chosen candidate on the validation windows, and all candidates.

    Args:
        float_model: what the float model recognised.
        recipe: the recipe of the chosen candidate.
        candidates: what each recipe came to.
        gates: the gates on the chosen candidate.
    """

    float_model: Annotated[FloatBaseline, Field(alias="float")]
    recipe: str
    candidates: tuple[DescribedCandidate, ...]
    gates: tuple[Gate, ...]
