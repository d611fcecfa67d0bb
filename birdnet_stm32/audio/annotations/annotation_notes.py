"""Say in sentences what of a folder of annotated recordings is used, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.audio.annotations.annotated_folder import AnnotatedFolder, UnmappedName
from birdnet_stm32.terminal_text import counted, first_names, printable

_MOST_NAMES = 8


def annotation_notes(found: AnnotatedFolder) -> tuple[str, ...]:
    """Return sentences on what is not used, repaired or guessed."""
    other_calls = sum(one.calls for one in found.unmapped)
    return tuple(
        sentence
        for sentence in (
            f"{counted(len(found.without_table), 'recording')} without a table not used: "
            f"{first_names(found.without_table, most=3)}"
            if found.without_table
            else "",
            f"tables, or names in tables, without a recording: "
            f"{first_names(found.tables_without_recording, most=3)}"
            if found.tables_without_recording
            else "",
            f"{counted(other_calls, 'call')} of {counted(len(found.unmapped), 'name')} that no class of the "
            f"model has: {unmapped_text(found.unmapped)}. They count as other sounds; if one means a class, "
            "a table of names says so ([evaluate] names, --names)"
            if found.unmapped
            else "",
            *found.notes,
        )
        if sentence
    )


def unmapped_text(unmapped: Sequence[UnmappedName]) -> str:
    """Return the first names that do not mean a class, with their calls and what may be meant."""
    shown = []
    for one in unmapped[:_MOST_NAMES]:
        meant = f", {one.suggestion}" if one.suggestion else ""
        shown.append(f"{printable(one.name, longest=80) or '(no name)'} ({one.calls:,}{meant})")
    more = len(unmapped) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
