"""Ogg files: pages, each with its number and its last sample. Files written in a row count as one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from birdnet_stm32.audio.containers.layout import ContainerLayout
from birdnet_stm32.audio.containers.source import AudioBytes, ByteSpan, Part, UnreadableError

MARK = b"OggS"
_HEAD = struct.Struct("<4sBBqIIIB")
_BEGINS, _ENDS = 2, 4
_NO_PLACE = -1
_FAR_SAMPLES = 1 << 40  # more than any recording holds
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, kw_only=True)
class _Page:
    span: ByteSpan
    flags: int
    place: int
    stream: int
    number: int


def inspect_ogg(source: AudioBytes, first: int) -> ContainerLayout:
    """Return the layout of an Ogg file: the recordings in it, one after the other.

    Args:
        source: the file.
        first: position of its first byte, after tags that do not belong to it.

    Raises:
        UnreadableError: no page is complete.
    """
    links: list[list[_Page]] = []
    for page in _pages(source, first):
        if not links or (page.flags & _BEGINS and not links[-1][-1].flags & _BEGINS):
            links.append([])
        links[-1].append(page)
    if not links:
        raise UnreadableError("unreadable: it is cut off or damaged before its audio begins")
    notes = [f"several Ogg files in one: all {len(links)} read"] if len(links) > 1 else []
    starts = [first, *(link[0].span.first for link in links[1:])]
    ends = [*starts[1:], source.size]
    unsure = [_goes_back(link) for link in links]
    if any(unsure):
        notes.append("length wrong in the last page: it ends before it begins, all of it read")
    missing = sum(map(_missing, links))
    if missing:
        notes.append(f"damaged: {missing} of its pages are missing")
    between = source.size - first - sum(_bytes(page.span) for link in links for page in link)
    if not any(page.flags & _ENDS for page in links[-1]):
        notes.append("cut off: its last page is missing")
    elif between:
        notes.append(f"data that is not Ogg within or after the audio: {between} bytes left out")
    return ContainerLayout(
        container="Ogg",
        parts=tuple(
            _open_ended(source, ByteSpan(first=start, last=end), link[-1])
            if is_unsure
            else (ByteSpan(first=start, last=end),)
            for start, end, link, is_unsure in zip(starts, ends, links, unsure, strict=True)
        ),
        is_open=any(unsure),
        notes=tuple(notes),
    )


def _bytes(span: ByteSpan) -> int:
    return span.last - span.first


def _pages(source: AudioBytes, at: int) -> Iterator[_Page]:
    """Yield the complete pages, and skip everything else."""
    while at + _HEAD.size <= source.size:
        head = source.read(at, _HEAD.size + 255)
        mark, version, flags, place, stream, number, _, segments = _HEAD.unpack(head[: _HEAD.size])
        last = at + _HEAD.size + segments + sum(head[_HEAD.size : _HEAD.size + segments])
        if mark == MARK and version == 0 and last <= source.size:
            yield _Page(
                span=ByteSpan(first=at, last=last), flags=flags, place=place, stream=stream, number=number
            )
            at = last
        else:
            at = next(source.find(MARK, at + 1), source.size)


def _goes_back(link: list[_Page]) -> bool:
    """Return whether the last page claims to end before an earlier page ends."""
    last = link[-1]
    return (
        0
        <= last.place
        < max((page.place for page in link[:-1] if page.stream == last.stream), default=_NO_PLACE)
    )


def _missing(link: list[_Page]) -> int:
    """Return how many page numbers are missing within each stream."""
    seen: dict[int, int] = {}
    missing = 0
    for page in link:
        missing += max(0, page.number - seen.get(page.stream, page.number - 1) - 1)
        seen[page.stream] = page.number
    return missing


def _open_ended(source: AudioBytes, link: ByteSpan, page: _Page) -> Part:
    """Return a recording whose last page ends so late that a decoder leaves nothing out."""
    first, last = page.span.first, page.span.last
    head = _HEAD.unpack(source.read(first, _HEAD.size))
    body = source.read(first + _HEAD.size, last - first - _HEAD.size)
    fields = [*head[:3], _FAR_SAMPLES, *head[4:6], 0, head[7]]
    fields[6] = page_checksum(_HEAD.pack(*fields) + body)
    before, after = replace(link, last=first), replace(link, first=last)
    return (before, _HEAD.pack(*fields) + body, after)


def page_checksum(page: bytes) -> int:
    """Return Ogg's CRC-32, which is the CRC-32 of zlib with the bits of each byte reversed."""
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{reflected:032b}"[::-1], 2)
