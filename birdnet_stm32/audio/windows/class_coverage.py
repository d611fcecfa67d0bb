"""What there is of each class on each side of the split: recordings and windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from birdnet_stm32.terminal_text import first_names


@dataclass(frozen=True, kw_only=True)
class ClassCoverage:
    """What there is of one class.

    Args:
        label: the class.
        background: it holds no target species.
        train_recordings: of the training split; those that calibrate and those held out are among them.
        train_windows: that the model is trained on, 0 if none is trained.
        calibration_recordings: that windows calibrate of.
        calibration_windows: that calibrate.
        held_out_recordings: of the training split, to choose recipes by.
        held_out_windows: of these.
        validation_recordings: of the validation split.
        validation_windows: that compare int8 with float.
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
    """Return the classes that lack a part, by the part: training, calibration, held out and validation.

    Args:
        classes: of a release.
        trained: a model is trained.
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
    """Return in plain words which classes of a release lack what.

    Args:
        classes: of a release.
        trained: a model is trained.
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
