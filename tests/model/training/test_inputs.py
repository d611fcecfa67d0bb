"""The features of windows, pass after pass."""

from __future__ import annotations

import numpy as np
import pytest

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.training.inputs import BATCH, Inputs


class Counted:
    """Windows that count how often one is read."""

    def __init__(self, windows: np.ndarray) -> None:
        self.windows, self.shape, self.read = windows, windows.shape, 0

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, key: slice) -> np.ndarray:
        self.read += len(self.windows[key])
        return self.windows[key]


@pytest.mark.parametrize(("kept_batches", "read"), [(0, 2 * (BATCH + 3)), (1, BATCH + 3 + 3), (2, BATCH + 3)])
def test_what_fits_is_computed_once(contract: ModelContract, kept_batches: int, read: int) -> None:
    spec = contract.frontend
    pcm = np.random.default_rng(0).integers(-9_000, 9_000, (BATCH + 3, spec.window_samples), dtype=np.int16)
    windows, batch_bytes = Counted(pcm), 4 * BATCH * int(np.prod(spec.input_shape))
    # The last batch is small; it fits only beside a whole one if there is room for two.
    inputs = Inputs(windows, spec, kept_bytes=kept_batches * batch_bytes)
    for _ in range(2):
        found = np.concatenate(list(inputs.batches(slice(0, len(inputs)))))
        np.testing.assert_array_equal(found, features(pcm, spec))
    assert windows.read == read
