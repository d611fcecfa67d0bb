"""Recognise folders that divide a collection into training, validation and test."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from birdnet_stm32.audio.splits.recording_split import SPLITS, TEST, TRAIN, VALIDATION
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import first_names

_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "validate": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
    "eval": TEST,
    "evaluation": TEST,
}
_ENDING = re.compile(r"[ _.-]*(set|split|data|audio)$")
_EXPECTED = "folders such as train, validation and test, with one folder for each class in each of them"


def split_named(name: str) -> str:
    """Return the split that a folder or a cell of a table names; empty if it names none.

    >>> split_named("Train"), split_named("Validation_Set"), split_named("test"), split_named("owl")
    ('train', 'validation', 'test', '')
    """
    return _NAMES.get(_ENDING.sub("", name.strip().casefold()), "")


@dataclass(frozen=True, kw_only=True)
class SplitFolders:
    """The folders of a collection that say to which split their recordings belong.

    Args:
        splits: the split of each folder, by its path with a slash at its end. The folders of the classes lie
            directly in it. Empty if the collection is not divided by folders.
        beside: folders beside them that hold recordings, but name no split.
    """

    splits: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    def split_of(self, path: str) -> str:
        """Return the split of a recording by its folder; empty if no folder says it."""
        return next((split for folder, split in self.splits.items() if path.startswith(folder)), "")

    def class_path(self, path: str) -> str:
        """Return the path of a recording from its class folder on. Without split folders it is the path."""
        if not self.splits:
            return path
        folder = next((folder for folder in self.splits if path.startswith(folder)), None)
        return path.rpartition("/")[2] if folder is None else path[len(folder) :]


def find_split_folders(paths: Iterable[str], splits: str) -> SplitFolders:
    """Find the folders that divide a collection.

    They lie directly in the collection, or in the one folder that everything lies in, such as
    ``Development_Set/Train``. With ``auto``, there must be one for training and another one, each with
    folders in it, because ``train`` alone may be a class. If other folders lie beside them, nobody knows
    which are classes.

    Args:
        paths: paths of the recordings, relative to the folder of the collection.
        splits: the value of ``[index] splits``.

    Raises:
        InputError: the folders have to divide the collection, but there are none; or folders that divide it
            lie beside others, and ``splits`` does not say which counts.
    """
    if splits == "drawn":
        return SplitFolders()
    listed = list(paths)
    wrapped = {path.partition("/")[0] for path in listed if "/" in path}
    for prefix in ("", *(f"{name}/" for name in sorted(wrapped) if len(wrapped) == 1 or splits == "folders")):
        inside = [path[len(prefix) :] for path in listed if path.startswith(prefix)]
        folders = {path.partition("/")[0] for path in inside if "/" in path}
        named = {name: split_named(name) for name in sorted(folders) if split_named(name)}
        beside = tuple(sorted(folders - named.keys()))
        deep = {path.partition("/")[0] for path in inside if path.count("/") > 1}
        found = {named[name] for name in named if name in deep}
        if TRAIN in found and len(found) > 1:
            if splits != "folders" and beside:
                raise _half_divided(prefix, named, beside)
            return SplitFolders(splits={f"{prefix}{name}/": named[name] for name in named}, beside=beside)
    if splits == "folders":
        raise InputError(
            f"no folders divide the recordings, there are {first_names(sorted(wrapped)) or 'no folders'}",
            where="[index] splits",
            expected=_EXPECTED,
            remedy='[index] splits = "drawn" divides the recordings by their names',
        )
    return SplitFolders()


def _half_divided(prefix: str, named: Iterable[str], beside: tuple[str, ...]) -> InputError:
    return InputError(
        f"the folders {first_names([prefix + name for name in named])} seem to divide the recordings, but "
        f"beside them lies {first_names([prefix + name for name in beside], most=3)}",
        where="[index] root",
        expected="either folders for training, validation and test, or one folder for each class",
        remedy=(
            "move the folders that are neither away, or name them in another [index] root",
            '[index] splits = "folders" takes these folders, and leaves out those beside them',
            '[index] splits = "drawn" makes each of these folders a class',
        ),
    )


def described(folders: SplitFolders) -> Iterable[str]:
    """Say which folders divide the recordings."""
    if not folders.splits:
        return
    parts = [
        f"{first_names([name.rstrip('/') for name, of in folders.splits.items() if of == split])} ({split})"
        for split in SPLITS
        if split in folders.splits.values()
    ]
    yield (
        f"the recordings are divided by the folders {', '.join(parts)} "
        '([index] splits = "drawn" divides them anew)'
    )
    if folders.beside:
        yield f"left out, as they lie beside these folders: {first_names(folders.beside)}"
