"""The classes of a student among the outputs of a teacher."""

from __future__ import annotations

import pytest

from birdnet_stm32.audio.annotations.species_names import Species
from birdnet_stm32.errors import InputError
from birdnet_stm32.model.teacher.teacher_classes import map_classes

TEACHER = ("Columba livia_Rock Pigeon", "Dog_Dog", "Motacilla alba_White Wagtail", "Turdus merula_Blackbird")


@pytest.mark.parametrize(
    "label", ["Columba livia_Rock Dove", "Columba livia", "Rock Pigeon", "columba livia_x", "rock_pigeon"]
)
def test_a_species_is_found_by_its_names(label: str) -> None:
    assert map_classes([label], TEACHER).outputs.tolist() == [0]


def test_classes_keep_the_order_of_the_student() -> None:
    found = map_classes(["Turdus merula", "rain", "Dog_Dog"], TEACHER)
    assert (found.labels, found.outputs.tolist()) == (("Turdus merula", "Dog_Dog"), [3, 1])
    assert found.unknown == ("rain",)


def test_two_subspecies_that_the_teacher_cannot_tell_apart_are_not_taught() -> None:
    both = ["Motacilla alba alba", "Motacilla alba yarrellii", "Dog_Dog"]
    assert map_classes(both, TEACHER).unknown == ("Motacilla alba alba", "Motacilla alba yarrellii")
    assert map_classes(both[:1], TEACHER).outputs.tolist() == [2]


def test_a_table_has_other_names() -> None:
    table = [Species(label="Turdus merula_Blackbird", scientific_name="Merula vulgaris")]
    assert map_classes(["Merula vulgaris_Amsel"], TEACHER, table).outputs.tolist() == [3]


def test_no_class_in_common_is_refused() -> None:
    with pytest.raises(InputError, match="knows none of the classes to train: rain, wind") as refused:
        map_classes(["rain", "wind"], TEACHER)
    assert "Columba livia_Rock Pigeon" in str(refused.value)


def test_a_name_of_two_outputs_is_refused() -> None:
    with pytest.raises(InputError, match="means") as refused:
        map_classes(["Great Tit"], ["Parus major_Great Tit", "Parus cinereus_Great Tit"])
    assert "[teacher] labels" in str(refused.value)
