"""A recording counts once, whatever the number of its files."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.release.model_card import ClassSplit
from birdnet_stm32.release.release_card import class_splits

ROW = IndexRow(
    path="wren/1.wav",
    label="wren",
    background=False,
    recording="1",
    split="train",
    digest="",
    size_bytes=1,
    duration_s=3.0,
    rate_hz=24_000,
    channels=1,
    rms_db=-9.0,
    snr_db=9.0,
    reason="",
)


def test_recordings_are_counted_by_what_they_serve_for() -> None:
    rows = [
        ROW,
        replace(ROW, path="wren/1b.wav"),
        replace(ROW, path="wren/2.wav", recording="2", split="test"),
        replace(ROW, path="wren/3.wav", recording="3", split="", reason="silent"),
        replace(ROW, path="noise/4.wav", label="noise", background=True, recording="4", split="validation"),
    ]
    assert class_splits(rows) == (
        ClassSplit(label="noise", background=True, train=0, validation=1, test=0),
        ClassSplit(label="wren", background=False, train=1, validation=0, test=1),
    )
