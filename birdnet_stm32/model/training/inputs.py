"""What the network is fed for many windows, one batch after the other, pass after pass."""

from __future__ import annotations

from collections.abc import Iterator

from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.training.examples import Windows
from birdnet_stm32.model.training.targets import Floats

BATCH = 64  # windows


class Inputs:
    """The features of windows. As many batches as fit are kept in memory from the first pass on.

    Args:
        windows: int16 ``[n, samples]``.
        spec: the front end.
        kept_bytes: greatest size of the batches that are kept.
    """

    def __init__(self, windows: Windows, spec: FrontendSpec, *, kept_bytes: int = 0) -> None:
        self._windows, self._spec, self._free_bytes = windows, spec, kept_bytes
        self._kept: dict[tuple[int, int], Floats] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def batches(self, inside: slice) -> Iterator[Floats]:
        """Yield the features of the windows from ``inside.start`` to ``inside.stop`` in batches."""
        for start in range(inside.start, inside.stop, BATCH):
            yield self._batch(start, min(start + BATCH, inside.stop))

    def _batch(self, start: int, stop: int) -> Floats:
        if (start, stop) in self._kept:
            return self._kept[start, stop]
        batch = features(self._windows[start:stop], self._spec)
        if batch.nbytes <= self._free_bytes:
            self._free_bytes -= batch.nbytes
            self._kept[start, stop] = batch
        return batch
