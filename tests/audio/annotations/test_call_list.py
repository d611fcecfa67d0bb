"""Calls are kept exactly, also those of recordings without calls; sentences say what is not used."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.audio.annotations.annotated_folder import AnnotatedFolder, AnnotatedRecording, UnmappedName
from birdnet_stm32.audio.annotations.annotation_notes import annotation_notes
from birdnet_stm32.audio.annotations.call_list import read_calls, write_calls
from birdnet_stm32.audio.annotations.call_spans import AnnotatedCall

CALLS = (
    AnnotatedCall(label="Wren", start_s=0.1, end_s=0.3, snr_db=4.2),
    AnnotatedCall(label="Owl", start_s=2.0, end_s=2.5),
)
FOUND = AnnotatedFolder(
    recordings=(
        AnnotatedRecording(path="a.wav", duration_s=90, calls=CALLS, tables=("a.txt",), other_calls=3),
        AnnotatedRecording(path="b.wav", duration_s=60, calls=(), tables=("b.txt",), other_calls=0),
    ),
    without_table=("c.wav",),
    tables_without_recording=("all.csv: d",),
    unmapped=(
        UnmappedName(name="Wern", calls=2, suggestion="did you mean Wren?"),
        UnmappedName(name="", calls=1, suggestion=""),
    ),
    notes=("said twice: 1 call, counted once (in a.txt)",),
)


def test_calls_are_kept(tmp_path: Path) -> None:
    write_calls(FOUND.recordings, tmp_path / "calls.parquet", below="soundscapes/")
    assert read_calls(tmp_path / "calls.parquet") == {"soundscapes/a.wav": CALLS, "soundscapes/b.wav": ()}


def test_sentences() -> None:
    assert annotation_notes(FOUND) == (
        "1 recording without a table not used: c.wav",
        "tables, or names in tables, without a recording: all.csv: d",
        "3 calls of 2 names that no class of the model has: Wern (2, did you mean Wren?), (no name) (1). "
        "They count as other sounds; if one means a class, a table of names says so "
        "([evaluate] names, --names)",
        "said twice: 1 call, counted once (in a.txt)",
    )
