"""Restore the silence that an AudioMoth leaves out of a triggered recording (``..T.WAV``).

Such a recording has only the stretches in which something was louder than a threshold. A block of 512 bytes
stands for what was left out between them. Its first 32 samples are the bits of a number, the lowest first: 1
is a set bit, -1 one that is not set. All other samples are 0. The number counts the silent blocks of 512
bytes. Blocks begin at multiples of 512 bytes in the file, so the header decides where the first one is.

A reader that takes such a block for audio hears a click, and all that follows comes too early.

Source: ``expander.js`` of AudioMoth-Utils.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from birdnet_stm32.audio.containers.source import AudioBytes, ByteSpan, Piece, UnreadableError, ZeroBytes

BLOCK_BYTES = 512
MOST_HOURS = 24
"""The longest recording that is restored. No schedule of an AudioMoth records longer into one file."""

_BITS = 32
_SAMPLE_BYTES = 2
_READ_BYTES = 1 << 22
_MOST_STRETCHES = 500_000  # a recording of 24 h that changes between sound and silence six times a second
_MARKS = (b"AudioMoth", b"threshold was")  # in the comment of every recording with a trigger


def is_triggered(comment: bytes) -> bool:
    """Return whether the chunks before the audio say that silence may have been left out."""
    return all(mark in comment for mark in _MARKS)


def with_silence(
    source: AudioBytes, *, origin: int, first: int, last: int, rate_hz: int
) -> tuple[Piece, ...] | None:
    """Return the audio of a triggered recording with its silence; None if none was left out.

    Args:
        source: a WAV file of one channel of 16 bits.
        origin: position of its first byte.
        first: position of its first sample.
        last: position after its last sample.
        rate_hz: its sample rate.

    Raises:
        UnreadableError: it would be longer than :data:`MOST_HOURS`. A few bytes can claim years.
    """
    pieces: list[Piece] = []
    at, total = first, 0
    for position, blocks in _encoded_blocks(source, first + (origin - first) % BLOCK_BYTES, last):
        if position > at:
            pieces.append(ByteSpan(first=at, last=position))
        silence = blocks * BLOCK_BYTES
        total += position - at + silence
        if total > MOST_HOURS * 3600 * rate_hz * _SAMPLE_BYTES or len(pieces) > 2 * _MOST_STRETCHES:
            raise UnreadableError(
                f"unreadable: with the silence that it says was left out, it is longer than {MOST_HOURS} h"
            )
        if pieces and isinstance(pieces[-1], ZeroBytes):
            silence += pieces.pop().size  # type: ignore[union-attr]
        pieces.append(ZeroBytes(size=silence))
        at = position + BLOCK_BYTES
    if not pieces:
        return None
    if at < last:
        pieces.append(ByteSpan(first=at, last=last))
    return tuple(pieces)


def _encoded_blocks(source: AudioBytes, at: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the position of each block that stands for silence, and the number of blocks it stands for."""
    while at + BLOCK_BYTES <= last:
        content = source.read(at, min(_READ_BYTES, (last - at) // BLOCK_BYTES * BLOCK_BYTES))
        blocks = np.frombuffer(content, "<i2", len(content) // BLOCK_BYTES * (BLOCK_BYTES // 2))
        blocks = blocks.reshape(-1, BLOCK_BYTES // 2)
        if not len(blocks):  # the file became shorter meanwhile
            return
        likely = np.flatnonzero((np.abs(blocks[:, 0]) == 1) & (blocks[:, -1] == 0))
        for number in likely:
            bits, rest = blocks[number, :_BITS], blocks[number, _BITS:]
            if (np.abs(bits) == 1).all() and not rest.any():
                silent = sum(1 << bit for bit, value in enumerate(bits.tolist()) if value == 1)
                if 0 < silent < 1 << (_BITS - 1):  # no other number stands for silence
                    yield at + int(number) * BLOCK_BYTES, silent
        at += len(blocks) * BLOCK_BYTES
