"""A recording gives the same int16 in the firmware as in the decoder of the host, for every encoding."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.decoding.decode import Decoded, Unusable
from tests.firmware.wav.conftest import OK, VALUES, CRead, CReading, Request, chunk, plain_format, riff

RATE_HZ = 24_000
INTEGERS = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32")
FLOATS = ("FLOAT", "DOUBLE")
FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # an example is a process


def on_host(path: Path, content: bytes, channel: int) -> Decoded | Unusable:
    path.write_bytes(content)
    return decode.decode_with_notes(path, sample_rate_hz=RATE_HZ, channel=channel, min_duration_s=0)


def assert_equal(found: CReading, host: Decoded | Unusable) -> None:
    assert isinstance(host, Decoded), host
    assert found.status == OK, found.text
    np.testing.assert_array_equal(found.pcm, host.pcm)
    kinds = [note.split(":")[0] for note in host.notes]
    # The host measures levels; the firmware reads and does not judge.
    kinds = [kind for kind in kinds if kind not in ("zeros at the end", "channels cancel in the mix")]
    assert [kind for kind in found.notes if kind != "beyond full scale"] == [
        kind for kind in kinds if kind != "beyond full scale"
    ]


def drawn(seed: int, samples: int, channels: int, subtype: str, gain: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if subtype in INTEGERS:
        values = rng.integers(-(2**31), 2**31, (samples, channels)) >> rng.integers(0, 20, (samples, 1))
        return values.astype(np.int32)
    values = rng.normal(0, gain, (samples, channels))
    # Halves between two integers, where rounding shows.
    halves = (rng.integers(-(2**15), 2**15, values.shape) + 0.5) / 2**15
    return np.where(rng.random(values.shape) < 0.3, halves, values)


@FEW
@given(
    seed=st.integers(0, 2**32 - 1),
    samples=st.integers(2, 1_500),
    gain=st.sampled_from([1e-3, 0.2, 1.0, 30.0]),
    as_extensible=st.booleans(),
)
def test_every_encoding_gives_what_the_host_decodes(
    tmp_path: Path, c_read: CRead, seed: int, samples: int, gain: float, as_extensible: bool
) -> None:
    requests, hosts = [], []
    for channels in range(1, 9):
        for subtype in (*INTEGERS, *FLOATS):
            stream = io.BytesIO()
            values = drawn(seed + channels, samples, channels, subtype, gain)
            kind = "WAVEX" if as_extensible else "WAV"
            soundfile.write(stream, values, RATE_HZ, subtype=subtype, format=kind)
            channel = (seed + len(requests)) % (channels + 1)
            requests.append(Request(content=stream.getvalue(), channel=channel, rate_hz=RATE_HZ))
            hosts.append(on_host(tmp_path / "a.wav", stream.getvalue(), channel))
    for found, host in zip(c_read(requests), hosts, strict=True):
        if isinstance(host, Unusable) and host.reason.startswith(("silent", "its channels cancel")):
            continue  # the host refuses what holds no sound; the firmware reads it
        assert_equal(found, host)


def test_halves_go_to_the_even_integer_and_full_scale_is_clipped(tmp_path: Path, c_read: CRead) -> None:
    steps = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 32_766.5, 32_767.4, 32_768, -32_768, 7.4999])
    content = riff(plain_format(tag=3, bits=32), chunk(b"data", (steps / 32_768).astype("<f4").tobytes()))
    (found,) = c_read([Request(content=content)])
    assert found.pcm.tolist() == [0, 2, 2, 0, -2, -2, 32_766, 32_767, 32_767, -32_768, 7]
    assert_equal(found, on_host(tmp_path / "a.wav", content, 0))


def test_a_file_beyond_full_scale_is_scaled_down_as_a_whole(tmp_path: Path, c_read: CRead) -> None:
    loud = np.array([0.25, -3.0, 1.5, 0.75], "<f8")
    content = riff(plain_format(tag=3, bits=64), chunk(b"data", loud.tobytes()))
    (found,) = c_read([Request(content=content)])
    assert found.notes == ("beyond full scale",)
    assert_equal(found, on_host(tmp_path / "a.wav", content, 0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2.2e9, -1e30, 1e300])
@pytest.mark.parametrize("kind", ["<f4", "<f8"])
def test_what_is_no_sample_is_refused_in_the_channel_that_is_read(
    tmp_path: Path, c_read: CRead, value: float, kind: str
) -> None:
    with np.errstate(over="ignore"):
        frames = np.array([[0.5, 0.25], [-0.5, value]]).astype(kind)
    content = riff(
        plain_format(tag=3, bits=8 * frames.itemsize, channels=2), chunk(b"data", frames.tobytes())
    )
    first, second, mixed = c_read([Request(content=content, channel=channel) for channel in (1, 2, 0)])
    assert_equal(first, on_host(tmp_path / "a.wav", content, 1))
    for found, channel in ((second, 2), (mixed, 0)):
        assert found.status == VALUES
        assert found.text == "it holds samples that are no number, infinite or beyond 2^31"
        assert isinstance(on_host(tmp_path / "a.wav", content, channel), Unusable)
