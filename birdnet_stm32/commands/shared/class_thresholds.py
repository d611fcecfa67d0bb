"""The probability from which each class counts as heard, as options and files say it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from birdnet_stm32.config.variant import FirmwareTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import parse_document
from birdnet_stm32.files.regular_file import read_bytes


def class_thresholds(
    labels: Sequence[str],
    *,
    threshold: float | None,
    thresholds: Path | None,
    of_variant: Path | None = None,
) -> Sequence[float]:
    """Return the threshold of each class: as asked, else those of the variant, else the default.

    Args:
        labels: classes of the model, in the order of the outputs.
        threshold: the option ``--threshold``, for all classes.
        thresholds: the option ``--thresholds``: a ``thresholds.json``.
        of_variant: the ``thresholds.json`` of the variant, if there is a variant.

    Raises:
        InputError: both options are given, or the file is of other classes.
    """
    if thresholds is not None and threshold is not None:
        raise InputError("--threshold and --thresholds are given", expected="one of them")
    chosen = thresholds or (of_variant if threshold is None else None)
    if chosen is None:
        return [FirmwareTable().threshold if threshold is None else threshold] * len(labels)
    species = parse_document(ThresholdsDocument, read_bytes(chosen), where=chosen).species
    if [one.label for one in species] != list(labels):
        raise InputError(
            f"has thresholds for {len(species)} species",
            where=chosen,
            expected=f"the {len(labels)} classes of the model, in their order",
        )
    return [one.threshold for one in species]
