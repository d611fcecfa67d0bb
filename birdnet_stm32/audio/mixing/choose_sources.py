"""Choose the recordings that may be mixed: usable ones, which no model learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.audio.index.class_names import is_background_by_convention, label_of
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.mixing.labels_table import TEST, LabelledFile, LabelsTable
from birdnet_stm32.audio.mixing.mix_settings import Source

_LEARNED = "a model learned from it"


@dataclass(frozen=True, kw_only=True)
class ChosenSources:
    """The recordings of a folder that may be mixed.

    Args:
        sources: these, by path.
        left_out: number of other recordings, by reason.
        outside_table: whether the table names no recording of the folder, so that it decides nothing.
    """

    sources: tuple[Source, ...]
    left_out: Mapping[str, int]
    outside_table: bool


def choose_sources(
    root: Path,
    files: Iterable[MeasuredFile],
    *,
    holds_classes: bool,
    learned: Mapping[str, str],
    table: LabelsTable | None,
) -> ChosenSources:
    """Return the recordings of a folder that may be mixed.

    Args:
        root: the folder.
        files: its recordings.
        holds_classes: its folders are classes, so folders of background among them are left out. Otherwise
            it is a folder of background, whose own name is the kind of the recordings directly in it.
        learned: the use of each recording that a model learned from, by SHA-256.
        table: labels and splits of recordings; None if there is no such table.
    """
    recordings = [one for one in files if not one.stat.is_folder]
    rows = {} if table is None else {one.stat.path: table.find(root, one.stat.path) for one in recordings}
    outside = table is not None and not any(rows.values())
    chosen: list[Source] = []
    left_out: Counter[str] = Counter()
    for file in recordings:
        row = rows.get(file.stat.path)
        label = (row.label if row is not None else "") or label_of(file.stat.path)
        if isinstance(file.content, Unusable):
            reason = file.content.reason.partition(":")[0]
        elif file.digest in learned:
            reason = _LEARNED
        elif table is not None and not outside and row is None:
            reason = "not in the table"
        elif row is not None and table is not None and table.has_splits and row.split != TEST:
            reason = f"its split is {row.split or 'empty'}, not {TEST}"
        elif misplaced := _misplaced(label, row, holds_classes=holds_classes):
            reason = misplaced
        else:
            chosen.append(
                Source(
                    root=str(root),
                    path=file.stat.path,
                    label=label or root.resolve().name,
                    digest=file.digest,
                )
            )
            continue
        left_out[reason] += 1
    return ChosenSources(
        sources=tuple(sorted(chosen, key=lambda one: one.path)), left_out=left_out, outside_table=outside
    )


def _misplaced(label: str, row: LabelledFile | None, *, holds_classes: bool) -> str:
    """Return why a recording of background is none of a class, or the other way round; empty if it fits."""
    said = row.background if row is not None else None
    if not holds_classes:
        return "the table says that it is no background" if said is False else ""
    if not label:
        return "it lies in no class folder"
    by_name = label.startswith("_") or is_background_by_convention(label)
    return "it is background" if said or (said is None and by_name) else ""
