"""The options that name a folder of labelled recordings, with one folder for each class."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from birdnet_stm32.audio.audio_files import FileStat
from birdnet_stm32.audio.index.build_index import build_index
from birdnet_stm32.audio.index.class_names import decodable, label_of
from birdnet_stm32.audio.index.measurements import measure_files
from birdnet_stm32.audio.index.recording_index import IndexRow, count_notes, list_recordings
from birdnet_stm32.audio.index.recording_notes import index_notes
from birdnet_stm32.audio.index.split_folders import SplitFolders, described, find_split_folders
from birdnet_stm32.commands.shared.checked_options import checked_table, named_as_options, with_option_names
from birdnet_stm32.commands.shared.messages import print_warning
from birdnet_stm32.commands.shared.recording_option import add_channel_option
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted, first_names


def add_folder(parser: argparse.ArgumentParser, option: str, *, required: bool = True) -> None:
    """Add the options for the folder and for the way in which its files are read."""
    parser.add_argument(
        option, type=Path, required=required, metavar="DIR", help="folder with one folder for each class"
    )
    parser.add_argument(
        "--background",
        nargs="*",
        metavar="NAME",
        help="folders that hold none of the classes; default: those named background or starting with _",
    )
    parser.add_argument(
        "--conventions",
        choices=("birdnet-analyzer", "none"),
        default=IndexTable().conventions,
        help="convention for folder names; birdnet-analyzer: Background, Noise, Other, Silence and "
        "-Species are background too",
    )
    parser.add_argument(
        "--recording",
        metavar="REGEX",
        help="pattern for the stem of a file: clips of a class with the same group (?P<recording>...) are "
        "never split; default: every file is one recording",
    )
    parser.add_argument(
        "--recordings_span_classes",
        action="store_true",
        help="files of different classes with the same group, or stem, also belong to one recording",
    )
    parser.add_argument(
        "--splits",
        choices=("auto", "folders", "drawn"),
        default=IndexTable().splits,
        help="who divides the recordings: the folders train, validation and test in DIR, or the hash of the "
        "names (drawn); auto: such folders, if there are any",
    )
    parser.add_argument(
        "--untrained",
        nargs="*",
        default=[],
        metavar="NAME",
        help="folders that may have no usable recording when a model is trained",
    )
    add_channel_option(parser)
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="accepted because the 0.9 line has it: every run on one machine is deterministic",
    )


def index_folder(
    root: Path,
    options: argparse.Namespace,
    *,
    train_every_label: bool,
    classes: Sequence[str] = (),
    splits: bool = True,
) -> tuple[IndexRow, ...]:
    """Return the recordings of a folder. Print on standard error what a user has to know of them.

    Args:
        root: the folder.
        options: the options of :func:`add_folder`.
        train_every_label: a model is trained on every class of the folder.
        classes: classes of an existing model. A folder with the name of one holds this class.
        splits: the command uses the sides of the split for different purposes.

    Raises:
        InputError: there is no such folder, or nothing in it can be used.
    """
    if options.deterministic:
        print_warning("--deterministic has no effect: every run is deterministic")
    files = list_recordings(root)
    with named_as_options(option_names_of(root)):
        divided = find_split_folders(
            (decodable(file.path) for file in files if not file.is_folder), options.splits
        )
    table = checked_table(
        IndexTable,
        background=_background(options, files, divided),
        splits=options.splits,
        conventions=options.conventions,
        recording=options.recording,
        recordings_span_classes=options.recordings_span_classes,
        untrained=tuple(options.untrained),
        channel=options.channel or "mix",
    )
    with track("recordings") as report:
        measured = measure_files(root, files, {}, channel=options.channel, report=report)
    with named_as_options(option_names_of(root)):
        rows = build_index(measured, table, train_every_label=train_every_label, classes=classes, tests=False)
    found = index_notes(rows, table, train_every_label=train_every_label, classes=classes, splits=splits)
    for note in (*described(divided), *found):
        print_warning(with_option_names(note, option_names_of(root)))
    for kind, count in count_notes(rows):
        print_warning(f"{count} of {counted(len(rows), 'recording')}: {kind}")
    return rows


def option_names_of(root: Path) -> dict[str, str]:
    """Return the options and folders to name in errors, by the keys of a variant that the errors name."""
    return {
        "[index] background": "--background",
        "[index] recording": "--recording",
        "[index] splits": "--splits",
        "[index] conventions": "--conventions",
        "[index] untrained": "--untrained",
        "[index] channel": "--channel",
        "[index] root": str(root),
        "[index]": str(root),
        "[representative]": str(root),
    }


def _background(
    options: argparse.Namespace, files: Sequence[FileStat], divided: SplitFolders
) -> tuple[str, ...]:
    """Return the folders that the options name, or those named background or starting with _."""
    if options.background is not None:
        return tuple(options.background)
    paths = (divided.class_path(decodable(file.path)) for file in files if not file.is_folder)
    folders = set(map(label_of, paths)) - {""}
    return tuple(sorted(name for name in folders if name == "background" or name.startswith("_")))


def labels_of(rows: Sequence[IndexRow]) -> tuple[str, ...]:
    """Return the classes of usable recordings, without background, sorted."""
    return tuple(sorted({row.label for row in rows if row.usable and not row.background}))


def unknown_classes(rows: Sequence[IndexRow], labels: Collection[str]) -> tuple[str, ...]:
    """Return the classes of usable recordings, without background, that are not among ``labels``."""
    return tuple(label for label in labels_of(rows) if label not in set(labels))


def require_common_class(
    rows: Sequence[IndexRow], contract: ModelContract, root: Path, *, remedy: str | tuple[str, ...] = ()
) -> None:
    """Refuse a folder that holds no class of the model.

    Raises:
        InputError: there is no common class. The message names classes of both.
    """
    unknown = unknown_classes(rows, contract.labels)
    if not {row.label for row in rows if row.usable} & set(contract.labels):
        raise InputError(
            f"holds no class of the model, but {first_names(unknown, most=3)}",
            where=root,
            expected=f"folders named like the model's classes: {first_names(contract.labels, most=3)}",
            remedy=remedy,
        )
