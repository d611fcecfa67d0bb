"""List the recordings that a model learned from, so that nobody evaluates a model on them by mistake.

``<model>_learned_from.tsv`` holds the SHA-256 of each recording and its use: ``train`` if weights were fitted
to it, ``validation`` if it chose the epoch. It holds no names, so that it can be passed on. If the model was
made from another one, and nobody knows what that learned from, the table says so in one more line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.text_file import read_text

_HEADER = "sha256\tuse"
OTHERS, UNKNOWN = "others", "unknown"
"""The line that says that the model learned from other recordings too, and nobody knows from which."""
_LINE = re.compile(
    rf"([0-9a-f]{{64}})\t({recording_split.TRAIN}|{recording_split.VALIDATION})|({OTHERS})\t({UNKNOWN})"
)
_USES = (recording_split.TRAIN, recording_split.VALIDATION)


def learned_from(rows: Iterable[IndexRow]) -> dict[str, str]:
    """Return the use of each recording when a model is trained on ``rows``, by SHA-256, without the tests."""
    return {row.digest: row.split for row in rows if row.usable and row.split in _USES}


def with_start(own: Mapping[str, str], start: Mapping[str, str] | None) -> dict[str, str]:
    """Return what a model learned from whose training started from another model.

    Args:
        own: the recordings of its training.
        start: those of the other model; None if nobody knows them.
    """
    return {**({OTHERS: UNKNOWN} if start is None else start), **own}


def lists_all(learned: Mapping[str, str] | None) -> bool:
    """Return whether a table lists all recordings that a model learned from; None is no table."""
    return learned is not None and OTHERS not in learned


def learned_from_text(learned: Mapping[str, str]) -> str:
    """Return the table that :func:`read_learned_from` reads."""
    lines = sorted(f"{digest}\t{use}" for digest, use in learned.items())
    return "\n".join([_HEADER, *lines, ""])


def read_learned_from(path: Path) -> dict[str, str]:
    """Return the use of each recording, by SHA-256.

    Args:
        path: the table.

    Raises:
        InputError: the file cannot be read, or is not such a table.
    """
    header, *lines = read_text(path).splitlines() or [""]
    matches = [_LINE.fullmatch(line) for line in lines]
    if header != _HEADER or not all(matches):
        wrong = 1 if header != _HEADER else 2 + matches.index(None)
        raise InputError(
            "is not a table of the recordings that a model learned from",
            where=f"{path}:{wrong}",
            expected="a SHA-256, a tab, and train or validation on each line",
            remedy="remove it, if you made it yourself: then nobody knows what the model learned from",
        )
    return {match[1] or match[3]: match[2] or match[4] for match in matches if match}
