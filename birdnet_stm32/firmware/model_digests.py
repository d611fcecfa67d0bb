"""Which model the firmware of each board runs: ``models.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class ModelsDocument:
    """The model that each board's firmware says it runs.

    Args:
        boards: digest of the generated C, by the name of the board.
    """

    FILE: ClassVar[str] = "models.json"
    VERSION: ClassVar[int] = 1
    CONTENT: ClassVar[str] = "boards"

    boards: Mapping[str, str]
