from collections.abc import Callable

import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.common_classes import common_classes, with_classes
from birdnet_stm32.evaluate.scored_windows import Call, ScoredRecording, ScoredWindows


def test_scientific_names_decide() -> None:
    first = ("Turdus merula_Eurasian Blackbird", "Parus major_Great Tit", "Columba livia_Rock Dove")
    second = ("Columba livia_Rock Pigeon", "Dog_Dog", "Turdus merula_Amsel", "Parus minor_Great Tit")
    found = common_classes([first, second])
    assert found.labels == ("Turdus merula_Eurasian Blackbird", "Columba livia_Rock Dove")
    assert [columns.tolist() for columns in found.columns] == [[0, 2], [2, 0]]
    assert found.others == (("Parus major_Great Tit",), ("Dog_Dog", "Parus minor_Great Tit"))


def test_labels_without_a_scientific_name_match_by_their_other_names() -> None:
    found = common_classes([("great tit", "Dog_Dog"), ("Dog_Dog", "Parus major_Great Tit")])
    assert [columns.tolist() for columns in found.columns] == [[0, 1], [1, 0]]
    assert common_classes([("a", "b"), ("b", "c"), ("c", "b")]).labels == ("b",)
    assert common_classes([("a",)]).labels == ("a",)


def test_a_name_of_two_classes_decides_nothing() -> None:
    with pytest.raises(InputError, match="no class in common"):
        common_classes([("Parus major_Tit", "Parus ater_Tit"), ("Tit",)])


def test_recordings_of_other_classes_stay(make_scored: Callable[..., ScoredWindows]) -> None:
    files = [
        ScoredRecording(path="a", recording="a", duration_s=3, labels=("wren",), unjudged=("owl",)),
        ScoredRecording(path="b", recording="b", duration_s=3, labels=("robin",)),
    ]
    scored = make_scored(files, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], [[0], [0]])
    found = with_classes(scored, ("Strix", "Troglodytes"), np.array([2, 0]))
    np.testing.assert_allclose(found.probabilities["int8"], [[0.3, 0.1], [0.6, 0.4]])
    assert [(one.labels, one.unjudged) for one in found.recordings] == [
        (("Troglodytes",), ("Strix",)),
        ((), ()),
    ]
    calls = (Call(label="owl", start_s=0, end_s=1), Call(label="robin", start_s=1, end_s=2))
    one = ScoredRecording(path="c", recording="c", duration_s=3, labels=(), calls=calls)
    kept = with_classes(make_scored([one], [[0, 0, 0]], [[0]]), ("Strix",), np.array([2]))
    assert kept.recordings[0].calls == (Call(label="Strix", start_s=0, end_s=1),)
