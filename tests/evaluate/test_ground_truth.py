from collections.abc import Callable

import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.ground_truth import ABSENT, PRESENT, UNJUDGED, find_ground_truth
from birdnet_stm32.evaluate.scored_windows import Call, ScoredRecording, ScoredWindows

Make = Callable[..., ScoredWindows]


def annotated(*calls: Call, unjudged: tuple[str, ...] = ()) -> ScoredRecording:
    return ScoredRecording(
        path="a.wav", recording="a", duration_s=9, labels=(), calls=calls, unjudged=unjudged
    )


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        (1.0, 2.0, [PRESENT, ABSENT, ABSENT]),  # inside the first window, which ends at 3
        (2.5, 3.5, [PRESENT, PRESENT, ABSENT]),  # half of the call in each
        (2.6, 3.6, [UNJUDGED, PRESENT, ABSENT]),  # less than half of it in the first
        (1.5, 9.0, [PRESENT, PRESENT, PRESENT]),  # long: half of the window is enough
        (1.6, 9.0, [UNJUDGED, PRESENT, PRESENT]),
        (3.0, 6.0, [ABSENT, PRESENT, ABSENT]),  # touching at an edge is no overlap
        (4.0, 4.0, [ABSENT, PRESENT, ABSENT]),  # a point
        (20.0, 21.0, [ABSENT, ABSENT, ABSENT]),  # beyond the windows
    ],
)
def test_a_window_holds_a_call_that_it_half_covers(
    make_scored: Make, start_s: float, end_s: float, expected: list[int]
) -> None:
    scored = make_scored(
        [annotated(Call(label="wren", start_s=start_s, end_s=end_s))], np.zeros((3, 3)), [[0, 3, 6]]
    )
    truth = find_ground_truth(scored)
    assert truth.windows[:, 0].tolist() == expected
    assert not truth.windows[:, 1:].any()


def test_a_call_is_found_by_windows_that_half_cover_it(make_scored: Make) -> None:
    calls = [Call(label="wren", start_s=2.6, end_s=3.6), Call(label="owl", start_s=20, end_s=21)]
    scored = make_scored([annotated(*calls)], [[0.9, 0, 0.7], [0.4, 0, 0.7], [0, 0, 0.7]], [[0, 3, 6]])
    found = find_ground_truth(scored).occurrences.scores(scored.probabilities["int8"])
    assert found.tolist() == [np.float32(0.4), -1]


def test_unjudged_species_take_no_part(make_scored: Make) -> None:
    one = annotated(Call(label="wren", start_s=1, end_s=2), unjudged=("wren", "gull"))
    truth = find_ground_truth(make_scored([one], np.zeros((3, 3)), [[0, 3, 6]]))
    assert truth.windows[:, 0].tolist() == [UNJUDGED] * 3
    assert not len(truth.occurrences.classes)
    assert truth.hours_without(0).tolist() == [0]
    assert truth.hours_without(1).tolist() == [9 / 3600]


def test_a_file_leaves_its_windows_open(make_scored: Make) -> None:
    files = [
        ScoredRecording(path="a", recording="x", duration_s=6, labels=("wren",), unjudged=("owl",)),
        ScoredRecording(path="b", recording="x", duration_s=3, labels=()),
    ]
    truth = find_ground_truth(make_scored(files, np.zeros((3, 3)), [[0, 3], [0]]))
    assert truth.windows.tolist() == [[-1, 0, -1], [-1, 0, -1], [0, 0, 0]]
    assert truth.files.tolist() == [[1, 0, -1], [0, 0, 0]]
    assert truth.hours_without(0) * 3600 == pytest.approx([3])
    assert truth.recording_names == ("x",)


def test_windows_that_follow_each_other(make_scored: Make) -> None:
    one = ScoredRecording(path="a", recording="a", duration_s=60, labels=())
    truth = find_ground_truth(make_scored([one, one], np.zeros((5, 3)), [[6, 0, 3], [0, 3.5]]))
    assert truth.order.tolist() == [1, 2, 0, 3, 4]
    assert truth.continues.tolist() == [False, True, True, False, False]


def test_some_annotated_recordings_are_taken_as_a_whole(make_scored: Make) -> None:
    whole = ScoredRecording(path="b", recording="b", duration_s=9, labels=("owl",))
    called = annotated(Call(label="wren", start_s=1, end_s=2))
    truth = find_ground_truth(make_scored([called, whole], np.zeros((2, 3)), [[3], [0]]))
    assert not truth.annotated
    assert truth.files.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert truth.windows.tolist() == [[-1, 0, 0], [0, 0, -1]]


def test_what_does_not_fit_is_refused(make_scored: Make) -> None:
    whole = ScoredRecording(path="b", recording="b", duration_s=9, labels=())
    with pytest.raises(InputError, match="gull is no class of the model"):
        find_ground_truth(
            make_scored([annotated(Call(label="gull", start_s=0, end_s=1))], np.zeros((1, 3)), [[0]])
        )
    with pytest.raises(InputError, match="no recording to measure"):
        find_ground_truth(make_scored([whole], np.zeros((0, 3)), [[]]))
