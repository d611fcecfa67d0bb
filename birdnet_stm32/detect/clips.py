"""Cut the events of a recording to clips, at the recording's own sample rate."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable, decode_blocks, own_rate_hz
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.event_rows import milliseconds

Pcm = NDArray[np.int16]

# What some file system or shell takes for something else.
_NOT_IN_NAMES = re.compile(r"[^\w .,'()+-]+")
_LONGEST_NAME = 100  # characters, of at most 2 bytes in most scripts; file systems allow 255 bytes


def clip_names(recordings: Sequence[DetectedRecording]) -> list[list[str]]:
    """Return the name of the clip of each event of each recording: a folder for each class, and a file.

    The folders are those that a training takes. A name says from which recording a clip is, and from which
    millisecond of it.
    """
    taken: set[str] = set()
    found = []
    for recording in recordings:
        stem = "_".join(PurePosixPath(recording.path).with_suffix("").parts)
        names = []
        for event in recording.events:
            start_ms = milliseconds(event.start_samples, recording.sample_rate_hz)
            base = f"{_file_name(event.label)}/{_file_name(stem)}_{start_ms:07d}ms"
            name, number = base, 1
            while f"{name}.wav".casefold() in taken:  # of a.wav and a.mp3
                number += 1
                name = f"{base}_{number}"
            taken.add(f"{name}.wav".casefold())
            names.append(f"{name}.wav")
        found.append(names)
    return found


def cut_clips(
    recording: DetectedRecording,
    use: Callable[[int, bytes], None],
    *,
    before_s: float = 0.0,
    after_s: float = 0.0,
    channel: int = MIX,
) -> Unusable | None:
    """Decode a recording once, and give the clip of each event as soon as its end has been read.

    Args:
        recording: the recording with its events.
        use: called with the position of the event and a mono WAV file of 16 bits. A clip is shorter than
            asked for where the recording begins or ends.
        before_s: how much of the recording before the event is in the clip, in seconds.
        after_s: how much of it after the event.
        channel: the channel to take, counted from 1; 0 for the average of all channels.

    Returns:
        None, or why the recording cannot be read.

    Raises:
        OSError: ``use`` raised it.
    """
    path = Path(recording.full_path)
    rate_hz = own_rate_hz(path)
    if isinstance(rate_hz, Unusable):
        return rate_hz
    spans = [
        (
            max(0, event.start_samples * rate_hz // recording.sample_rate_hz - round(before_s * rate_hz)),
            -(-event.end_samples * rate_hz // recording.sample_rate_hz) + round(after_s * rate_hz),
        )
        for event in recording.events
    ]
    cutter = _Cutter(spans, lambda position, pcm: use(position, wav_bytes(pcm, rate_hz)))
    decoded = decode_blocks(path, cutter.take, sample_rate_hz=rate_hz, channel=channel)
    if isinstance(decoded, Unusable):
        return decoded
    cutter.end()
    return None


def wav_bytes(pcm: Pcm, rate_hz: int) -> bytes:
    """Return a mono WAV file of 16 bits."""
    content = io.BytesIO()
    soundfile.write(content, pcm, rate_hz, format="WAV", subtype="PCM_16")
    return content.getvalue()


class _Cutter:
    """Cuts spans, which may overlap, out of samples that come in blocks."""

    def __init__(self, spans: Sequence[tuple[int, int]], use: Callable[[int, Pcm], None]) -> None:
        self._spans = spans
        self._use = use
        self._waiting = sorted(range(len(spans)), key=lambda position: spans[position], reverse=True)
        self._parts: dict[int, list[Pcm]] = {}
        self._at = 0

    def take(self, block: Pcm) -> None:
        """Take the next samples, int16 ``[n]``."""
        end = self._at + len(block)
        while self._waiting and self._spans[self._waiting[-1]][0] < end:
            self._parts[self._waiting.pop()] = []
        for position in sorted(self._parts):
            first, last = self._spans[position]
            self._parts[position].append(block[max(0, first - self._at) : max(0, last - self._at)].copy())
            if last <= end:
                self._use(position, np.concatenate(self._parts.pop(position)))
        self._at = end

    def end(self) -> None:
        """Give the spans that reach beyond the end."""
        for position in sorted(self._parts):
            self._use(position, np.concatenate(self._parts.pop(position)))


def _file_name(text: str) -> str:
    """Return a part of a path that every file system accepts.

    >>> _file_name("Turdus merula_Eurasian Blackbird"), _file_name("../a:b")
    ('Turdus merula_Eurasian Blackbird', '_a_b')
    """
    return _NOT_IN_NAMES.sub("_", text).strip(" .")[:_LONGEST_NAME].strip(" .") or "_"
