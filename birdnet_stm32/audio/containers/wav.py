"""WAV, RF64 and BW64 files: chunks, whose first one often gives a wrong length of the audio.

A recorder writes its header first, and writes the lengths into it when it stops. If it loses power, the
lengths stay zero, or that of an empty recording, or "unknown". The audio is in the file nevertheless.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from birdnet_stm32.audio.containers import audiomoth_silence
from birdnet_stm32.audio.containers.layout import ContainerLayout, seconds_text
from birdnet_stm32.audio.containers.source import (
    AudioBytes,
    ByteSpan,
    Piece,
    UnreadableError,
    ZeroBytes,
    piece_bytes,
)
from birdnet_stm32.terminal_text import counted

FORMS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
# Chunks that recorders and editors write after the audio.
KNOWN_CHUNKS = frozenset(
    name.encode().ljust(4)
    for name in (
        "LIST guan wamd bext iXML id3 ID3 fact cue smpl JUNK junk PAD FLLR axml _PMX afsp DISP inst acid "
        "strc cart umid chna levl minf elm1 regn link PEAK plst note labl mark"
    ).split()
)
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")
_UNKNOWN_LENGTH = 0x7FFF_F000  # programs that write to a pipe put this or a greater length
_TAIL_BYTES = 1 << 24  # chunks after the audio are looked for this far from the end
_COMMENT_BYTES = 1 << 16  # before the audio, in which the comment of a recorder is looked for
_MOST_CHUNKS = 10_000
_NEVER_WRITTEN_S = 0.5
_PLAIN = frozenset({1, 3, 6, 7, 0xFFFE})  # formats whose samples all have the same length


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A chunk of a WAV file: its name of four bytes, the position and the number of its bytes."""

    name: bytes
    first: int
    size: int

    @property
    def last(self) -> int:
        """Position after its last byte."""
        return self.first + self.size


@dataclass(frozen=True, kw_only=True)
class _Header:
    """Everything before the audio: where the file, its chunks and the audio begin, and what they say."""

    form: bytes
    first: int
    chunks_at: int
    data: Chunk
    channels: int
    rate_hz: int
    frame_bytes: int
    bytes_per_s: int

    def length(self, size: int) -> str:
        return seconds_text(size, max(1, self.bytes_per_s))

    @property
    def order(self) -> str:
        return ">" if self.form == b"RIFX" else "<"


def inspect_wav(source: AudioBytes, first: int) -> ContainerLayout | None:
    """Return the layout of a WAV file; None if it has no audio chunk or no description of it.

    Args:
        source: the file.
        first: position of its first byte, after tags that do not belong to it.

    Raises:
        UnreadableError: the file contradicts itself.
    """
    header = _read_header(source, first)
    if header is None:
        return None
    if header.channels == 0:
        raise UnreadableError("unreadable: its header says 0 channels")
    if header.rate_hz == 0:
        raise UnreadableError("a sample rate of 0 Hz is not plausible")
    last, notes = _find_end(source, header)
    restored = _with_silence(source, header, last)
    as_it_is = header.form != b"BW64" and not notes and last == header.data.last
    if restored is not None:
        part = _rewritten(header, restored)
        notes = (*notes, _silence_note(header, restored))
    elif as_it_is:
        part = (ByteSpan(first=first, last=source.size),)
    else:
        part = _rewritten(header, (ByteSpan(first=header.data.first, last=last),))
    return ContainerLayout(container=header.form.decode().replace("RIFF", "WAV"), parts=(part,), notes=notes)


def metadata_chunks(source: AudioBytes, first: int) -> tuple[Chunk, ...]:
    """Return the chunks before and after the audio, whatever the header says of the audio's length.

    Args:
        source: a WAV file.
        first: position of its first byte, after tags that do not belong to it.

    Returns:
        The chunks in the order of the file, each of them complete, without that of the audio.
    """
    order = ">" if source.read(first, 4) == b"RIFX" else "<"
    before = []
    for chunk in _chunks(source, first + 12, order):
        if chunk.name == b"data":
            break
        if chunk.last <= source.size:
            before.append(chunk)
    try:
        header = _read_header(source, first)
        last = source.size if header is None else _find_end(source, header)[0]
    except UnreadableError:  # two chunks of audio: nobody knows what belongs to which
        last = source.size
    # A chunk begins at an even position, but not every program pads the audio.
    after = (_chain(source, at, order) for at in (last + (last - first) % 2, last))
    return (*before, *next((found for found in after if found), ()))


def _read_header(source: AudioBytes, first: int) -> _Header | None:
    form = source.read(first, 4)
    order = ">" if form == b"RIFX" else "<"
    described, data_bytes, chunks_at = b"", None, first + 12
    for chunk in _chunks(source, chunks_at, order):
        if chunk.name == b"ds64" and chunk.size >= 16:
            data_bytes = int.from_bytes(source.read(chunk.first + 8, 8), "little")
            chunks_at = chunk.last + chunk.size % 2 if chunks_at == chunk.first - 8 else chunks_at
        elif chunk.name == b"fmt " and not described:
            described = source.read(chunk.first, 16)
        elif chunk.name == b"data":
            if len(described) < 16:
                return None
            if form in (b"RF64", b"BW64") and chunk.size == 0xFFFF_FFFF and data_bytes is not None:
                chunk = Chunk(name=b"data", first=chunk.first, size=data_bytes)
            tag, channels, rate_hz, byte_rate, frame_bytes = struct.unpack(f"{order}HHIIH2x", described)
            plain = rate_hz * frame_bytes
            return _Header(
                form=form,
                first=first,
                chunks_at=chunks_at,
                data=chunk,
                channels=channels,
                rate_hz=rate_hz,
                frame_bytes=max(1, frame_bytes) if tag in _PLAIN else 1,
                bytes_per_s=plain if tag in _PLAIN else byte_rate or plain,
            )
    return None


def _chunks(source: AudioBytes, at: int, order: str) -> Iterator[Chunk]:
    """Yield the chunks one after the other. The last one may claim to be longer than the file."""
    for _ in range(_MOST_CHUNKS):
        head = source.read(at, 8)
        if len(head) < 8:
            return
        name, size = struct.unpack(f"{order}4sI", head)
        yield Chunk(name=name, first=at + 8, size=size)
        at += 8 + size + size % 2


def _find_end(source: AudioBytes, header: _Header) -> tuple[int, tuple[str, ...]]:
    """Return where the audio ends, and notes about it."""
    data, size = header.data, source.size
    if data.last <= size:
        if size - data.last < max(2, header.frame_bytes):
            return data.last, ()
        follows = _followers(source, data, header.order)
        if follows is not None:
            return data.last, follows
    last = _first_of_tail(source, data.first, header.order)
    there = last - data.first
    if data.last > size and data.size < _UNKNOWN_LENGTH:
        if data.size // header.frame_bytes == there // header.frame_bytes:
            return last, ()
        if data.size == size - header.first:
            return last, (
                f"length wrong in the header: it counts the header too, {header.length(there)} read",
            )
        return last, (
            f"cut off: the header promises {header.length(data.size)}, {header.length(there)} are there",
        )
    return _after_power_loss(source, header, last)


def _after_power_loss(source: AudioBytes, header: _Header, last: int) -> tuple[int, tuple[str, ...]]:
    """Return the end of audio that the header does not cover, and notes about it.

    A recorder that reserves space for its files leaves zeros after the audio. Nobody can tell whether these
    zeros were recorded as silence. They are therefore kept, and a note says so.
    """
    data = header.data
    written = source.end_of_content(data.first, last)
    blank = last - written
    notes = []
    if written > data.first and blank >= _NEVER_WRITTEN_S * header.bytes_per_s:
        notes.append(f"zeros at the end: {header.length(blank)}, perhaps never written by the recorder")
    found = header.length(last - data.first)
    is_unknown = data.size >= _UNKNOWN_LENGTH and data.last > source.size
    if is_unknown or data.size <= data.first - header.first:  # or nothing, or a header's length
        kind = "length missing in the header: "
    else:
        kind = f"length wrong in the header: it says {header.length(data.size)}, "
    return last, (f"{kind}read to the end of the file, {found}", *notes)


def _followers(source: AudioBytes, data: Chunk, order: str) -> tuple[str, ...] | None:
    """Return notes about the bytes after the audio; None if the audio cannot end where its header says.

    Raises:
        UnreadableError: there is a second chunk of audio.
    """
    last = data.last
    for at in (last + last % 2, last):
        chain = _chain(source, at, order)
        if chain is not None:
            return _judge(chain, source)
    left = source.read(last, 11)
    if not left or left.startswith(_TAGS) or left[:4] in KNOWN_CHUNKS or left[1:5] in KNOWN_CHUNKS:
        return ()
    if source.end_of_content(last, source.size) == last:
        if _first_of_tail(source, data.first, order) < last:
            return None  # the zeros are those of a chunk that begins before the end
        return (f"zeros after the audio: {source.size - last} bytes left out",)
    return None


def _judge(chain: list[Chunk], source: AudioBytes) -> tuple[str, ...]:
    names = [chunk.name for chunk in chain]
    if b"data" in names:
        raise UnreadableError(
            "unreadable: it has two chunks of audio, and which one is the recording cannot be told"
        )
    for chunk in chain:
        if chunk.name in FORMS:
            left = source.size - chunk.first + 8
            return (f"another WAV file follows in the same file: {left} bytes left out",)
    return ()


def _chain(source: AudioBytes, at: int, order: str, seen: set[int] | None = None) -> list[Chunk] | None:
    """Return the chunks from a position to the end of the file; None unless they end there, or in zeros.

    Args:
        source: the file.
        at: position of the first chunk.
        order: byte order of numbers.
        seen: positions from which the end cannot be reached; the positions that are passed are added.
    """
    found: list[Chunk] = []
    if at >= source.size:
        return []
    for chunk in _chunks(source, at, order):
        if not all(0x20 <= letter < 0x7F for letter in chunk.name):
            zeros = source.end_of_content(chunk.first - 8, source.size) == chunk.first - 8
            return found if found and zeros else None
        if chunk.last > source.size or (seen is not None and chunk.first in seen):
            return None
        if seen is not None:
            seen.add(chunk.first)
        found.append(chunk)
        if chunk.last + chunk.size % 2 >= source.size:
            return found
    return found or None


def _first_of_tail(source: AudioBytes, first: int, order: str) -> int:
    """Return where chunks begin that reach exactly to the end of the file, or the end of the file."""
    begin = max(first, source.size - _TAIL_BYTES)
    places = sorted(at for name in KNOWN_CHUNKS for at in source.find(name, begin))
    seen: set[int] = set()
    return next((at for at in places if _chain(source, at, order, seen)), source.size)


def _with_silence(source: AudioBytes, header: _Header, last: int) -> tuple[Piece, ...] | None:
    """Return the audio of a recording of an AudioMoth with the silence that it left out; None for others."""
    before = min(header.data.first - header.chunks_at, _COMMENT_BYTES)
    is_plain = header.form == b"RIFF" and (header.channels, header.frame_bytes) == (1, 2)
    if not is_plain or not audiomoth_silence.is_triggered(source.read(header.chunks_at, before)):
        return None
    return audiomoth_silence.with_silence(
        source, origin=header.first, first=header.data.first, last=last, rate_hz=header.rate_hz
    )


def _silence_note(header: _Header, audio: tuple[Piece, ...]) -> str:
    gaps = [piece.size for piece in audio if isinstance(piece, ZeroBytes)]
    return (
        f"silence restored: {header.length(sum(gaps))} in {counted(len(gaps), 'gap')} that the recorder, "
        "triggered by sound, left out"
    )


def _rewritten(header: _Header, audio: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Return the file with a header that is true.

    Args:
        header: of the file.
        audio: the bytes of the audio. An incomplete frame at their end is left out.
    """
    size = sum(map(piece_bytes, audio))
    spare = size % header.frame_bytes
    if spare:
        *whole, cut = audio  # only a span of the file can end within a frame
        audio = (
            (*whole, ByteSpan(first=cut.first, last=cut.last - spare)) if isinstance(cut, ByteSpan) else audio
        )
        size -= spare
    before = ByteSpan(first=header.chunks_at, last=header.data.first - 8)
    riff = 4 + before.last - before.first + 8 + size
    if riff <= 0xFFFF_FFFF:
        form = header.form if header.form == b"RIFX" else b"RIFF"
        start = struct.pack(f"{header.order}4sI4s", form, riff, b"WAVE")
        return (start, before, struct.pack(f"{header.order}4sI", b"data", size), *audio)
    lengths = struct.pack("<QQQI", riff + 36, size, size // header.frame_bytes, 0)
    start = struct.pack("<4sI4s4sI", b"RF64", 0xFFFF_FFFF, b"WAVE", b"ds64", len(lengths)) + lengths
    return (start, before, struct.pack("<4sI", b"data", 0xFFFF_FFFF), *audio)
