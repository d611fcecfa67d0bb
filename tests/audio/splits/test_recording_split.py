from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.splits.recording_split import (
    MIN_TEST_CLASS,
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    Shares,
    UsableFile,
    assign_folds,
    assign_splits,
    recording_name,
    split_order,
)

DEFAULT = Shares(test=0.2, validation=0.25)
UNTESTED = Shares(test=0, validation=0.4)

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
    splits = assign_splits(clips, DEFAULT, train_every_label=train_every_label)
    assert set(splits) == {clip.recording for clip in clips}
    assert set(splits.values()) <= set(SPLITS)
    shuffled = order.sample(clips, len(clips))
    assert assign_splits(shuffled, DEFAULT, train_every_label=train_every_label) == splits
    untested = assign_splits(clips, UNTESTED, train_every_label=train_every_label)
    assert set(untested.values()) <= {TRAIN, VALIDATION}


@given(counts=st.lists(st.integers(1, 12), min_size=1, max_size=6), train_every_label=st.booleans())
def test_classes_are_divided_each_by_itself(counts, train_every_label):
    clips = [
        UsableFile(label=f"class{label}", recording=f"{label}-{number}", duration_s=3)
        for label, count in enumerate(counts)
        for number in range(count)
    ]
    splits = assign_splits(clips, DEFAULT, train_every_label=train_every_label)
    by_label = defaultdict(list)
    for clip in clips:
        by_label[clip.label].append(splits[clip.recording])
    for found in by_label.values():
        test, validation, rest = found.count(TEST), found.count(VALIDATION), len(found) - found.count(TEST)
        if len(found) >= MIN_TEST_CLASS:
            assert 1 <= test <= len(found) // 4
            assert abs(test - 0.2 * len(found)) <= 1
        elif train_every_label or len(found) > 1:
            assert test == 0
        if len(found) > 1:
            assert 1 <= validation <= rest // 2
            assert abs(validation - 0.25 * rest) <= 1
        elif train_every_label:
            assert validation == 0


@given(clips=clips)
def test_recordings_that_span_classes_leave_each_class_something_to_train_on(clips):
    for train_every_label in (True, False):
        splits = assign_splits(clips, DEFAULT, train_every_label=train_every_label)
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
    found = list(assign_splits(clips, DEFAULT, train_every_label=False).values())
    assert (found.count(TEST), found.count(VALIDATION)) == (10, 10)
    assert list(assign_splits(clips, UNTESTED, train_every_label=False).values()).count(VALIDATION) == 20


def test_seconds_count_not_files():
    clips = [UsableFile(label="a", recording="long", duration_s=600)]
    clips += [UsableFile(label="a", recording=f"short{n}", duration_s=30) for n in range(6)]
    splits = assign_splits(clips, UNTESTED, train_every_label=True)
    assert splits["long"] == TRAIN
    assert [splits[f"short{n}"] for n in range(6)].count(VALIDATION) == 3
    tested = assign_splits(clips, DEFAULT, train_every_label=True)
    assert tested["long"] == TRAIN, "a test split of one recording"


def test_a_new_recording_leaves_other_classes_alone():
    old = [UsableFile(label=label, recording=f"{label}{n}", duration_s=3) for label in "ab" for n in range(8)]
    before = assign_splits(old, DEFAULT, train_every_label=True)
    new = UsableFile(label="b", recording="new", duration_s=3)
    after = assign_splits([*old, new], DEFAULT, train_every_label=True)
    assert all(after[name] == before[name] for name in before if name.startswith("a"))


def test_a_recording_added_moves_few_others():
    """A finished model is tested on nearly the same recordings next year."""
    old = [UsableFile(label="a", recording=f"r{n}", duration_s=3) for n in range(40)]
    before = assign_splits(old, DEFAULT, train_every_label=True)
    for number in range(20):
        new = UsableFile(label="a", recording=f"new{number}", duration_s=3)
        after = assign_splits([*old, new], DEFAULT, train_every_label=True)
        assert sum((before[name] == TEST) != (after[name] == TEST) for name in before) <= 1


def test_what_somebody_divided_stays_as_it_is():
    clips = [UsableFile(label="a", recording=f"r{n}", duration_s=3) for n in range(12)]
    given_test = {"r0": TEST, "r1": TEST, "r2": TEST}
    splits = assign_splits(clips, DEFAULT, train_every_label=True, given=given_test)
    assert {name for name, split in splits.items() if split == TEST} == set(given_test)
    assert list(splits.values()).count(VALIDATION) == 2
    given_validation = {"r0": VALIDATION, "r1": VALIDATION}
    splits = assign_splits(clips, DEFAULT, train_every_label=True, given=given_validation)
    assert splits["r0"] == splits["r1"] == VALIDATION
    assert list(splits.values()).count(TEST) == 2


@given(clips=clips, count=st.integers(2, 7), order=st.randoms(use_true_random=False))
def test_folds_hold_each_recording_once_and_each_class_evenly(clips, count, order):
    folds = assign_folds(clips, count)
    assert set(folds) == {clip.recording for clip in clips}
    assert set(folds.values()) <= set(range(1, count + 1))
    assert assign_folds(order.sample(clips, len(clips)), count) == folds
    apart = [
        UsableFile(label=one.label, recording=f"{one.label}{one.recording}", duration_s=3) for one in clips
    ]
    folds = assign_folds(apart, count)
    for label in "abcd":
        numbers = [folds[name] for name in {one.recording for one in apart if one.label == label}]
        sizes = [numbers.count(number) for number in range(1, count + 1)]
        assert max(sizes) - min(sizes) <= 1
    sizes = [list(folds.values()).count(number) for number in range(1, count + 1)]
    assert max(sizes) - min(sizes) <= 4


@given(
    clips=clips,
    given_splits=st.dictionaries(st.integers(0, 15).map(str), st.sampled_from(SPLITS), max_size=8),
    train_every_label=st.booleans(),
)
def test_a_given_split_is_kept_and_only_what_it_lacks_is_drawn(clips, given_splits, train_every_label):
    known = {clip.recording for clip in clips}
    given_splits = {name: split for name, split in given_splits.items() if name in known}
    splits = assign_splits(clips, DEFAULT, train_every_label=train_every_label, given=given_splits)
    assert set(splits) == known
    for part in (VALIDATION, TEST):
        named = {name for name, split in given_splits.items() if split == part}
        found = {name for name, split in splits.items() if split == part}
        other = {name for name, split in given_splits.items() if split not in (part, TRAIN)}
        assert not found & other
        assert found == named or not named
