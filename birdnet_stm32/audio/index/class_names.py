"""What a class folder is called and what its name means.

A class is called by its folder's name in Unicode's composed form (NFC). Folders whose names differ in that
form only are one class: macOS writes one form and most other systems another, nobody can tell them apart on a
screen, and whoever copied recordings from two machines meant one class.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

from birdnet_stm32.config.variant import IndexTable
from birdnet_stm32.errors import InputError

# Folders that BirdNET-Analyzer trains as "none of the classes", in any case.
_NO_EVENT = frozenset({"background", "noise", "other", "silence"})
_NEGATIVE = "-"  # before a species, it marks recordings that do not hold it
NAMED_FOR_SEVERAL = "is named for several classes"
STARTS_WITH_UNDERSCORE = "starts with _ and is not named as background"
_SEVERAL = ","  # between species, it marks recordings that hold all of them

# Control characters, half a surrogate pair, line and paragraph separators: they end or hide a line of a list.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})


def label_of(path: str) -> str:
    """Return the class of a recording by its path: the name of its folder below the root, or nothing."""
    folder, separator, _ = path.partition("/")
    return unicodedata.normalize("NFC", folder) if separator else ""


def decodable(path: str) -> str:
    r"""Return a path with each byte that is not UTF-8 written as ``\xe9``; any other path as it is."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_background_by_convention(label: str) -> bool:
    """Return whether BirdNET-Analyzer takes the recordings of a folder for none of the classes."""
    return label.casefold() in _NO_EVENT or (label.startswith(_NEGATIVE) and label != _NEGATIVE)


def classes_of_folder(label: str, labels: Collection[str]) -> tuple[str, ...]:
    """Return the classes that a folder's recordings hold together, by BirdNET-Analyzer's convention.

    Args:
        label: of the folder.
        labels: of all folders; a comma in a name means something only if a part of it is one of them.
    """
    parts = tuple(part.strip() for part in label.split(_SEVERAL))
    return parts if len(parts) > 1 and any(part in labels for part in parts) else ()


def background_folders(
    labels: Collection[str], table: IndexTable, classes: Collection[str] = ()
) -> frozenset[str]:
    """Return the folders that hold none of the classes.

    Args:
        labels: of all folders.
        table: names some, and says whether others are recognised by their names.
        classes: of a model: a folder that is called like one of them holds that class.
    """
    recognised = {
        label
        for label in labels
        if table.conventions != "none" and label not in classes and is_background_by_convention(label)
    }
    return frozenset(table.background) | recognised


def check_class_names(labels: Iterable[str]) -> None:
    """Refuse names of class folders that no list of labels can hold, or that some systems take for one.

    Raises:
        InputError: a control character in a name, a name of blanks, or two names that differ in upper and
            lower case, blanks or invisible characters only.
    """
    taken: dict[str, str] = {}
    for label in sorted(labels):
        if not label.strip() or any(unicodedata.category(one) in _REFUSED for one in label):
            raise InputError(
                f"the class folder {label!a} has no name for a class: blanks only, a line break or another "
                "control character",
                where="[index] root",
                expected="a name that is one line of text: it becomes a line of labels.txt",
                remedy="rename the folder",
            )
        other = taken.setdefault(_to_the_eye(label), label)
        if other != label:
            raise InputError(
                f"the class folders {other!r} and {label!r} differ in upper and lower case, blanks or "
                "invisible characters only",
                where="[index] root",
                expected="one folder for each class: on some systems, or to the eye, these two are one",
                remedy="put their recordings into one folder, or rename one",
            )


def _to_the_eye(label: str) -> str:
    """Return a name without what no reader sees: case, kinds and numbers of blanks, invisible characters."""
    folded = unicodedata.normalize("NFC", label.casefold())
    return " ".join("".join(one for one in folded if unicodedata.category(one) != "Cf").split())
