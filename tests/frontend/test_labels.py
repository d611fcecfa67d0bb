"""A label file says the same as the configuration's class names, or is refused with the difference."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.frontend.labels import LabelOrder, check_names, read_labels, reconcile_labels

WHERE = Path("labels.txt")
BIRDS = ("Parus major_Great Tit", "Turdus merula_Eurasian Blackbird", "Pica pica_Eurasian Magpie", "Noise")


def shown(
    labels: tuple[str, ...], names: tuple[str, ...] = BIRDS, order: LabelOrder | None = None
) -> tuple[str, ...]:
    return reconcile_labels(labels, names, order=order, where=WHERE, remedy="say whose order holds")


names = st.lists(
    st.text(alphabet="abcäß_ '", min_size=1).filter(lambda name: name.strip() != ""),
    min_size=1,
    max_size=12,
    unique_by=lambda name: unicodedata.normalize("NFC", name).strip(),
)


@given(names, st.randoms(use_true_random=False))
def test_equal_names_pass_and_permuted_ones_are_put_right_or_refused(given: list[str], rng: object) -> None:
    class_names = tuple(given)
    assert shown(class_names, class_names) == class_names
    permuted = list(given)
    rng.shuffle(permuted)  # type: ignore[attr-defined]
    if permuted == given:
        return
    with pytest.raises(InputError, match="order"):
        shown(tuple(permuted), class_names)


def test_rotated_labels_are_refused_unless_a_key_says_whose_order_holds() -> None:
    rotated = (*BIRDS[1:], BIRDS[0])
    with pytest.raises(InputError, match="in another order: line 1 is 'Turdus merula_Eurasian Blackbird'"):
        shown(rotated)
    assert shown(rotated, order=LabelOrder.LABELS) == rotated
    assert shown(rotated, order=LabelOrder.CONFIGURATION) == BIRDS


@pytest.mark.parametrize(
    "labels",
    [
        ("Parus major_Kohlmeise", "Turdus merula_Amsel", "Pica pica_Elster", "Noise"),  # translated
        ("Parus major", "Turdus merula", "Pica pica", "Noise"),
        ("Great Tit", "Eurasian Blackbird", "Eurasian Magpie", "Noise"),
        ("Parus maior_Great Tit", "Turdus m._Eurasian Blackbird", "Pica_Eurasian Magpie", "Noise"),
    ],
)
def test_names_to_show_may_differ_in_one_part(labels: tuple[str, ...]) -> None:
    assert shown(labels) == labels
    swapped = (labels[1], labels[0], *labels[2:])
    with pytest.raises(InputError, match="in another order"):
        shown(swapped)
    assert shown(swapped, order=LabelOrder.CONFIGURATION) == labels


def test_common_names_that_moved_alone_are_refused() -> None:
    labels = ("Parus major_Eurasian Blackbird", "Turdus merula_Great Tit", *BIRDS[2:])
    for order in (None, *LabelOrder):
        with pytest.raises(InputError, match="scientific names in one order and common names in another"):
            shown(labels, order=order)


def test_other_names_are_listed() -> None:
    with pytest.raises(InputError) as refused:
        shown((*BIRDS[:2], "Corvus corax_Common Raven", "Noise"))
    assert "lacks 'Pica pica_Eurasian Magpie'" in str(refused.value)
    assert "has 'Corvus corax_Common Raven'" in str(refused.value)
    with pytest.raises(InputError, match="holds 3 names for 4 outputs: lacks 'Noise'"):
        shown(BIRDS[:3])


def test_unicode_forms_are_one_name() -> None:
    composed = ("Grünspecht", "b")
    assert shown(tuple(unicodedata.normalize("NFD", name) for name in composed), composed)
    with pytest.raises(InputError, match="stands there twice, as line 1 and 2"):
        check_names(["Grünspecht", unicodedata.normalize("NFD", "Grünspecht")], what="line", where=WHERE)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\nb\n", ("a", "b")),
        ("a\r\nb\r\n\r\n", ("a", "b")),
        ("\ufeffa\nb", ("a", "b")),
    ],
)
def test_a_label_file_is_read(tmp_path: Path, content: str, expected: tuple[str, ...]) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content.encode())
    assert read_labels(path) == expected
    path.write_bytes(content.replace("\ufeff", "").encode("utf-16"))
    assert read_labels(path) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\n\nb\n", "line 2 is empty"),
        ("a\nb\na\n", "'a' stands there twice, as line 1 and 3"),
        ("a\x0bb\nc\n", "line 1 is 'a.x0bb'"),
        ("a\u2028b\nc\n", "line 1 is"),
    ],
)
def test_a_line_that_is_no_name_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_labels(path)


def test_the_published_labels_and_those_of_the_trials(shared: Path) -> None:
    base = shared / "checkpoints/birdnet_stm32n6_100"
    names = read_contract(Path(f"{base}_model_config.json")).labels
    assert shown(read_labels(Path(f"{base}_labels.txt")), names) == names
    trials = shared / "data/trials/labels"
    assert shown(read_labels(trials / "labels.txt"), names) == names
    with pytest.raises(InputError, match="in another order"):
        shown(read_labels(trials / "labels_rotated.txt"), names)
