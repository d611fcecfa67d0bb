"""Names of the files that belong to one recording."""

from __future__ import annotations

from pathlib import PurePosixPath


def beside_path(folder: str, path: str, ending: str) -> str:
    """Return the name of a file of a recording, in a folder that has the folders of the recordings.

    The name holds the extension of the recording too, so that ``a.wav`` and ``a.mp3`` differ. It never leads
    out of the folder.

    Args:
        folder: the folder.
        path: the recording, with forward slashes.
        ending: replaces nothing, and is added.

    >>> beside_path("raven", "../day 1/a.wav", ".txt")
    'raven/day 1/a.wav.txt'
    """
    parts = [part for part in PurePosixPath(path).parts if part != ".." and part.strip("/")]
    return "/".join([folder, *parts]) + ending
