"""The embeddings of events as Parquet: a row for each event, with its file, times, class and score."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.event_rows import TableSettings, rows_of
from birdnet_stm32.tflite.embedding import EmbeddingTensor


def embeddings_parquet(
    embedded: Sequence[tuple[DetectedRecording, Sequence[NDArray[np.int8]]]],
    settings: TableSettings,
    embedding: EmbeddingTensor,
    *,
    model_sha256: str,
) -> bytes:
    """Return the file. The metadata of its schema say how the integers become real numbers.

    Args:
        embedded: recordings, and the embedding of each of their events, int8 ``[dimensions]``.
        settings: as for the tables of events.
        embedding: scale and zero point.
        model_sha256: SHA-256 of the model; embeddings of another one cannot be compared with these.
    """
    rows = [row for recording, _ in embedded for row in rows_of(recording, settings)]
    vectors = [vector for _, of_recording in embedded for vector in of_recording]
    dimensions = len(vectors[0]) if vectors else 0
    flat = np.concatenate(vectors) if vectors else np.zeros(0, np.int8)
    grid = {"scale": repr(embedding.scale), "zero_point": str(embedding.zero_point)}
    columns = {
        "file": pyarrow.array([row.file for row in rows], pyarrow.string()),
        "start_s": pyarrow.array([row.start_ms / 1_000 for row in rows], pyarrow.float64()),
        "end_s": pyarrow.array([row.end_ms / 1_000 for row in rows], pyarrow.float64()),
        "label": pyarrow.array([row.label for row in rows], pyarrow.string()),
        "score": pyarrow.array([row.score for row in rows], pyarrow.float32()),
        "embedding": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat, pyarrow.int8()), dimensions)
        if vectors
        else pyarrow.array([], pyarrow.list_(pyarrow.int8())),
    }
    content = io.BytesIO()
    table = pyarrow.table(columns).replace_schema_metadata({**grid, "model": model_sha256})
    pyarrow.parquet.write_table(table, content, compression="zstd")
    return content.getvalue()
