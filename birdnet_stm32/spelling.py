"""Suggest the name that a user probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question whether the most similar known name was meant, or nothing if none is similar.

    >>> did_you_mean("trian", ["convert", "train"])
    'did you mean train?'
    >>> did_you_mean("quack", ["convert", "train"])
    ''
    """
    similar = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {similar[0]}?" if similar else ""
