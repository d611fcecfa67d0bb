"""Find the recordings that soundscapes were mixed from: who learned from them knows the soundscapes too."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import MAX_JSON_BYTES, read_json

LIST = "soundscape.json"
"""What the command ``soundscape`` writes beside the soundscapes."""


def mixed_sources(folder: Path) -> frozenset[str]:
    """Return the SHA-256 of each recording that the soundscapes of a folder were mixed from.

    Soundscapes that were recorded as they are have no such list, and so no sources.

    Args:
        folder: a folder of soundscapes, at any depth.

    Raises:
        InputError: a list cannot be read, or is none.
    """
    found: set[str] = set()
    for path in sorted(folder.rglob(LIST)):
        content = read_json(path, max_bytes=MAX_JSON_BYTES)
        sources = content.get("sources") if isinstance(content, dict) else None
        if not isinstance(sources, list) or not all(
            isinstance(one, dict) and isinstance(one.get("sha256"), str) for one in sources
        ):
            raise InputError(
                "does not say from which recordings the soundscapes were mixed",
                where=path,
                expected="the list that birdnet-stm32 soundscape writes",
                remedy="mix the soundscapes again, or remove this file if they were not mixed",
            )
        found |= {one["sha256"] for one in sources}
    return frozenset(found)
