"""An index of real files, and the shards that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from birdnet_stm32.audio.index import build_index, measurements, recording_index
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.shards.decoded_windows import DecodedBefore, decode_windows
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.shards.window_table import write_window_set
from birdnet_stm32.audio.shards.write_shards import WrittenShards
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.engine.store import digest_outputs

RATE_HZ = 8_000
SHAPE = WindowShape(sample_rate_hz=RATE_HZ, window_samples=8_000, hop_samples=4_000)
CLIPS = IndexTable(background=("background",), recording=r"^(?P<recording>.+?)(__t\d+)?$")

Publish = Callable[..., tuple[WindowSet, WrittenShards]]


def index_of(root: Path) -> tuple[IndexRow, ...]:
    measured = measurements.measure_files(root, recording_index.list_recordings(root), {}, n_jobs=1)
    return tuple(
        row for row in build_index.build_index(measured, CLIPS, train_every_label=True) if row.usable
    )


@pytest.fixture
def publish(collection: Path, tmp_path: Path) -> Publish:
    """Return a function that decodes the collection into a folder, after what an earlier folder holds."""

    indexed: list[tuple[IndexRow, ...]] = []

    def write(
        name: str,
        before: str = "",
        *,
        shape: WindowShape = SHAPE,
        digests: Mapping[str, str] | None = None,
        index_again: bool = True,
        **settings: object,
    ) -> tuple[WindowSet, WrittenShards]:
        out, table = tmp_path / name, WindowsTable(**settings)
        out.mkdir()
        earlier = tmp_path / before
        digests = digests or digest_outputs(earlier if before else out)
        if index_again:
            indexed.append(index_of(collection))
        windows, work = decode_windows(
            indexed[-1],
            collection,
            shape,
            table,
            out,
            before=DecodedBefore(folder=earlier, digests=digests) if before else None,
            n_jobs=2,
        )
        write_window_set(windows, table.band_hz, out)
        return windows, work

    return write
