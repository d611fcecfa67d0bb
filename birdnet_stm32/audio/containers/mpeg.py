"""MP3 files: a sequence of frames, each with its own length. Nothing in the file gives their number reliably.

A decoder uses the number of frames in the first frame, which converters often write wrongly, or takes the
size of the first frame for all frames, and stops there. So this module counts the frames, which takes a
hundredth of the time of decoding.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

from birdnet_stm32.audio.containers.layout import ContainerLayout, seconds_text
from birdnet_stm32.audio.containers.source import AudioBytes, ByteSpan, MissingBytes, Piece
from birdnet_stm32.terminal_text import counted

_MPEG1 = 3
_LAYER3 = 1
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBITS = {  # by MPEG 1 or later and layer bits
    (True, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAME = 0xFFFE_0C00  # sync, version, layer and rate: the same in all frames of a stream
_WINDOW_BYTES = 1 << 20
_CHAIN = 3  # so many valid frames in a row do not appear by chance
_HEADER_BYTES = 4
_COUNT_BYTES = 12  # mark, flags, frames
_TAG_BYTES = 128
_HAS_FRAMES, _HAS_BYTES = 1, 2


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The content of a frame's first four bytes."""

    word: int
    length: int
    samples: int
    rate_hz: int
    mono: bool

    @property
    def is_layer3(self) -> bool:
        return self.word >> 17 & 3 == _LAYER3

    @property
    def side_bytes(self) -> int:
        """Number of bytes between the header and the audio. A frame without audio has its mark there."""
        if self.word >> 19 & 3 == _MPEG1:
            return 17 if self.mono else 32
        return 9 if self.mono else 17


@functools.lru_cache(maxsize=4_096)
def _parse(word: int) -> _Frame | None:
    version, layer = word >> 19 & 3, word >> 17 & 3
    kbits_at, rate_at = word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or version == 1 or layer == 0 or kbits_at in (0, 15) or rate_at == 3:
        return None
    first = version == _MPEG1
    rate_hz = _RATES_HZ[version][rate_at]
    bits = 1_000 * _KBITS[first, layer][kbits_at]
    padding = word >> 9 & 1
    if layer == 3:
        length, samples = (12 * bits // rate_hz + padding) * 4, 384
    else:
        samples = 576 if layer == _LAYER3 and not first else 1_152
        length = samples // 8 * bits // rate_hz + padding
    return _Frame(word=word, length=length, samples=samples, rate_hz=rate_hz, mono=word >> 6 & 3 == 3)


class _Window:
    """Bytes of a file by position, read one megabyte at a time."""

    def __init__(self, source: AudioBytes) -> None:
        self._source = source
        self._first = 0
        self._bytes = b""

    def frame(self, at: int) -> _Frame | None:
        """Return the frame whose header is at a position."""
        here = at - self._first
        if not 0 <= here <= len(self._bytes) - _HEADER_BYTES:
            self._first, self._bytes = at, self._source.read(at, _WINDOW_BYTES)
            here = 0
        word = int.from_bytes(self._bytes[here : here + _HEADER_BYTES], "big")
        return _parse(word) if word >> 21 == 0x7FF else None


@dataclass
class _Stream:
    """The frames that were found: the first one, their number, and the byte spans that they fill."""

    first: _Frame
    frames: int = 0
    spans: list[ByteSpan] = field(default_factory=list)
    cut_last: bool = False


@dataclass(frozen=True, kw_only=True)
class _Info:
    """The frame count in a first frame without audio: its position in the frame, and the promised number."""

    at: int
    mark: bytes
    frames: int | None
    trimmed_samples: int


def starts_with_mp3_frames(source: AudioBytes, first: int) -> bool:
    """Return whether a sequence of frames begins at this position."""
    return _chain(_Window(source), source.size, first, None)


def inspect_mp3(source: AudioBytes, first: int) -> ContainerLayout | None:
    """Return the layout of an MP3 file; None if it has no frames.

    Args:
        source: the file.
        first: position at which the search begins, after tags.
    """
    stream = _walk(source, first)
    if stream is None:
        return None
    begin = stream.spans[0].first
    head = source.read(begin, stream.first.length)
    info = _read_info(head, stream.first)
    frames = stream.frames - (info is not None)
    samples = frames * stream.first.samples - (info.trimmed_samples if info else 0)
    return ContainerLayout(
        container="MP3",
        parts=(_part(source, stream, info, head, frames),),
        promised=max(0, samples),
        slack=2 * stream.first.samples,
        notes=tuple(_notes(stream, info, frames, first)),
    )


def _walk(source: AudioBytes, first: int) -> _Stream | None:
    window = _Window(source)
    at = _resync(source, window, first, None)
    start = window.frame(at) if at is not None else None
    if at is None or start is None:
        return None
    stream, span_first = _Stream(first=start), at
    same = start.word & _SAME
    while at < source.size:
        frame = window.frame(at)
        if frame is not None and frame.word & _SAME == same:
            if at + frame.length > source.size:
                stream.cut_last = True
                break
            at += frame.length
            stream.frames += 1
            continue
        stream.spans.append(ByteSpan(first=span_first, last=at))
        found = _resync(source, window, at + 1, same)
        if found is None:
            return stream
        span_first = at = found
    stream.spans.append(ByteSpan(first=span_first, last=at))
    return stream if stream.frames else None


def _resync(source: AudioBytes, window: _Window, first: int, same: int | None) -> int | None:
    """Return where a sequence of frames begins, of any kind or of the kind of the stream."""
    for at in source.find(b"\xff", first):
        if _chain(window, source.size, at, same):
            return at
    return None


def _chain(window: _Window, size: int, at: int, same: int | None) -> bool:
    for number in range(_CHAIN):
        frame = window.frame(at)
        if frame is None or (same is not None and frame.word & _SAME != same):
            return False
        same = frame.word & _SAME
        at += frame.length
        if at >= size:  # a single cut frame does not count
            return number > 0 or at == size
    return True


def _read_info(head: bytes, frame: _Frame) -> _Info | None:
    if not frame.is_layer3:
        return None
    for at in (_HEADER_BYTES + frame.side_bytes, _HEADER_BYTES + frame.side_bytes + 2):  # with a checksum
        if head[at : at + 4] in (b"Xing", b"Info"):
            has_frames = int.from_bytes(head[at + 4 : at + 8], "big") & _HAS_FRAMES
            frames = int.from_bytes(head[at + 8 : at + 12], "big") if has_frames else None
            trimmed = _trimmed(head[at:])
            return _Info(at=at, mark=head[at : at + 4], frames=frames, trimmed_samples=trimmed)
    at = _HEADER_BYTES + 32
    if head[at : at + 4] == b"VBRI":
        frames = int.from_bytes(head[at + 14 : at + 18], "big")
        return _Info(at=at, mark=b"VBRI", frames=frames, trimmed_samples=0)
    return None


def _trimmed(info: bytes) -> int:
    """Return how many samples the encoder added at both ends. Its tag tells decoders to leave them out."""
    flags = int.from_bytes(info[4:8], "big")
    at = 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    gap = info[at + 21 : at + 24]
    if len(gap) < 3 or not info[at : at + 4].strip(b"\0"):
        return 0
    both = int.from_bytes(gap, "big")
    return (both >> 12) + (both & 0xFFF)


def _part(
    source: AudioBytes, stream: _Stream, info: _Info | None, head: bytes, frames: int
) -> tuple[Piece, ...]:
    """Return the frames so that a decoder does not stop before the last one.

    A frame count that is too small is corrected. Without a count, a decoder divides the length of the file by
    the length of the first frame; then the file claims to be longer than it is.
    """
    begin = stream.spans[0].first
    spans = stream.spans[1:]
    last = source.size if stream.cut_last and not spans else stream.spans[0].last
    size = last - begin + sum(span.last - span.first for span in spans)
    if info is not None and info.mark != b"VBRI" and info.frames is not None:
        start = _with_count(head, info, max(frames, info.frames), size)
        return (start, ByteSpan(first=begin + len(head), last=last), *spans)
    if info is not None and info.mark == b"VBRI":
        if info.frames is not None and info.frames >= frames:
            return (ByteSpan(first=begin, last=last), *spans)
        begin += len(head)  # it cannot be corrected in place
    missing = (frames + 2) * stream.first.length - size
    # A decoder looks for a tag in the last bytes first, and must find some.
    beyond = (MissingBytes(size=missing), bytes(_TAG_BYTES)) if missing > 0 else ()
    return (ByteSpan(first=begin, last=last), *spans, *beyond)


def _with_count(head: bytes, info: _Info, frames: int, size: int) -> bytes:
    at = info.at
    flags = int.from_bytes(head[at + 4 : at + 8], "big")
    patched = bytearray(head)
    patched[at + 8 : at + 12] = frames.to_bytes(4, "big")
    if flags & _HAS_BYTES:
        patched[at + 12 : at + 16] = min(size, 0xFFFF_FFFF).to_bytes(4, "big")
    return bytes(patched)


def _notes(stream: _Stream, info: _Info | None, frames: int, first: int) -> Iterator[str]:
    def length(count: int) -> str:
        return seconds_text(count * stream.first.samples, stream.first.rate_hz)

    if stream.spans[0].first > first:
        yield f"data that is not MP3 before the audio: {stream.spans[0].first - first} bytes left out"
    between = [b.first - a.last for a, b in zip(stream.spans, stream.spans[1:], strict=False)]
    if between:
        places = counted(len(between), "place")
        yield f"data that is not MP3 within the audio: {sum(between)} bytes in {places} left out"
    promised = info.frames if info is not None else None
    if promised is not None and promised < frames:
        yield f"length wrong in the header: it says {length(promised)}, {length(frames)} read"
    elif promised is not None and promised > frames + 1:
        yield f"cut off: the header promises {length(promised)}, {length(frames)} are there"
    elif stream.cut_last:
        yield f"cut off: the last frame is not whole, {length(frames)} are there"
