import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.common_classes import common_classes


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
