"""A release says from which teacher its model learned, and under which licence."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.model.teacher.teacher_document import Agreement, TeacherDocument
from birdnet_stm32.release.model_card import ModelCard, model_card_text
from birdnet_stm32.release.readme import readme_text
from birdnet_stm32.release.teacher_statement import teacher_facts, teacher_statements

TEACHER = TeacherDocument(
    name="teacher.tflite",
    digest="a" * 64,
    licence="CC-BY-NC-SA-4.0",
    outputs=6_522,
    classes=("Parus major", "Strix aluco"),
    unknown_classes=("rain",),
    embedding_size=1_024,
    windows=12,
    heard_windows=12,
    agreement=Agreement(windows=9, without_score=0, heard=0.8, first=0.7),
    left_out_windows=0,
)


def test_the_teacher_and_its_licence_are_named() -> None:
    said = teacher_statements([TEACHER])
    assert "teacher.tflite" in said[0]
    assert "a" * 64 in said[0]
    assert "2 classes of 3" in said[0]
    assert "licence of the teacher is CC-BY-NC-SA-4.0" in said[0]
    assert "Nothing of a teacher is in this release" in said[1]
    (fact,) = teacher_facts([TEACHER])
    assert fact.value == f"teacher.tflite, licence CC-BY-NC-SA-4.0, SHA-256 {'a' * 64}"


def test_the_teacher_of_the_model_that_a_training_started_from_is_named_too() -> None:
    first = replace(TEACHER, name="first.onnx", licence="Apache-2.0")
    said = teacher_statements([first, TEACHER])
    assert len(said) == 3
    assert ("first.onnx" in said[0], "Apache-2.0" in said[0], "teacher.tflite" in said[1]) == (True,) * 3


def test_without_a_teacher_nothing_is_said() -> None:
    assert (teacher_statements(()), teacher_facts(())) == ((), ())
    assert "What it learned from" not in readme_text(title="t", version="1")


def test_readme_and_model_card_say_it() -> None:
    odd = replace(TEACHER, licence="my *own*\nterms")
    text = readme_text(title="t", version="1", learned=teacher_statements([odd]))
    assert "What it learned from\n--------------------\n- The model learned from the labels" in text
    assert "my *own* terms" in " ".join(text.split())
    card = model_card_text(ModelCard(title="t", version="1", variant="v", learned=teacher_statements([odd])))
    training = card[card.index("## Training data") : card.index("## Quantitative analyses")]
    assert "- The model learned from the labels of its recordings" in training
    assert r"my \*own\* terms" in training
