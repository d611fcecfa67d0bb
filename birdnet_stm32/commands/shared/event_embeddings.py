"""Write the embedding of each event."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.commands.shared.detector import Detector, make_scorer
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.outputs import Writer
from birdnet_stm32.detect.event_embeddings import event_embeddings
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.embeddings_table import embeddings_parquet
from birdnet_stm32.detect.tables.event_rows import TableSettings
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted, printable
from birdnet_stm32.tflite.embedding import EmbeddingTensor, embeddings


def write_embeddings(
    writer: Writer,
    path: Path,
    recordings: Sequence[DetectedRecording],
    detector: Detector,
    embedding: EmbeddingTensor,
    settings: TableSettings,
) -> None:
    """Compute the embedding of each event, and write all of them to one file.

    Args:
        writer: of the command.
        path: the Parquet file.
        recordings: the recordings with their events.
        detector: what found them.
        embedding: the embedding of the model.
        settings: as for the tables of events.
    """
    scorer, spec = make_scorer(detector), detector.contract.frontend
    heard = [one for one in recordings if one.events]
    embedded = []
    with track("embeddings") as report:
        for done, recording in enumerate(heard, start=1):
            found = event_embeddings(
                recording,
                scorer,
                lambda windows: embeddings(detector.tflite, embedding, features(windows, spec)),
                detector.rules,
                channel=detector.channel,
            )
            if isinstance(found, Unusable):
                print_warning(f"no embeddings of {printable(recording.path)}: {found.reason}")
            else:
                embedded.append((recording, found))
            report(done, len(heard))
    sha256 = hashlib.sha256(detector.tflite).hexdigest()
    writer.write(path, embeddings_parquet(embedded, settings, embedding, model_sha256=sha256))
    print_message(f"{counted(sum(len(found) for _, found in embedded), 'embedding')}: {path}")
