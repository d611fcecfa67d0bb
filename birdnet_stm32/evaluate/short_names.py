"""Short names of species for people: where ``Scientific name_Common name`` is too long for a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

# "Parus major_Great Tit", "Parus major major_Great Tit": a genus, then lower-case parts. Not "clock_tick".
_SPECIES = re.compile(r"[A-Z][^\W\d_]+( [^\W\d_A-Z]\S*)+_(?P<common>.*\S)\s*")


def short_names(labels: Sequence[str]) -> dict[str, str]:
    """Return a short name for each label: its common name, where no other label has the same.

    >>> short_names(["Parus major_Great Tit", "clock_tick", "Strix aluco"])
    {'Parus major_Great Tit': 'Great Tit', 'clock_tick': 'clock_tick', 'Strix aluco': 'Strix aluco'}
    """
    commons = {label: _common(label) for label in labels}
    counts = Counter(commons.values())
    return {label: common if counts[common] == 1 else label for label, common in commons.items()}


def _common(label: str) -> str:
    found = _SPECIES.fullmatch(label)
    return found["common"] if found else label
