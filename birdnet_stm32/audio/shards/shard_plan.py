"""Decide which recording lies in which shard, and where in it.

A shard is a file with the samples of several recordings, one after the other. A recording belongs to a shard
by the first bits of its SHA-256. One shard would hold them all; as long as a shard is too large, it is
divided in two by the next bit. So when one recording changes, one shard changes, or two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_SHARD_BYTES = 256 * 2**20
BYTES_PER_SAMPLE = 2
SUFFIX = ".pcm"
_MOST_BITS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Decodable:
    """One recording: what its samples depend on, and how many it will have.

    Args:
        digest: SHA-256 of its file, in hexadecimal digits.
        channel: the channel that is taken, counted from 1; 0 for the average of all channels.
        samples: number of samples at the model's rate.
    """

    digest: str
    channel: int
    samples: int

    @property
    def key(self) -> tuple[str, int]:
        """What its samples depend on."""
        return self.digest, self.channel


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the samples of a recording are.

    Args:
        shard: name of the file.
        first_sample: number of samples before it in this file.
    """

    shard: str
    first_sample: int


def plan_shards(
    recordings: Sequence[Decodable], *, max_shard_bytes: int = MAX_SHARD_BYTES
) -> tuple[Place, ...]:
    """Return the place of each recording. It depends on the recordings, not on their order.

    Args:
        recordings: the recordings.
        max_shard_bytes: greatest size of a shard. A shard with a single recording may be larger.
    """
    order = sorted(range(len(recordings)), key=lambda number: recordings[number].key)
    places: dict[int, Place] = {}
    for prefix, members in _divide("", order, recordings, max_shard_bytes):
        first_sample = 0
        for number in members:
            places[number] = Place(shard=f"{prefix or 'all'}{SUFFIX}", first_sample=first_sample)
            first_sample += recordings[number].samples
    return tuple(places[number] for number in range(len(recordings)))


def _divide(
    prefix: str, members: Sequence[int], recordings: Sequence[Decodable], max_shard_bytes: int
) -> Iterator[tuple[str, Sequence[int]]]:
    size = BYTES_PER_SAMPLE * sum(recordings[number].samples for number in members)
    if size <= max_shard_bytes or len(members) < 2 or len(prefix) == _MOST_BITS:
        if members:
            yield prefix, members
        return
    for bit in "01":
        inside = [number for number in members if _bits(recordings[number].digest)[len(prefix)] == bit]
        yield from _divide(prefix + bit, inside, recordings, max_shard_bytes)


def _bits(digest: str) -> str:
    return f"{int(digest[: _MOST_BITS // 4], 16):0{_MOST_BITS}b}"
