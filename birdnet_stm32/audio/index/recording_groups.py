"""Name the recording of each file: what must stay in one split."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from birdnet_stm32.config.recording_tables import IndexTable


def recording_of(path: str, label: str, table: IndexTable, *, given: str = "") -> str:
    """Return the name of the recording that a file belongs to; empty if the pattern does not match its name.

    By default, each file is a recording. A pattern joins the files of a class, whatever folders they lie in.
    If recordings span classes, it joins the files of all classes.

    Args:
        path: path of the file in the index.
        label: its class.
        table: the variant's ``[index]``.
        given: the recording that a table of labels names; empty if it names none. A pattern decides before.
    """
    stem = PurePosixPath(path).stem
    if table.recording is None:
        return given or (stem if table.recordings_span_classes else path)
    match = re.search(table.recording, stem)
    name = match["recording"] if match else ""
    if not name or table.recordings_span_classes:
        return name or ""
    return f"{label}/{name}"


def folder_group(class_path: str) -> str:
    """Return the folder below its class folder that a file lies in; empty if it lies in the class folder.

    >>> folder_group("owl/forest/may/1.wav"), folder_group("owl/1.wav")
    ('forest/may', '')
    """
    return "/".join(class_path.split("/")[1:-1])


def join_groups(members: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Join recordings that have a group in common.

    Args:
        members: a recording and its group, which is empty if it has none, for each file.

    Returns:
        The name of what each recording belongs to: its first group, or its own name without any group.

    >>> dict(join_groups([("a", "north"), ("a", "south"), ("b", "south"), ("c", "")]))
    {'a': 'north', 'b': 'north', 'c': 'c'}
    """
    parent: dict[tuple[str, bool], tuple[str, bool]] = {}

    def top(node: tuple[str, bool]) -> tuple[str, bool]:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    recordings: dict[str, None] = {}
    for recording, group in members:
        recordings[recording] = None
        own = top((recording, False))
        if group:
            first, second = sorted((own, top((group, True))), key=lambda node: (not node[1], node[0]))
            parent[second] = first
    return {recording: top((recording, False))[0] for recording in recordings}
