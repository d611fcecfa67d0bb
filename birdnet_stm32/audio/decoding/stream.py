"""Decode a recording block by block to its real end, and note where it differs from what its header says."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from birdnet_stm32.audio.containers.layout import ContainerLayout, seconds_text
from birdnet_stm32.audio.containers.source import AudioBytes, Part, SplicedFile, UnreadableError

RATES_HZ = range(1_000, 1_000_001)
_FLOATING = ("FLOAT", "DOUBLE")
# In Ogg Vorbis, libsndfile may seek to a wrong position, and MP3 frames need the frames before them.
_EXACT_SEEK = ("WAV", "WAVEX", "FLAC")
_UNKNOWN_SAMPLES = 1 << 60  # libsndfile gives such a count if it does not know the length
_SEARCH_SAMPLES = (4_096, 64)  # block sizes with which damage is approached
_SKIP_SAMPLES = 1 << 16

_NO_DATA = "it holds no {container} data, or its begin is damaged"
_CODING = "its {container} audio is coded in a way that is not supported: export it as 16-bit PCM"
_CUT_HEADER = "it is cut off or damaged before its audio begins"
_REASONS = {
    1: _NO_DATA,
    2: "the system reports an error while it is read",
    4: _CODING,
    7: _NO_DATA,
    8: _NO_DATA,
    17: "memory does not suffice",
    18: _CODING,
    24: "its header is not complete",
    32: "its header says 0 channels",
    33: "it has too many channels",
    34: "its header says an impossible number of channels",
    **dict.fromkeys(range(61, 64), _CUT_HEADER),
    **dict.fromkeys(range(64, 71), "its header contradicts itself"),
    71: _CUT_HEADER,
    **dict.fromkeys(range(72, 80), _CODING),
    155: _CUT_HEADER,
    **dict.fromkeys(range(156, 162), "its {container} audio is damaged"),
    167: _CUT_HEADER,
}


def decoder_error_text(error: soundfile.LibsndfileError, container: str) -> str:
    """Return a decoder's error in our words. Its own words are about its code and about missing files."""
    said = _REASONS.get(error.code, "it cannot be decoded as {container}")
    return f"unreadable: {said.format(container=container)}"


class _Decoder(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read from start to end.

    After every read of a file that it takes for seekable, soundfile adds a seek. MP3 frames need data of the
    frames before them, so every block would then begin with an error of hundreds of steps.
    """

    def seekable(self) -> bool:
        return False


class AudioStream:
    """A recording that can be read, several times if necessary.

    Args:
        source: its bytes.
        layout: how they are presented to the decoder.

    Raises:
        UnreadableError: the recording cannot be decoded.
    """

    def __init__(self, source: AudioBytes, layout: ContainerLayout) -> None:
        self._source = source
        self._layout = layout
        self._decoded: int | None = None
        self._is_damaged = self._has_more = False
        self._opened: dict[
            Part, tuple[SplicedFile, Any]
        ] = {}  # and not read from yet: opening Ogg takes its time
        files = list(self._openable())
        self._parts = layout.parts[: len(files)]
        self.is_floating = any(file.subtype in _FLOATING for file in files)
        self._seeks = files[0].format in _EXACT_SEEK
        properties = {(file.samplerate, file.channels) for file in files}
        counts = [file.frames for file in files]
        if len(properties) > 1:
            raise UnreadableError("unreadable: several files in one, of different rates or channels")
        self.rate_hz, self.channels = properties.pop()
        if self.rate_hz not in RATES_HZ:
            raise UnreadableError(f"a sample rate of {self.rate_hz} Hz is not plausible")
        self._counted = None if layout.is_open or max(counts) >= _UNKNOWN_SAMPLES else sum(counts)

    @property
    def expected(self) -> int | None:
        """Number of samples that the header gives, or that were counted without decoding; None if unknown."""
        return self._counted if self._layout.promised is None else self._layout.promised

    @property
    def notes(self) -> tuple[str, ...]:
        """What was repaired, guessed or left out, as soon as :meth:`blocks` has reached its end."""
        return (*self._layout.notes, *self._about_length())

    def blocks(self, samples: int) -> Iterator[NDArray[np.float32]]:
        """Yield the samples from first to last, float32 ``[n, channels]``, with n at most ``samples``."""
        done = 0
        self._decoded, self._has_more = None, False
        self._is_damaged = len(self._parts) < len(self._layout.parts)
        for part in self._parts:
            for block in self._blocks(part, samples, done):
                done += len(block)
                yield block
        self._decoded = done

    def stretch(self, first: int, last: int) -> NDArray[np.float32] | None:
        """Return a stretch of a recording; None if the recording is damaged or consists of several parts.

        Returns:
            float32 ``[n, channels]``, with n less than asked for if the recording ends before.
        """
        if len(self._layout.parts) > 1:
            return None
        try:
            with self._open(self._layout.parts[0]) as file:
                with self._silence():
                    if self._seeks:
                        file.seek(first)
                    else:
                        _skip(file, first)
                return self._read(file, last - first)
        except soundfile.LibsndfileError:
            return None  # reading all of it tells how far it goes

    def _blocks(self, part: Part, samples: int, before: int) -> Iterator[NDArray[np.float32]]:
        """Yield the samples of a part; if its bytes are damaged, almost up to the damage.

        A decoder that fails discards the whole block that it was asked for. The samples before the damage in
        that block are therefore read again in small steps.
        """
        done = 0
        for step in (samples, *_SEARCH_SAMPLES):
            with self._open(part) as file:
                try:
                    with self._silence():
                        _skip(file, done)
                    while len(block := self._read(file, self._to_promise(before + done, step))):
                        done += len(block)
                        yield block
                except soundfile.LibsndfileError:
                    if before + done == self._layout.promised:
                        self._has_more = True
                        return
                else:
                    return
        self._is_damaged = True

    def _to_promise(self, at: int, samples: int) -> int:
        """Return how many samples to ask for: not beyond a promised end, because any data may follow it."""
        promised = self._layout.promised
        return samples if promised is None or at >= promised else min(samples, promised - at)

    def _openable(self) -> Iterator[Any]:
        """Open the parts, up to the first one whose beginning is damaged."""
        for number, part in enumerate(self._layout.parts):
            try:
                yield self._new(part)[1]
            except UnreadableError:
                if number == 0:
                    raise
                return

    def _new(self, part: Part) -> tuple[SplicedFile, Any]:
        """Open a part, for the next caller that asks for it."""
        view = self._source.view(part)
        try:
            with self._silence():
                self._opened[part] = view, _Decoder(view)
        except soundfile.LibsndfileError as error:
            raise view.error or UnreadableError(decoder_error_text(error, self._layout.container)) from error
        return self._opened[part]

    @contextmanager
    def _open(self, part: Part) -> Iterator[Any]:
        if part not in self._opened:
            self._new(part)
        view, file = self._opened.pop(part)
        with file:
            yield file
        if view.error is not None:
            raise view.error

    def _read(self, file: Any, samples: int) -> NDArray[np.float32]:
        with self._silence():
            return _read(file, samples)

    def _silence(self) -> AbstractContextManager[None]:
        """Keep messages about damage, which the decoder of MP3 writes directly, away from the terminal."""
        return _standard_error_closed() if self._layout.container == "MP3" else nullcontext()

    def _about_length(self) -> Iterator[str]:
        if self._decoded is None:
            return
        expected, found = self.expected, seconds_text(self._decoded, self.rate_hz)
        promised = "" if expected is None else seconds_text(expected, self.rate_hz)
        if self._is_damaged or (expected is not None and self._decoded < expected - self._layout.slack):
            of_promised = f" of {promised}" if promised else ""
            yield f"cut off or damaged: {found}{of_promised} could be decoded"
        elif expected is not None and self._decoded > expected and self._layout.is_open:
            yield f"length wrong in the header: it says {promised}, {found} read"
        if self._has_more:
            yield f"data that is not {self._layout.container} after the audio: left out"


@contextmanager
def _standard_error_closed() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _read(file: Any, samples: int) -> NDArray[np.float32]:
    found: NDArray[np.float32] = file.read(samples, dtype="float32", always_2d=True)
    return found


def _skip(file: Any, samples: int) -> None:
    while samples and len(block := _read(file, min(_SKIP_SAMPLES, samples))):
        samples -= len(block)
