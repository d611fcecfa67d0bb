"""The WAV reader of the firmware on the host, under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import itertools
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.paths import firmware_templates

HARNESS = Path(__file__).parents[2] / "c" / "wav_harness.c"
STRICT = "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Wdouble-promotion -Wpedantic -Wvla -Werror".split()
ANY_RATE = 0
MIX = 0

# In the order of birdnet_wav_status_t.
OK, READ, NOT_WAVE, HEADER, ENCODING, CHANNELS, RATE, EMPTY, VALUES, GAPS = range(10)
# In the order of birdnet_wav_note_t, as the host's decoder calls them.
KINDS = (
    "length missing in the header",
    "length wrong in the header",
    "cut off",
    "zeros after the audio",
    "another WAV file follows in the same file",
    "beyond full scale",
)


@dataclass(frozen=True, kw_only=True)
class CReading:
    """What the reader in C said of a file, and its samples, int16 ``[n]``."""

    status: int
    notes: tuple[str, ...]
    rate_hz: int
    channels: int
    text: str
    pcm: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Request:
    """A file to read."""

    content: bytes
    rate_hz: int = ANY_RATE
    channel: int = MIX
    most_reads: int = 0


CRead = Callable[[Sequence[Request]], list[CReading]]


@pytest.fixture(scope="session")
def c_read(tmp_path_factory: pytest.TempPathFactory) -> CRead:
    """Return a function that reads files with the firmware's reader."""
    folder = tmp_path_factory.mktemp("wav")
    program, runtime = folder / "harness", firmware_templates() / "runtime"
    sources = sorted(runtime.glob("birdnet_wav*.c"))
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover"]
    command = ["gcc", *STRICT, *sanitize, f"-I{runtime}", HARNESS, *sources, "-o", program]
    subprocess.run(command, check=True, timeout=120)
    numbers = itertools.count()

    def read(requests: Sequence[Request]) -> list[CReading]:
        paths = [folder / f"{next(numbers)}.wav" for _ in requests]
        for path, request in zip(paths, requests, strict=True):
            path.write_bytes(request.content)
        lines = [
            f"{request.rate_hz} {request.channel} {request.most_reads} {path}\n"
            for path, request in zip(paths, requests, strict=True)
        ]
        done = subprocess.run([program], input="".join(lines), capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        answers = done.stdout.splitlines()
        return [_reading(answer, path) for answer, path in zip(answers, paths, strict=True)]

    return read


def _reading(answer: str, path: Path) -> CReading:
    status, notes, rate_hz, channels, samples, text = answer.split(" ", 5)
    pcm_path = path.with_name(f"{path.name}.pcm")
    pcm = np.fromfile(pcm_path, np.int16) if int(status) == OK else np.zeros(0, np.int16)
    assert len(pcm) == (int(samples) if int(status) == OK else 0)
    path.unlink()
    pcm_path.unlink(missing_ok=True)
    return CReading(
        status=int(status),
        notes=tuple(kind for bit, kind in enumerate(KINDS) if int(notes) >> bit & 1),
        rate_hz=int(rate_hz),
        channels=int(channels),
        text=text,
        pcm=pcm,
    )


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """Return a chunk with its padding; ``size`` is what its header says."""
    padding = b"\0" * (len(content) % 2)
    return name + struct.pack("<I", len(content) if size is None else size) + content + padding


def riff(*chunks: bytes, form: bytes = b"RIFF") -> bytes:
    """Return a file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body)) + body


def plain_format(rate_hz: int = 24_000, *, tag: int = 1, channels: int = 1, bits: int = 16) -> bytes:
    """Return the chunk that describes the samples."""
    frame_bytes = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, 0, frame_bytes, bits))
