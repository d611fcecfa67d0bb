from __future__ import annotations

import numpy as np
import pytest

from birdnet_stm32.audio.decoding import levels


def test_a_full_scale_square_wave_is_0_db():
    powers = levels.frame_powers(np.tile(np.float32([1, -1]), 8_000), 8_000)
    assert len(powers) == 100
    assert levels.rms_db(powers) == 0.0
    assert levels.snr_db(powers) == 0.0


def test_a_rare_call_stands_out_by_its_level():
    samples = np.full(8_000, 0.001, np.float32)
    samples[4_000:5_000] = 0.1
    assert levels.snr_db(levels.frame_powers(samples, 8_000)) == pytest.approx(40, abs=0.01)


def test_digital_silence_reads_the_floor():
    powers = levels.frame_powers(np.zeros(10, np.float32), 8_000)
    assert (levels.rms_db(powers), levels.snr_db(powers)) == (-120.0, 0.0)
