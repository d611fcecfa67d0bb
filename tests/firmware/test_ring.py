"""The ring between a microphone and the network: no sample is repeated or missed without a word."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.paths import firmware_templates

RUNTIME = firmware_templates() / "runtime"
THREADS = Path(__file__).parents[1] / "c" / "ring_threads.c"
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-I{RUNTIME}"]
RING_BYTES = 256  # more than birdnet_ring_t has


class Window(ctypes.Structure):
    _fields_ = (("start_samples", ctypes.c_uint64), ("lost_samples", ctypes.c_uint32))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    built = tmp_path_factory.mktemp("ring") / "ring.so"
    subprocess.run(
        ["gcc", *STRICT, "-shared", "-fPIC", RUNTIME / "birdnet_ring.c", "-o", built], check=True, timeout=60
    )
    loaded = ctypes.CDLL(str(built))
    loaded.birdnet_ring_write.restype = ctypes.c_bool
    loaded.birdnet_ring_read.restype = ctypes.c_bool
    return loaded


@settings(deadline=None)
@given(
    window=st.integers(1, 12),
    spare=st.integers(0, 30),
    steps=st.lists(st.one_of(st.integers(0, 15), st.just(-1)), max_size=80),
    data=st.data(),
)
def test_windows_hold_the_stream_and_what_is_lost_is_counted(
    library: ctypes.CDLL, window: int, spare: int, steps: list[int], data: st.DataObject
) -> None:
    hop = data.draw(st.integers(1, window))
    capacity = window + spare
    ring, memory = ctypes.create_string_buffer(RING_BYTES), (ctypes.c_int16 * capacity)()
    library.birdnet_ring_init(ring, memory, capacity, window, hop)
    position = lost = told = 0
    stored: list[int] = []  # positions of samples that were stored
    expected: int | None = 0
    for step in steps:
        if step >= 0:
            block = np.arange(position, position + step, dtype=np.int16)
            if library.birdnet_ring_write(ring, block.ctypes.data_as(ctypes.c_void_p), step):
                stored += block.tolist()
            else:
                lost += step
            position += step
            continue
        pcm, found = (ctypes.c_int16 * window)(), Window()
        if library.birdnet_ring_read(ring, pcm, ctypes.byref(found)):
            start = found.start_samples
            assert list(pcm) == list(range(start, start + window))
            assert set(pcm) <= set(stored)
            told += found.lost_samples
            if not found.lost_samples and expected is not None:
                assert start == expected
            expected = start + hop
    assert library.birdnet_ring_lost_samples(ring) == lost
    assert told <= lost
    if not lost:
        assert told == 0


def test_a_reader_in_time_gets_every_window(library: ctypes.CDLL) -> None:
    ring, memory = ctypes.create_string_buffer(RING_BYTES), (ctypes.c_int16 * 10)()
    library.birdnet_ring_init(ring, memory, 10, 6, 3)
    starts = []
    for position in range(0, 60, 2):
        block = np.arange(position, position + 2, dtype=np.int16)
        assert library.birdnet_ring_write(ring, block.ctypes.data_as(ctypes.c_void_p), 2)
        pcm, found = (ctypes.c_int16 * 6)(), Window()
        while library.birdnet_ring_read(ring, pcm, ctypes.byref(found)):
            starts.append(found.start_samples)
    assert starts == list(range(0, 55, 3))


def test_after_an_overrun_a_window_tells_how_much_was_lost(library: ctypes.CDLL) -> None:
    ring, memory = ctypes.create_string_buffer(RING_BYTES), (ctypes.c_int16 * 8)()
    library.birdnet_ring_init(ring, memory, 8, 4, 4)

    def write(first: int, count: int) -> bool:
        block = np.arange(first, first + count, dtype=np.int16)
        return bool(library.birdnet_ring_write(ring, block.ctypes.data_as(ctypes.c_void_p), count))

    def read() -> tuple[int, int, list[int]] | None:
        pcm, found = (ctypes.c_int16 * 4)(), Window()
        there = library.birdnet_ring_read(ring, pcm, ctypes.byref(found))
        return (found.start_samples, found.lost_samples, list(pcm)) if there else None

    assert write(0, 6)
    assert not write(6, 3)
    assert not write(9, 1)  # there is room, but the gap is not over
    assert read() == (0, 0, [0, 1, 2, 3])
    assert read() is None  # 4 and 5 are followed by the gap
    assert write(10, 5)
    assert read() == (10, 4, [10, 11, 12, 13])


def test_two_threads_lose_nothing_without_a_word(tmp_path: Path) -> None:
    program = tmp_path / "threads"
    subprocess.run(
        ["gcc", *STRICT, "-pthread", THREADS, RUNTIME / "birdnet_ring.c", "-o", program],
        check=True,
        timeout=60,
    )
    ran = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout
    windows, lost, last = map(int, ran.stdout.split())
    assert windows > 0
    assert last + 240 <= 37 * 20_000
    assert windows * 96 <= 37 * 20_000 - lost
