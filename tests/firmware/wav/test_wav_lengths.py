"""Headers of recorders that lost power, and what follows the audio: the firmware finds the host's end."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from birdnet_stm32.audio.decoding.decode import Unusable
from tests.firmware.wav.conftest import (
    EMPTY,
    HEADER,
    OK,
    CRead,
    Request,
    chunk,
    plain_format,
    riff,
)
from tests.firmware.wav.test_wav_samples import assert_equal, on_host

GUANO = chunk(b"guan", b"GUANO|Version: 1.0\nx:y")
INFO = chunk(b"LIST", b"INFO")
BEXT = chunk(b"bext", bytes(602))
PCM = np.random.default_rng(3).integers(-9_000, 9_000, 2_600).astype("<i2")


def wav(data_bytes: int, *, before: bytes = b"", after: bytes = b"", pcm: np.ndarray = PCM) -> bytes:
    channels = 1 if pcm.ndim == 1 else pcm.shape[1]
    data = b"data" + struct.pack("<I", data_bytes) + pcm.tobytes()
    return riff(before, plain_format(channels=channels), data, after)


@pytest.mark.parametrize(
    "data_bytes", [0, 36, 44, 488, 0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 1_000, 4_000, 10**6]
)
def test_a_header_without_its_length_is_read_to_the_end_but_not_into_other_chunks(
    tmp_path: Path, c_read: CRead, data_bytes: int
) -> None:
    files = [
        wav(data_bytes, before=before, after=after)
        for before in (b"", INFO, BEXT, GUANO + BEXT)
        for after in (b"", GUANO, INFO, BEXT + GUANO)
    ]
    for found, content in zip(c_read([Request(content=content) for content in files]), files, strict=True):
        np.testing.assert_array_equal(found.pcm, PCM)
        assert len(found.notes) == 1
        assert_equal(found, on_host(tmp_path / "a.wav", content, 0))


@pytest.mark.parametrize(
    ("after", "notes"),
    [
        (b"", ()),
        (GUANO, ()),
        (GUANO[:-5], ()),
        (GUANO + bytes(300), ()),
        (b"TAG" + b"x" * 125, ()),
        (b"LYRICSBEGIN" + b"x" * 125, ()),
        (b"\0", ()),
        (b"\0" + GUANO, ()),
        (bytes(600), ("zeros after the audio",)),
        (wav(2_600), ("another WAV file follows in the same file",)),
        (b"nothing that a recorder writes" * 3, ("length wrong in the header",)),
    ],
)
def test_what_follows_the_audio_is_not_audio(
    tmp_path: Path, c_read: CRead, after: bytes, notes: tuple[str, ...]
) -> None:
    content = wav(PCM.nbytes, after=after)
    (found,) = c_read([Request(content=content)])
    assert found.notes == notes
    assert_equal(found, on_host(tmp_path / "a.wav", content, 0))


@pytest.mark.parametrize("form", [b"RF64", b"BW64"])
@pytest.mark.parametrize("promised", [PCM.nbytes, 0, 2**64 - 1, 1_000, 2**40])
def test_headers_of_64_bits(tmp_path: Path, c_read: CRead, form: bytes, promised: int) -> None:
    lengths = chunk(b"ds64", struct.pack("<QQQI", 100, promised, 0, 0))
    data = b"data" + b"\xff" * 4 + PCM.tobytes()
    content = riff(lengths, plain_format(), data, GUANO, form=form)
    (found,) = c_read([Request(content=content)])
    np.testing.assert_array_equal(found.pcm, PCM)
    assert len(found.notes) == (promised != PCM.nbytes)
    assert_equal(found, on_host(tmp_path / "a.wav", content, 0))


def test_two_chunks_of_audio_are_refused(tmp_path: Path, c_read: CRead) -> None:
    second = chunk(b"data", bytes(8))
    files = [wav(PCM.nbytes, after=second), wav(PCM.nbytes, after=GUANO + second)]
    for found, content in zip(c_read([Request(content=content) for content in files]), files, strict=True):
        assert (found.status, found.text) == (HEADER, "damaged header: it has two chunks of samples")
        assert isinstance(on_host(tmp_path / "a.wav", content, 0), Unusable)


def test_a_stub_of_a_lost_power_supply_and_a_reserved_file_hold_no_samples(c_read: CRead) -> None:
    empty = PCM[:0]
    files = [wav(size, pcm=empty) for size in (0, 44, 0xFFFF_FFFF)] + [wav(0, pcm=empty, after=bytes(9_000))]
    assert [found.status for found in c_read([Request(content=content) for content in files])] == [EMPTY] * 4


def test_zeros_that_were_reserved_are_kept(tmp_path: Path, c_read: CRead) -> None:
    content = wav(44, after=bytes(48_000))
    (found,) = c_read([Request(content=content)])
    assert len(found.pcm) == len(PCM) + 24_000
    assert_equal(found, on_host(tmp_path / "a.wav", content, 0))


@example(seed=0, length=2_500, data_bytes=5_006, channels=1, after=BEXT)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(2_500, 4_000),
    data_bytes=st.integers(0, 2**32 - 1) | st.integers(0, 25_000),
    channels=st.integers(1, 3),
    after=st.sampled_from([b"", GUANO, BEXT, bytes(800)]),
)
def test_a_lying_header_ends_where_the_host_ends(
    tmp_path: Path, c_read: CRead, seed: int, length: int, data_bytes: int, channels: int, after: bytes
) -> None:
    drawn = np.random.default_rng(seed).integers(-(2**15), 2**15, (length, channels)).astype("<i2")
    content = wav(data_bytes, after=after, pcm=drawn)
    chosen = range(1, channels + 1)
    for channel, found in zip(
        chosen, c_read([Request(content=content, channel=channel) for channel in chosen]), strict=True
    ):
        assert_equal(found, on_host(tmp_path / "a.wav", content, channel))


def test_a_source_that_fails_is_said_wherever_it_fails(c_read: CRead) -> None:
    files = [wav(0, before=INFO, after=GUANO), wav(PCM.nbytes), wav(PCM.nbytes, after=bytes(2_000))]
    for content in files:
        requests = [Request(content=content, most_reads=reads) for reads in range(1, 40)]
        statuses = [found.status for found in c_read(requests)]
        assert set(statuses) == {OK, 1}
        assert sorted(statuses, reverse=True) == statuses  # enough reads are enough


def test_a_tail_made_to_keep_a_reader_busy_ends_soon(c_read: CRead) -> None:
    busy = b"".join(b"LIST" + struct.pack("<I", 4) + b"LIST" for _ in range(20_000))
    (found,) = c_read([Request(content=wav(0xFFFF_FFFF, after=busy[:-3]))])
    assert found.status == OK
