from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.index.recording_groups import join_groups

members = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["", "x", "y", "z"])), max_size=30)


@given(found=members, order=st.randoms(use_true_random=False))
def test_what_shares_a_recording_or_a_group_is_one(found, order):
    joined = join_groups(found)
    assert set(joined) == {recording for recording, _ in found}
    by_group: dict[str, set[str]] = {}
    for recording, group in found:
        if group:
            by_group.setdefault(group, set()).add(joined[recording])
    assert all(len(names) == 1 for names in by_group.values())
    assert dict(join_groups(order.sample(found, len(found)))) == dict(joined)
    without = {recording for recording, _ in found} - {recording for recording, group in found if group}
    assert all(joined[recording] == recording for recording in without)
