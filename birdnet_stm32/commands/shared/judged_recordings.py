"""Find the recordings by which the command evaluate judges models."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from birdnet_stm32.audio.index.annotated_rows import annotated_rows
from birdnet_stm32.audio.index.measurements import measure_files
from birdnet_stm32.audio.index.recording_index import ANNOTATED, IndexRow, list_recordings
from birdnet_stm32.audio.mixing.mixed_sources import mixed_sources
from birdnet_stm32.audio.shards.decoded_windows import decode_windows
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.splits.recording_split import TEST
from birdnet_stm32.commands.shared import labelled_folder
from birdnet_stm32.commands.shared.messages import print_warning
from birdnet_stm32.commands.shared.variant_option import published_folder
from birdnet_stm32.config.accuracy_tables import Source
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.engine.release import Release
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.accuracy_document import LeftOut
from birdnet_stm32.evaluate.scored_windows import Call
from birdnet_stm32.files.regular_file import real_path
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.annotated_calls import calls_of, read_calls
from birdnet_stm32.stages.inputs.windows import open_window_set


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedRecordings:
    """Recordings to judge models by.

    Args:
        name: what they are called: the name of their folder or of the variant.
        source: where they come from.
        windows: their windows.
        calls: the calls of each annotated recording, by its path.
        unusable: recordings that are not used, by reason.
        mixed_from: SHA-256 of the recordings that soundscapes were mixed from.
    """

    name: str
    source: Source
    windows: WindowSet
    calls: Mapping[str, tuple[Call, ...]]
    unusable: tuple[LeftOut, ...] = ()
    mixed_from: frozenset[str] = frozenset()


def held_out_of_variant(release: Release) -> JudgedRecordings:
    """Return the recordings that the pipeline held out of a variant.

    Raises:
        InputError: the stages index and windows have published nothing.
    """
    if release.variant.evaluate.folds is not None:
        raise InputError(
            "holds nothing out: every recording was scored by the model of a fold",
            where=release.path,
            expected="recordings that the model did not learn from",
            remedy=(
                f"doit evaluate:{release.name} measures it, and the report shows the result",
                "--data_path_test or --soundscapes: judge the model by other recordings",
            ),
        )
    windows = open_window_set(published_folder(release, "evaluation_windows"))
    return JudgedRecordings(
        name=release.name,
        source=release.variant.evaluate.source,
        windows=windows,
        calls=read_calls(published_folder(release, "index")),
    )


def labelled_recordings(options: argparse.Namespace, contract: ModelContract, work: Path) -> JudgedRecordings:
    """Decode the recordings of a folder that has one folder for each class.

    Args:
        options: ``data_path_test`` and the options of ``labelled_folder.add_folder``.
        contract: the model.
        work: an existing folder for decoded windows.

    Raises:
        InputError: the folder holds no class of the model, or nothing usable.
    """
    root = options.data_path_test
    rows = labelled_folder.index_folder(
        root, options, train_every_label=False, classes=contract.labels, splits=False
    )
    labelled_folder.require_common_class(rows, contract, root)
    return _decoded(root, rows, {}, contract, work, source="folder")


def annotated_recordings(
    options: argparse.Namespace, contract: ModelContract, work: Path
) -> JudgedRecordings:
    """Decode the recordings of a folder whose calls are annotated.

    Args:
        options: ``soundscapes``, ``names``, ``species_column`` and ``channel``.
        contract: the model.
        work: an existing folder for decoded windows.

    Raises:
        InputError: a table is wrong, or nothing in the folder belongs together.
    """
    root = options.soundscapes
    files = list_recordings(root, expected=ANNOTATED)
    with track("recordings") as report:
        measured = measure_files(root, files, {}, channel=options.channel, report=report)
    found = annotated_rows(
        root,
        measured,
        contract.labels,
        names=options.names,
        window_s=contract.frontend.window_s,
        species_column=options.species_column,
    )
    for note in found.notes:
        print_warning(note)
    judged = _decoded(root, found.rows, calls_of(found.recordings), contract, work, source="soundscapes")
    return replace(judged, mixed_from=mixed_sources(root))


def _decoded(
    root: Path,
    rows: Sequence[IndexRow],
    calls: Mapping[str, tuple[Call, ...]],
    contract: ModelContract,
    work: Path,
    *,
    source: Source,
) -> JudgedRecordings:
    used = [replace(row, split=TEST) for row in rows if row.usable]
    with track("decode") as report:
        windows, _ = decode_windows(
            used, root, contract.frontend.window_shape, WindowsTable(), work, report=report
        )
    reasons = Counter(row.reason for row in rows if not row.usable)
    return JudgedRecordings(
        name=real_path(root).name,
        source=source,
        windows=windows,
        calls=calls,
        unusable=tuple(LeftOut(reason=reason, count=count) for reason, count in sorted(reasons.items())),
    )
