"""Name the classes: what a class folder is called, and what its name means.

The name of a class is the name of its folder in Unicode's composed form (NFC). Folders whose names differ
only in that form are one class. macOS writes another form than most systems, and nobody can tell the two
apart on a screen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError

# Folders that BirdNET-Analyzer takes for "none of the classes", in upper or lower case.
_NO_EVENT = frozenset({"background", "noise", "other", "silence"})
_NEGATIVE = "-"  # before the name of a species: recordings without this species
NAMED_FOR_SEVERAL = "is named for several classes"
STARTS_WITH_UNDERSCORE = "starts with _ and is not named as background"
_SEVERAL = ","  # between names of species: recordings that hold all of them

# Control characters, half a surrogate pair, line and paragraph separators: they end or hide a line of a list.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})


def label_of(path: str) -> str:
    """Return the class of a recording: the name of its folder below the root; empty without a folder.

    >>> label_of("owl/night/1.wav")
    'owl'
    """
    folder, separator, _ = path.partition("/")
    return unicodedata.normalize("NFC", folder) if separator else ""


def decodable(path: str) -> str:
    r"""Return a path with each byte that is not UTF-8 written as ``\xe9``. Other paths stay unchanged."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_background_by_convention(label: str) -> bool:
    """Return whether BirdNET-Analyzer takes the recordings in a folder of this name for none of the classes.

    >>> is_background_by_convention("Noise"), is_background_by_convention("-Tyto alba")
    (True, True)
    """
    return label.casefold() in _NO_EVENT or (label.startswith(_NEGATIVE) and label != _NEGATIVE)


def classes_of_folder(label: str, labels: Collection[str]) -> tuple[str, ...]:
    """Return the classes that the recordings of a folder hold together, by BirdNET-Analyzer's convention.

    Args:
        label: name of the folder.
        labels: names of all folders. A comma in a name has this meaning only if a part of the name is one of
            them.
    """
    parts = tuple(part.strip() for part in label.split(_SEVERAL))
    return parts if len(parts) > 1 and any(part in labels for part in parts) else ()


def background_folders(
    labels: Collection[str], table: IndexTable, classes: Collection[str] = ()
) -> frozenset[str]:
    """Return the folders that hold none of the classes.

    Args:
        labels: names of all folders.
        table: names some of them, and says whether others are recognised by their names.
        classes: classes of a model. A folder with the name of one of them holds that class.
    """
    recognised = {
        label
        for label in labels
        if table.conventions != "none" and label not in classes and is_background_by_convention(label)
    }
    return frozenset(table.background) | recognised


def check_class_names(labels: Iterable[str]) -> None:
    """Refuse names of class folders that no list of labels can hold, or that some systems take for equal.

    Args:
        labels: names of the folders.

    Raises:
        InputError: a name has a control character or only blanks; or two names differ only in upper and lower
            case, blanks or invisible characters.
    """
    taken: dict[str, str] = {}
    for label in sorted(labels):
        if not label.strip() or any(unicodedata.category(one) in _REFUSED for one in label):
            raise InputError(
                f"{label!a} is no name for a class: blanks only, a line break or another control character",
                where="[index] root",
                expected="a name that is one line of text: it becomes a line of labels.txt",
                remedy="rename the folder, or the label in the table of labels",
            )
        other = taken.setdefault(_to_the_eye(label), label)
        if other != label:
            raise InputError(
                f"the classes {other!r} and {label!r} differ in upper and lower case, blanks or "
                "invisible characters only",
                where="[index] root",
                expected="one name for each class: on some systems, or to the eye, these two are one",
                remedy="put their recordings into one folder, or give one another name",
            )


def _to_the_eye(label: str) -> str:
    """Return a name without what no reader sees: case, kind and number of blanks, invisible characters."""
    folded = unicodedata.normalize("NFC", label.casefold())
    return " ".join("".join(one for one in folded if unicodedata.category(one) != "Cf").split())
