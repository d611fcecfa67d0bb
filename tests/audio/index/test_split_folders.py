from __future__ import annotations

import pytest

from birdnet_stm32.audio.index.split_folders import described, find_split_folders
from birdnet_stm32.errors import InputError


def paths(*folders: str) -> list[str]:
    return [f"{folder}/{label}/{take}.wav" for folder in folders for label in ("owl", "tit") for take in "12"]


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "test"), ["train", "test"]),
        (("Train", "Validation"), ["train", "validation"]),
        (("training_set", "val", "Test"), ["train", "validation", "test"]),
        (("Development_Set/Train", "Development_Set/Validation"), ["train", "validation"]),
    ],
)
def test_folders_that_divide_are_recognised(folders, splits):
    found = find_split_folders(paths(*folders), "auto")
    assert [found.split_of(f"{folder}/owl/1.wav") for folder in folders] == splits
    assert {found.class_path(path) for path in paths(*folders)} == {
        "owl/1.wav",
        "owl/2.wav",
        "tit/1.wav",
        "tit/2.wav",
    }
    (note,) = described(found)
    assert all(folder.rpartition("/")[2] in note for folder in folders)
    assert not find_split_folders(paths(*folders), "drawn").splits


@pytest.mark.parametrize(
    "listed",
    [
        ["owl/1.wav", "train/1.wav", "test/1.wav"],  # classes of sounds
        ["train/1.wav", "test/1.wav"],  # no classes in them
        paths("train"),
        paths("validation", "test"),
    ],
)
def test_what_may_be_classes_is_none_of_them(listed):
    assert not find_split_folders(listed, "auto").splits


def test_folders_beside_those_that_divide_are_refused_until_somebody_says_what_they_are():
    listed = paths("train", "test", "more")
    with pytest.raises(InputError, match=r"test, train seem to divide .* beside them lies more"):
        find_split_folders(listed, "auto")
    assert not find_split_folders(listed, "drawn").splits


def test_when_asked_for_folders_beside_them_are_named_and_their_absence_is_refused():
    found = find_split_folders(paths("train", "test", "more"), "folders")
    assert found.beside == ("more",)
    assert found.split_of("more/owl/1.wav") == ""
    assert found.class_path("more/owl/1.wav") == "1.wav", "it has no class"
    assert list(described(found))[1] == "left out, as they lie beside these folders: more"
    with pytest.raises(InputError, match="no folders divide the recordings, there are owl, tit"):
        find_split_folders(["owl/1.wav", "tit/1.wav"], "folders")
    wrapped = find_split_folders(
        [*paths("Development_Set/Train", "Development_Set/Validation"), "x/1.wav"], "folders"
    )
    assert set(wrapped.splits.values()) == {"train", "validation"}
