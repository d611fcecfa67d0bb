"""The filters that convert sample rates: what they pass and take away, and where sounds come to lie."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from birdnet_stm32.audio.decoding.decode import decoded_samples
from birdnet_stm32.audio.decoding.polyphase import INPUT_RATES_HZ, ResampleFilter, design_filter, resample
from birdnet_stm32.errors import InputError

PAIRS = [(rate_hz, 24_000) for rate_hz in INPUT_RATES_HZ] + [(48_000, 22_050), (32_000, 22_050)]


def response_db(designed: ResampleFilter) -> tuple[np.ndarray, np.ndarray]:
    """Return the gain in dB and its frequencies, from the coefficients as they are stored."""
    taps, up = designed.taps, designed.up
    places = np.arange(1 - taps // 2, taps // 2 + 1) * up - np.arange(up)[:, None]
    values = designed.coefficients / 2.0**designed.shift / up
    impulse = values.ravel()[np.argsort(places.ravel())]
    gains = np.abs(np.fft.rfft(impulse, 1 << 20))
    return 20 * np.log10(gains + 1e-9), np.fft.rfftfreq(1 << 20, 1 / (designed.input_rate_hz * up))


@pytest.mark.parametrize(("input_rate_hz", "output_rate_hz"), PAIRS)
def test_the_response_is_what_the_header_promises(input_rate_hz: int, output_rate_hz: int) -> None:
    gain_db, frequency_hz = response_db(design_filter(input_rate_hz, output_rate_hz))
    lower_hz = min(input_rate_hz, output_rate_hz)
    assert np.abs(gain_db[frequency_hz <= 0.45 * lower_hz]).max() < 0.01
    assert gain_db[frequency_hz >= 0.5 * lower_hz].max() < -67


@pytest.mark.parametrize(("input_rate_hz", "output_rate_hz"), PAIRS)
def test_a_constant_stays_a_constant_and_sums_fit(input_rate_hz: int, output_rate_hz: int) -> None:
    designed = design_filter(input_rate_hz, output_rate_hz)
    assert (designed.coefficients.sum(axis=1, dtype=np.int64) == 1 << designed.shift).all()
    assert np.abs(designed.coefficients.astype(np.int64)).sum(axis=1).max() << 15 < 2**47
    found = resample(np.full(4_000, -12_345, np.int16), designed)
    edge = designed.taps * output_rate_hz // input_rate_hz
    assert (found[edge:-edge] == -12_345).all()


@pytest.mark.parametrize(("input_rate_hz", "output_rate_hz"), PAIRS)
def test_sounds_come_to_lie_where_soxr_puts_them(input_rate_hz: int, output_rate_hz: int) -> None:
    time_s = np.arange(input_rate_hz // 4) / input_rate_hz
    sweep = 12_000 * np.sin(2 * np.pi * (200 + 4_000 * time_s) * time_s) * np.hanning(len(time_s))
    pcm = np.rint(sweep).astype(np.int16)
    found = resample(pcm, design_filter(input_rate_hz, output_rate_hz))
    expected = soxr.resample(pcm.astype(np.float64), input_rate_hz, output_rate_hz, quality="VHQ")
    assert len(found) == decoded_samples(len(pcm) / input_rate_hz, input_rate_hz, output_rate_hz)
    shared = slice(200, min(len(found), len(expected)) - 200)
    assert np.abs(found[shared] - expected[shared]).max() < 6  # what is left of mirrored frequencies


def test_full_scale_is_clipped() -> None:
    square = np.where(np.arange(2_000) // 40 % 2, 32_767, -32_768).astype(np.int16)
    found = resample(square, design_filter(48_000, 24_000))
    assert (found.max(), found.min()) == (32_767, -32_768)


@pytest.mark.parametrize("samples", [0, 1, 2, 3])
def test_recordings_of_hardly_a_sample(samples: int) -> None:
    designed = design_filter(44_100, 24_000)
    assert len(resample(np.full(samples, 9, np.int16), designed)) == designed.samples(samples)


@pytest.mark.parametrize(
    ("input_rate_hz", "output_rate_hz"), [(24_000, 24_000), (47_999, 24_000), (384_000, 8_000)]
)
def test_other_rates_are_refused_with_both_named(input_rate_hz: int, output_rate_hz: int) -> None:
    with pytest.raises(InputError, match=f"{input_rate_hz} Hz cannot be converted to {output_rate_hz} Hz"):
        design_filter(input_rate_hz, output_rate_hz)
