from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.index.segments import SegmentRow, labels_between, labels_in_windows

segments = st.lists(
    st.builds(
        lambda start, length, label: SegmentRow(
            path="a.wav", start_s=start / 4, end_s=(start + length) / 4, label=label
        ),
        st.integers(0, 80),
        st.integers(1, 40),
        st.sampled_from("ab"),
    ),
    max_size=12,
)


@given(found=segments, starts=st.lists(st.integers(0, 90), max_size=12), window=st.integers(1, 20))
def test_looking_at_near_segments_only_changes_nothing(found, starts, window):
    starts_s, ends_s = [start / 4 for start in starts], [(start + window) / 4 for start in starts]
    near = list(labels_in_windows(found, starts_s, ends_s))
    assert near == [labels_between(found, *one) for one in zip(starts_s, ends_s, strict=True)]
    for held, touched in near:
        assert not set(held) & set(touched)


def test_half_of_the_call_or_of_the_window_suffices():
    short = SegmentRow(path="a.wav", start_s=1.0, end_s=2.0, label="chip")
    long = SegmentRow(path="a.wav", start_s=0.0, end_s=60.0, label="song")
    assert labels_between([short, long], 1.5, 4.0) == (("chip", "song"), ())
    assert labels_between([short, long], 1.6, 4.1) == (("song",), ("chip",))
    assert labels_between([long], 58.75, 61.25) == (("song",), ())
    assert labels_between([long], 59.0, 61.5) == ((), ("song",))
