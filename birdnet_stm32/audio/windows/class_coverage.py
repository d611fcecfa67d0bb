"""Count the recordings and windows of each class, by what they are used for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from birdnet_stm32.terminal_text import first_names


@dataclass(frozen=True, kw_only=True)
class ClassCoverage:
    """The number of recordings and windows of one class.

    Args:
        label: the class.
        background: whether the class holds no target species.
        train_recordings: recordings of the training split, including those that calibrate and those held out.
        train_windows: windows that the model is trained on; 0 if no model is trained.
        calibration_recordings: recordings whose windows calibrate.
        calibration_windows: windows that calibrate.
        held_out_recordings: recordings of the training split that are held out to compare recipes.
        held_out_windows: windows of these.
        validation_recordings: recordings of the validation split.
        validation_windows: windows that compare int8 with float.
    """

    label: str
    background: bool
    train_recordings: int
    train_windows: int
    calibration_recordings: int
    calibration_windows: int
    held_out_recordings: int
    held_out_windows: int
    validation_recordings: int
    validation_windows: int


def missing_windows(classes: Sequence[ClassCoverage], *, trained: bool) -> dict[str, tuple[str, ...]]:
    """Return the classes without windows, by use: training, calibration, held-out and validation.

    Args:
        classes: the classes of a release.
        trained: whether a model is trained.
    """
    parts = {
        **({"training": "train_windows"} if trained else {}),
        "calibration": "calibration_windows",
        "held-out": "held_out_windows",
        "validation": "validation_windows",
    }
    lacking = {
        part: tuple(one.label for one in classes if not getattr(one, field)) for part, field in parts.items()
    }
    return {part: labels for part, labels in lacking.items() if labels}


def missing_window_sentences(classes: Sequence[ClassCoverage], *, trained: bool) -> tuple[str, ...]:
    """Return sentences that say which classes of a release have no windows for a use.

    Args:
        classes: the classes of a release.
        trained: whether a model is trained.
    """
    meanings = {
        "training": "the model does not know them.",
        "calibration": "the int8 ranges were set without them.",
        "held-out": "recipes were compared without them.",
        "validation": "nothing was measured on them.",
    }
    return tuple(
        f"No {part} window of {first_names(labels)}: {meanings[part]}"
        for part, labels in missing_windows(classes, trained=trained).items()
    )
