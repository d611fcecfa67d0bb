"""Cut the windows of a recording while it is decoded, so that memory does not grow with its length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.windows.window_positions import WindowShape, cut_window

Pcm = NDArray[np.int16]


class StreamedWindows:
    """Windows of a recording that comes in blocks; they are those of ``WindowShape.starts``.

    Args:
        shape: length and hop of the windows.
        batch_windows: how many windows are given at once.
        use: called with windows, int16 ``[n, window_samples]``, and their first samples, in order.
    """

    def __init__(self, shape: WindowShape, batch_windows: int, use: Callable[[Pcm, list[int]], None]) -> None:
        self._shape = shape
        self._batch_windows = batch_windows
        self._use = use
        self._held = np.zeros(0, np.int16)  # what later windows, the last one too, may need
        self._first = 0  # position of the first held sample in the recording
        self._next = 0  # start of the next regular window
        self._windows: list[Pcm] = []
        self._starts: list[int] = []

    def take(self, block: Pcm) -> None:
        """Take the next samples of the recording, int16 ``[n]``."""
        self._held = np.concatenate([self._held, block])
        received = self._first + len(self._held)
        # A window that ends with what has come so far may be the last one, whose place the length decides.
        while self._next + self._shape.window_samples < received:
            self._cut(self._next)
            self._next += self._shape.hop_samples
        keep_from = min(self._next, max(0, received - self._shape.window_samples))
        if keep_from > self._first:
            self._held = self._held[keep_from - self._first :].copy()
            self._first = keep_from

    def end(self) -> int:
        """Cut the last window, which ends with the recording, and return the length of the recording.

        A recording that is shorter than a window is filled with zeros at its end.
        """
        samples = self._first + len(self._held)
        self._cut(max(0, samples - self._shape.window_samples))
        self._give()
        return samples

    def _cut(self, start: int) -> None:
        self._windows.append(cut_window(self._held, start - self._first, self._shape.window_samples))
        self._starts.append(start)
        if len(self._windows) == self._batch_windows:
            self._give()

    def _give(self) -> None:
        if self._windows:
            self._use(np.stack(self._windows), self._starts)
        self._windows, self._starts = [], []
