"""A name means one class, whatever its kind and spelling, or none; two meanings are refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.annotations.names_table import parse_names
from birdnet_stm32.audio.annotations.species_names import Species, SpeciesNames, species_names
from birdnet_stm32.errors import InputError

BLACKBIRD, ROBIN = "Turdus merula_Eurasian Blackbird", "Erithacus rubecula_European Robin"
JAY, DOG = "Aphelocoma woodhouseii_Woodhouse's Scrub-Jay", "Dog_Dog"
LABELS = (BLACKBIRD, ROBIN, JAY, DOG, "house_sparrow")


@pytest.fixture
def names() -> SpeciesNames:
    return species_names(LABELS)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (BLACKBIRD, BLACKBIRD),
        ("turdus MERULA", BLACKBIRD),
        ("eurasian blackbird", BLACKBIRD),
        ("Woodhouses Scrub Jay", JAY),
        ("Woodhouse’s scrubjay", JAY),
        ("Turdus merula azorensis", BLACKBIRD),
        ("Turdus merula_Amsel", BLACKBIRD),
        ("dog", DOG),
        ("House Sparrow", "house_sparrow"),
        ("Amsel", None),
        ("Turdus", None),
        ("house", None),
        ("", None),
        ("????", None),
    ],
)
def test_names_of_the_labels(names: SpeciesNames, name: str, label: str | None) -> None:
    assert names.label_of(name) == label


def test_the_first_known_name_counts(names: SpeciesNames) -> None:
    assert names.label_of_any(("nothing", "European Robin")) == ROBIN
    assert names.label_of_any(()) is None


def test_similar_names(names: SpeciesNames) -> None:
    assert names.suggestion("Eurasian Blackbrid") == "did you mean Eurasian Blackbird?"
    assert names.suggestion("xyz") == ""


TABLE = """scientific_name,common_name,code
Turdus merula,Amsel,eurbla
Turdus merula,Merle noir,
Erithacus rubecula,Rotkehlchen,eurrob1
Columba livia,Rock Dove,rocpig
"""


def test_a_table_in_several_languages() -> None:
    names = species_names(LABELS, parse_names(TABLE.encode(), where="n"))
    found = [
        names.label_of(one) for one in ("amsel", "Merle noir", "eurbla", "Eurasian Blackbird", "eurrob1")
    ]
    assert found == [BLACKBIRD] * 4 + [ROBIN]
    assert names.label_of("Rock Dove") is None
    assert names.suggestion("Rock Dove") == ""  # known, and no class


def test_codes_of_birdnet_analyzer_in_both_directions() -> None:
    for fields in (
        {"Turdus merula_Common Blackbird": "eurbla"},
        {"eurbla": "Turdus merula_Common Blackbird"},
    ):
        names = species_names(LABELS, parse_names(json.dumps(fields).encode(), where="n"))
        assert names.label_of("eurbla") == names.label_of("Common Blackbird") == BLACKBIRD


def test_ebirds_own_columns() -> None:
    content = (
        b"TAXON_ORDER,SPECIES_CODE,PRIMARY_COM_NAME,SCI_NAME\n1,eurbla,Eurasian Blackbird,Turdus merula\n"
    )
    assert parse_names(content, where="n") == (
        Species(scientific_name="Turdus merula", common_name="Eurasian Blackbird", code="eurbla", line="n:2"),
    )


def test_a_name_with_two_meanings_in_a_table() -> None:
    table = parse_names(b"label,common_name\nTurdus merula,Vogel\nErithacus rubecula,vogel\n", where="n")
    with pytest.raises(InputError, match=rf"n:3: the common name 'vogel' means '{BLACKBIRD}' and '{ROBIN}'"):
        species_names(LABELS, table)


def test_a_name_with_two_meanings_in_the_labels() -> None:
    names = species_names(("Parus a_Tit", "Parus b_Tit", "Tit tit_Other"))
    assert names.label_of("Parus b") == "Parus b_Tit"
    with pytest.raises(InputError, match="the common name 'tit' means 'Parus a_Tit' and 'Parus b_Tit'"):
        names.label_of("tit")


def test_a_scientific_name_wins() -> None:
    names = species_names(("Pica pica_Magpie", "Corvus x_Pica pica"))
    assert names.label_of("Pica pica") == "Pica pica_Magpie"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has the columns"),
        (b"code\nx\n", "at least two of"),
        (b"label,code\n", "has no names"),
        (b"{}", "has no names"),
        (b'{"a": 1}', "is no text"),
        (b"[1]", "at least two of"),
        (b"scientific_name,code\nCorvus corax,comrav\n", "none that the model knows"),
    ],
)
def test_wrong_tables(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        species_names(LABELS, parse_names(content, where="n"))


@given(st.text(max_size=40))
def test_any_name_has_a_meaning_or_none(name: str) -> None:
    assert species_names(LABELS).label_of(name) in (None, *LABELS)


@given(st.binary(max_size=100), st.sampled_from([b"", b"{", b"label,code\n"]))
def test_any_bytes_are_read_or_refused(content: bytes, head: bytes) -> None:
    try:
        parse_names(head + content, where="n")
    except InputError:
        return
