"""Detect the format of a recording by its first bytes, not by its name."""

from __future__ import annotations

from birdnet_stm32.audio.containers import flac, mpeg, ogg, wav
from birdnet_stm32.audio.containers.layout import ContainerLayout
from birdnet_stm32.audio.containers.source import AudioBytes, ByteSpan, UnreadableError

_TAG_HEADER_BYTES = 10
_OTHERS = {b"caff": "CAF", b"FORM": "AIFF", b".snd": "AU", b"riff": "W64"}
_CONTAINERS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "Ogg", ".mp3": "MP3"}


def inspect_container(source: AudioBytes, kind: str) -> ContainerLayout:
    """Return how to present a recording to a decoder.

    Args:
        source: the file.
        kind: extension of its name, in lower case with its dot.

    Raises:
        UnreadableError: the file is empty or contradicts itself.
    """
    if source.size == 0:
        raise UnreadableError("the file is empty")
    first = _behind_tags(source)
    return _inspect(source, kind, first) or _as_it_is(source, kind, first)


def _inspect(source: AudioBytes, kind: str, first: int) -> ContainerLayout | None:
    mark = source.read(first, 12)
    if mark[:4] in wav.FORMS and mark[8:] == b"WAVE":
        return wav.inspect_wav(source, first)
    if mark.startswith(flac.MARK):
        return flac.inspect_flac(source, first)
    if mark.startswith(ogg.MARK):
        return ogg.inspect_ogg(source, first)
    if kind == ".mp3" or mpeg.starts_with_mp3_frames(source, first):
        return mpeg.inspect_mp3(source, first)
    return None


def _as_it_is(source: AudioBytes, kind: str, first: int) -> ContainerLayout:
    """Return a layout that leaves all decisions to the decoder.

    Raises:
        UnreadableError: all bytes are zero.
    """
    if source.end_of_content(0, source.size) == 0:
        raise UnreadableError("unreadable: every byte of it is zero")
    other = _OTHERS.get(source.read(0, 4))
    return ContainerLayout(
        container=other or _CONTAINERS.get(kind, "audio"),
        parts=((ByteSpan(first=0, last=source.size),),),
        notes=(f"length not checked: it is {other}, read as far as its header says",) if other else (),
    )


def _behind_tags(source: AudioBytes) -> int:
    """Return the position of the first byte after all ID3 tags."""
    at = 0
    while (head := source.read(at, _TAG_HEADER_BYTES))[:3] == b"ID3" and len(head) == _TAG_HEADER_BYTES:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        at += _TAG_HEADER_BYTES * (2 if head[5] & 0x10 else 1) + size
    return min(at, source.size)
