from __future__ import annotations

import hashlib
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.shards.shard_plan import Decodable, plan_shards

SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=60)


def recordings_of(sizes: list[int]) -> list[Decodable]:
    return [
        Decodable(digest=hashlib.sha256(str(number).encode()).hexdigest(), channel=0, samples=samples)
        for number, samples in enumerate(sizes)
    ]


@given(SIZES)
def test_recordings_lie_one_after_the_other_in_shards_of_bounded_size(sizes):
    recordings = recordings_of(sizes)
    shards = defaultdict(list)
    for one, place in zip(recordings, plan_shards(recordings, max_shard_bytes=1_000), strict=True):
        shards[place.shard].append((place.first_sample, one.samples))
    for members in shards.values():
        end = 0
        for first_sample, samples in sorted(members):
            assert first_sample == end
            end += samples
        assert 2 * end <= 1_000 or len(members) == 1


@given(SIZES, st.data())
def test_one_changed_recording_leaves_all_but_one_or_two_shards_as_they_are(sizes, data):
    recordings = recordings_of(sizes)
    changed = data.draw(st.integers(0, len(recordings) - 1))
    others = [
        Decodable(digest="ab" * 32, channel=0, samples=one.samples) if number == changed else one
        for number, one in enumerate(recordings)
    ]

    def content(of: list[Decodable]) -> dict[str, list[Decodable]]:
        found = defaultdict(list)
        for one, place in sorted(
            zip(of, plan_shards(of), strict=True), key=lambda pair: pair[1].first_sample
        ):
            found[place.shard].append(one)
        return found

    before, after = content(recordings), content(others)
    assert sum(before[name] != after.get(name) for name in before) <= 2


@given(SIZES)
def test_the_order_of_the_recordings_does_not_matter(sizes):
    recordings = recordings_of(sizes)
    places = plan_shards(recordings, max_shard_bytes=1_000)
    assert plan_shards(recordings[::-1], max_shard_bytes=1_000) == places[::-1]
