"""Decodes every recording of training and validation once, into shards, and lists its windows.

The recordings that only measure accuracy have a stage of their own, ``evaluation_windows``. So a model is
not trained again when only they change.

``shards/`` holds the samples: mono, int16, little-endian, at the model's sample rate, one recording after the
other. ``recordings.parquet`` says where each recording is, ``windows.parquet`` has a row for each window, and
``label_sets.parquet`` says what the windows hold. ``left_out.tsv`` lists for people the windows that
``[windows] select`` leaves out.

A later run decodes only recordings that changed: ``local_decoding.json`` says how the others were decoded.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.shards.activity import check_band
from birdnet_stm32.audio.shards.decoded_windows import DecodedBefore, decode_windows
from birdnet_stm32.audio.shards.window_choice import write_left_out
from birdnet_stm32.audio.shards.window_table import write_window_set
from birdnet_stm32.audio.shards.write_shards import decoder_fingerprint
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.engine.manifest import read_manifest
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.float_model import window_shape
from birdnet_stm32.stages.inputs.index import read_index, read_segments
from birdnet_stm32.stages.inputs.recordings import recordings_root
from birdnet_stm32.terminal_text import counted

DECODING = "local_decoding.json"
LEFT_OUT = "left_out.tsv"


def run(job: Job) -> Outcome:
    """Decode what is new, and list the windows."""
    return publish_windows(job, (recording_split.TRAIN, recording_split.VALIDATION))


def publish_windows(job: Job, splits: Collection[str]) -> Outcome:
    """Decode what is new of some splits, and list the windows."""
    settings, shape = job.variant.windows, window_shape(job)
    check_band(settings.band_hz, shape.sample_rate_hz)
    rows = [row for row in read_index(job.inputs["index"]) if row.usable and row.split in splits]
    with track("decode") as report:
        windows, work = decode_windows(
            rows,
            recordings_root(job.release),
            shape,
            settings,
            job.out,
            segments=read_segments(job.inputs["index"]),
            before=_decoded_before(job.previous),
            report=report,
        )
    write_window_set(windows, settings.band_hz, job.out)
    write_left_out(windows, job.out / LEFT_OUT)
    decoding = {"decoded_by": decoder_fingerprint(), "decoded": work.decoded, "copied": work.copied}
    (job.out / DECODING).write_text(canonical_json(decoding), encoding="utf-8")
    shards = len({one.shard for one in windows.recordings})
    left_out = int(np.count_nonzero(~windows.in_split(recording_split.TRAIN).chosen))
    # Those of validation recordings, which [train] refit learns from, are listed but not counted.
    return Outcome(
        summary=f"{counted(len(windows), 'window')} of {shape.window_samples / shape.sample_rate_hz:g} s of "
        f"{counted(len(rows), 'recording')} in {counted(shards, 'shard')}"
        + (f"; {left_out} not learned from: see {LEFT_OUT}" if left_out else ""),
        measures={"windows": len(windows), "left_out": left_out, "shards": shards},
    )


def _decoded_before(previous: Path) -> DecodedBefore | None:
    """Return what an earlier run of the same decoder published; None if there is nothing to use."""
    manifest = read_manifest(previous)
    try:
        decoding = json.loads((previous / DECODING).read_text(encoding="utf-8"))
        same = decoding["decoded_by"] == decoder_fingerprint()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None  # a cache that is missing or broken: everything is decoded again
    return DecodedBefore(folder=previous, digests=manifest.outputs) if manifest and same else None
