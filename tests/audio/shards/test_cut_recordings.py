"""What windows hold: by the recording, or by segments."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.index.segments import SegmentRow
from birdnet_stm32.audio.shards.cut_recordings import heard_label_sets, sharded_recordings
from birdnet_stm32.audio.shards.label_sets import LabelSet
from birdnet_stm32.audio.shards.shard_plan import Place
from birdnet_stm32.audio.windows.window_positions import WindowShape

SHAPE = WindowShape(sample_rate_hz=8_000, window_samples=16_000, hop_samples=8_000)


def row(path: str, **changes: object) -> IndexRow:
    label = path.split("/")[0]
    fields: dict[str, object] = {"path": path, "label": label, "recording": path, "split": "train"}
    fields |= {"background": label == "rain", "digest": "", "size_bytes": 1, "duration_s": 10.0}
    fields |= {"rate_hz": 8_000, "channels": 1, "rms_db": -9.0, "snr_db": 9.0, "reason": ""}
    return IndexRow(**fields | changes)  # type: ignore[arg-type]


def sets_of(
    one: IndexRow, *segments: SegmentRow, starts_s: tuple[float, ...] = (0, 1, 2, 3, 4)
) -> list[LabelSet]:
    (recording,) = sharded_recordings([one], [Place(shard="all.pcm", first_sample=0)], SHAPE.sample_rate_hz)
    labels_of = heard_label_sets([one], segments, SHAPE)
    starts = (np.array(starts_s) * SHAPE.sample_rate_hz).astype(np.int64)
    return list(labels_of(recording, starts))


def test_every_window_of_a_recording_holds_its_class() -> None:
    assert sets_of(row("owl/1.wav")) == [LabelSet(positives=("owl",))]
    assert sets_of(row("rain/1.wav")) == [LabelSet()]


def test_secondary_species_are_unjudged() -> None:
    assert sets_of(row("owl/1.wav", secondary="tit\towl\tcrow")) == [
        LabelSet(positives=("owl",), unjudged=("crow", "tit"))
    ]


def test_windows_of_a_recording_with_segments_hold_what_they_cover() -> None:
    call = SegmentRow(path="owl/1.wav", start_s=2.9, end_s=4.0, label="owl")
    other = SegmentRow(path="owl/1.wav", start_s=5.5, end_s=9.0, label="tit")
    assert sets_of(row("owl/1.wav", secondary="crow"), call, other) == [
        LabelSet(unjudged=("crow",)),
        LabelSet(unjudged=("crow", "owl")),
        LabelSet(positives=("owl",), unjudged=("crow",)),
        LabelSet(positives=("owl",), unjudged=("crow",)),
        LabelSet(unjudged=("crow", "tit")),
    ]
