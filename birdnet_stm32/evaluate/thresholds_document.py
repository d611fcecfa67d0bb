"""The probabilities from which species count as heard: the values of ``thresholds.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from birdnet_stm32.evaluate.accuracy_document import Estimate


@dataclass(frozen=True, kw_only=True)
class SpeciesThreshold:
    """The threshold of one species, and what the validation recordings let expect of it.

    Args:
        label: the species.
        threshold: the probability from which it counts as heard.
        recordings: number of validation recordings that hold it.
        expected_recall: share of these, or of its annotated calls in them, that are found; None without any.
        expected_precision: share of its detections that are right; None without a detection.
        expected_false_alarms_per_hour: windows in which it is heard, in an hour of recordings without it;
            None without any.
        why: how it was chosen, or why it could not be chosen as the variant asks.
    """

    label: str
    threshold: float
    recordings: int
    expected_recall: Estimate | None
    expected_precision: Estimate | None
    expected_false_alarms_per_hour: Estimate | None
    why: str

    @property
    def note(self) -> str:
        """The species and its expected recall, for a line of C or of a table.

        >>> SpeciesThreshold(
        ...     label="Troglodytes troglodytes_Wren",
        ...     threshold=0.4,
        ...     recordings=9,
        ...     expected_recall=Estimate(value=0.61, low=0.48, high=0.73),
        ...     expected_precision=None,
        ...     expected_false_alarms_per_hour=None,
        ...     why="",
        ... ).note
        'Troglodytes troglodytes_Wren: expected recall 61 % (48 to 73 %)'
        """
        recall = self.expected_recall
        if recall is None:
            return f"{self.label}: expected recall unknown"
        low, high = 100 * recall.low, 100 * recall.high
        return f"{self.label}: expected recall {100 * recall.value:.0f} % ({low:.0f} to {high:.0f} %)"


@dataclass(frozen=True, kw_only=True)
class ThresholdsDocument:
    """The threshold of every class of a model.

    Args:
        aim: what the variant asks for, in words.
        hours: length of the validation recordings.
        species: one for each class, in the order of the model's outputs.
        model: SHA-256 of the ``.tflite`` that they are for; empty if it is not known.
    """

    FILE: ClassVar[str] = "thresholds.json"
    VERSION: ClassVar[int] = 1

    aim: str
    hours: float
    species: tuple[SpeciesThreshold, ...]
    model: str = ""
