from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.splits.recording_split import (
    TRAIN,
    VALIDATION,
    UsableFile,
    assign_splits,
    recording_name,
    split_order,
)

clips = st.lists(
    st.builds(
        UsableFile,
        label=st.sampled_from("abcd"),
        recording=st.integers(0, 15).map(str),
        duration_s=st.integers(1, 100).map(float),
    ),
    min_size=1,
    max_size=60,
)


@given(clips=clips, train_every_label=st.booleans(), order=st.randoms(use_true_random=False))
def test_a_recording_has_one_split_whatever_the_order(clips, train_every_label, order):
    splits = assign_splits(clips, train_every_label=train_every_label)
    assert set(splits) == {clip.recording for clip in clips}
    assert set(splits.values()) <= {TRAIN, VALIDATION}
    shuffled = order.sample(clips, len(clips))
    assert assign_splits(shuffled, train_every_label=train_every_label) == splits


@given(counts=st.lists(st.integers(1, 12), min_size=1, max_size=6), train_every_label=st.booleans())
def test_classes_are_divided_each_by_itself(counts, train_every_label):
    clips = [
        UsableFile(label=f"class{label}", recording=f"{label}-{number}", duration_s=3)
        for label, count in enumerate(counts)
        for number in range(count)
    ]
    splits = assign_splits(clips, train_every_label=train_every_label)
    by_label = defaultdict(list)
    for clip in clips:
        by_label[clip.label].append(splits[clip.recording])
    for found in by_label.values():
        validation = found.count(VALIDATION)
        if len(found) > 1:
            assert 1 <= validation <= len(found) // 2
            assert abs(validation - 0.4 * len(found)) <= 1
        elif train_every_label:
            assert validation == 0


@given(clips=clips)
def test_recordings_that_span_classes_leave_each_class_something_to_train_on(clips):
    for train_every_label in (True, False):
        splits = assign_splits(clips, train_every_label=train_every_label)
        of_class = defaultdict(set)
        for clip in clips:
            of_class[clip.label].add(clip.recording)
        for recordings in of_class.values():
            if train_every_label or len(recordings) > 1:
                assert any(splits[recording] == TRAIN for recording in recordings)


def test_the_order_comes_from_names_whatever_class_and_format():
    assert recording_name("Parus major/2020/XC12.5.flac") == "XC12.5"
    assert recording_name("Parus major/forest.0415") == "forest.0415"
    names = [f"r{n}" for n in range(30)]
    ranked = [sorted(map(form.format, names), key=split_order) for form in ("a/{}", "b/sub/{}.WAV", "{}")]
    assert [[recording_name(one) for one in order] for order in ranked] == [
        list(map(recording_name, ranked[2]))
    ] * 3


def test_single_recordings_are_divided_when_nothing_is_trained():
    clips = [UsableFile(label=f"species{n}", recording=f"r{n}", duration_s=3) for n in range(50)]
    validation = list(assign_splits(clips, train_every_label=False).values()).count(VALIDATION)
    assert validation == 20


def test_seconds_count_not_files():
    clips = [UsableFile(label="a", recording="long", duration_s=600)]
    clips += [UsableFile(label="a", recording=f"short{n}", duration_s=30) for n in range(6)]
    splits = assign_splits(clips, train_every_label=True)
    assert splits["long"] == TRAIN
    assert [splits[f"short{n}"] for n in range(6)].count(VALIDATION) == 3


def test_a_new_recording_leaves_other_classes_alone():
    old = [UsableFile(label=label, recording=f"{label}{n}", duration_s=3) for label in "ab" for n in range(8)]
    before = assign_splits(old, train_every_label=True)
    after = assign_splits(
        [*old, UsableFile(label="b", recording="new", duration_s=3)], train_every_label=True
    )
    assert all(after[name] == before[name] for name in before if name.startswith("a"))
