from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.splits.recording_split import Shares
from birdnet_stm32.audio.splits.suspected_clips import EVERY_FILE, AssignedFile, find_suspected_clips

SHARES = Shares(test=0.2, validation=0.25)


def files(*stems: str, label: str = "owl", suffix: str = ".wav") -> list[AssignedFile]:
    """Files of a class that train and validate in turn."""
    return [
        AssignedFile(
            path=f"{label}/{stem}{suffix}",
            label=label,
            duration_s=3.0,
            split=("train", "validation")[number % 2],
        )
        for number, stem in enumerate(stems)
    ]


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        ("1-19898-A", "1-19898-B", "1-20545-A"),
        ("1-19898-A-41", "1-19898-B-41", "1-20545-A-41"),
        ("XC123456_1", "XC123456_2", "XC99999"),
        ("XC123456__t000", "XC123456__t012", "XC99999__t000"),
        ("XC123456 (1)", "XC123456 (2)", "XC99999 (1)"),
        ("XC123456_part1", "XC123456_part2", "XC99999"),
        ("XC123456_0.0_3.0s", "XC123456_12.0_15.0s", "XC99999_0.0_3.0s"),
        ("2021-B32-0415_05-11", "2021-B32-0415_05-3", "2021-SW83-0418_04-77"),
    ],
)
def test_clips_of_one_upload_are_found_and_the_pattern_joins_them(first, second, third):
    found = find_suspected_clips(files(first, second, third, "another"), SHARES, train_every_label=True)
    assert (found.first, found.second) == (f"owl/{first}.wav", f"owl/{second}.wav")
    joined = {re.search(found.pattern, stem)["recording"] for stem in (first, second)}
    assert len(joined) == 1
    assert re.search(found.pattern, third)["recording"] not in joined
    assert (found.recordings, found.classes) == (1, 1)


@pytest.mark.parametrize(
    "stems",
    [
        ("1", "2", "3", "4"),
        ("take_1", "take_2", "take_3"),
        ("XC123456", "XC123457", "XC123458"),
        ("20210501_063000", "20210501_064000", "20210502_063000"),
        ("2021-05-01", "2021-05-02", "2021-06-01", "2021-06-02"),
        ("2021-05-01_06-30-00", "2021-05-01_06-40-00"),
    ],
)
def test_files_that_are_only_counted_or_dated_are_let_alone(stems):
    assert find_suspected_clips(files(*stems), SHARES, train_every_label=True) is None


def test_pairs_on_one_side_or_in_two_classes_are_let_alone():
    one_side = [
        AssignedFile(path=f"owl/XC1234_{n}.wav", label="owl", duration_s=3, split="train") for n in range(3)
    ]
    assert find_suspected_clips(one_side, SHARES, train_every_label=True) is None
    across = [*files("XC1234_1", label="owl"), *files("x", "XC1234_2", label="tit")]
    assert find_suspected_clips(across, SHARES, train_every_label=True) is None


@pytest.mark.parametrize("splits", [("train", "test"), ("validation", "test"), ("test", "train")])
def test_clips_in_any_two_splits_are_found(splits):
    clips = [
        AssignedFile(path=f"owl/XC1234_{number}.wav", label="owl", duration_s=3, split=split)
        for number, split in enumerate(splits)
    ]
    found = find_suspected_clips([*clips, *files("a", "b", "c")], SHARES, train_every_label=True)
    assert found.second_split == "test"
    assert {found.first_split, found.second_split} == set(splits)


def test_the_same_recording_in_two_formats_is_found():
    two = [*files("song"), AssignedFile(path="owl/song.flac", label="owl", duration_s=3, split="validation")]
    found = find_suspected_clips([*two, *files("b", "c")], SHARES, train_every_label=True)
    assert found.pattern == EVERY_FILE
    counted = [
        *files("1"),
        AssignedFile(path="owl/2021/1.wav", label="owl", duration_s=3, split="validation"),
    ]
    assert find_suspected_clips(counted, SHARES, train_every_label=True) is None


def test_no_pattern_is_given_that_leaves_nothing_to_validate():
    found = find_suspected_clips(files("XC1234_1", "XC1234_2"), SHARES, train_every_label=True)
    assert found.pattern == ""


@given(
    stems=st.sets(st.text("aB1-_ ().", min_size=1, max_size=8), min_size=2, max_size=20),
    order=st.randoms(use_true_random=False),
)
def test_whatever_the_stems_the_pattern_given_works(stems, order):
    given_files = files(*sorted(stems))
    found = find_suspected_clips(given_files, SHARES, train_every_label=True)
    assert (
        find_suspected_clips(order.sample(given_files, len(given_files)), SHARES, train_every_label=True)
        == found
    )
    if found is not None and found.pattern:
        stems_found = [path.removeprefix("owl/").removesuffix(".wav") for path in (found.first, found.second)]
        assert len({re.search(found.pattern, stem)["recording"] for stem in stems_found}) == 1
