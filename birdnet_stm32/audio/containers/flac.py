"""FLAC files. The number of samples in the header ends decoding, whatever follows it."""

from __future__ import annotations

from birdnet_stm32.audio.containers.layout import ContainerLayout
from birdnet_stm32.audio.containers.source import AudioBytes, ByteSpan, UnreadableError

MARK = b"fLaC"
_STREAM = MARK + b"\0\0\0\x22"  # with the block that comes first, of 34 bytes
_LAST_STREAM = MARK + b"\x80\0\0\x22"
_COUNT_AT, _COUNT_BYTES = 18, 8  # rate, channels, bits and, in the lower 36 bits, samples
_HEADER_BYTES = 42
_ID3V1_BYTES = 128


def inspect_flac(source: AudioBytes, first: int) -> ContainerLayout | None:
    """Return the layout of a FLAC file, with headers that leave out the length; None if its header is cut.

    Args:
        source: the file.
        first: position of its first byte, after tags that do not belong to it.

    Raises:
        UnreadableError: several files were joined that differ in sample rate or channels.
    """
    if source.size < first + _HEADER_BYTES:
        return None
    starts = [first, *_streams(source, first)]
    headers = [source.read(at + _COUNT_AT, _COUNT_BYTES) for at in starts]
    fields = [int.from_bytes(header, "big") for header in headers]
    if len({field >> 41 for field in fields}) > 1:  # rate and channels
        raise UnreadableError("unreadable: several FLAC files in one, of different rates or channels")
    counts = [field % (1 << 36) for field in fields]
    notes = []
    if len(starts) > 1:
        notes.append(f"several FLAC files in one: all {len(starts)} read")
    if 0 in counts:
        notes.append("length missing in the header: read to the end of the file")
    ends = [*starts[1:], _end(source)]
    return ContainerLayout(
        container="FLAC",
        parts=tuple(
            (
                source.read(start, _COUNT_AT),
                (field >> 36 << 36).to_bytes(_COUNT_BYTES, "big"),
                ByteSpan(first=start + _COUNT_AT + _COUNT_BYTES, last=end),
            )
            for start, end, field in zip(starts, ends, fields, strict=True)
        ),
        promised=None if 0 in counts else sum(counts),
        is_open=True,
        notes=tuple(notes),
    )


def _streams(source: AudioBytes, first: int) -> list[int]:
    """Return the positions of further FLAC files whose headers are complete."""
    found: list[int] = []
    last = first
    for at in sorted(at for mark in (_STREAM, _LAST_STREAM) for at in source.find(mark, first + 1)):
        if last + _HEADER_BYTES <= at <= source.size - _HEADER_BYTES:
            found.append(at)
            last = at
    return found


def _end(source: AudioBytes) -> int:
    """Return where the audio ends. Some programs append an ID3v1 tag, which belongs to MP3."""
    tag = source.size - _ID3V1_BYTES
    return tag if source.read(tag, 3) == b"TAG" else source.size
