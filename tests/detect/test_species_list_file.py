"""Species lists: what each line means, each mistake with its line, and the C, which reads the same."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.audio.annotations.species_names import Species, species_names
from birdnet_stm32.detect.fixed_point import ONE, threshold_to_fixed
from birdnet_stm32.detect.species_list import ALL_WEEKS, ListedSpecies, SpeciesList, TimeOfDay, allowed
from birdnet_stm32.detect.species_list_file import (
    Mistake,
    first_mistake,
    parse_species_list,
    read_species_list,
    species_list_bytes,
)
from birdnet_stm32.detect.sun import Light
from birdnet_stm32.errors import InputError
from birdnet_stm32.paths import firmware_templates

HARNESS = Path(__file__).parents[1] / "c" / "species_list_harness.c"
LABELS = (  # as in the harness
    "Turdus merula_Eurasian Blackbird",
    "Strix aluco_Tawny Owl",
    "Parus major_Great Tit",
    "Columba livia_Rock Dove",
    "Columba rupestris_Rock Dove",
    "Dog_Dog",
    "house_sparrow",
    "noise",
    "Picus viridis_Grünspecht",
    'a "quoted", name',
)
HEADER = "species,threshold,need,weeks,time\n"

Files = Sequence[tuple[bytes, int]]


def parse(text: str | bytes) -> SpeciesList:
    return parse_species_list(text.encode() if isinstance(text, str) else text, LABELS)


def test_all_columns() -> None:
    found = parse(
        "\ufeff# garden\r\n\r\n"
        "Weeks, SPECIES ,time,need,threshold\r\n"
        '44-2 20 47,"strix aluco",Night,1,0.45\r\n'
        ",Turdus merula_Amsel,day,,\r\n"
        "  # a comment\r\n"
        ',"a ""quoted"", name",,,.000001'
    )
    winter = sum(1 << (week - 1) for week in (44, 45, 46, 47, 48, 1, 2, 20))
    assert found.species == {
        1: ListedSpecies(line=4, threshold=round(0.45 * ONE), need=1, weeks=winter, time=TimeOfDay.NIGHT),
        0: ListedSpecies(line=5, time=TimeOfDay.DAY),
        9: ListedSpecies(line=7, threshold=17),
    }
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("Turdus merula", 0),
        ("TURDUS MERULA_eurasian blackbird", 0),
        ("Eurasian Blackbird", 0),
        ("Turdus merula_Merle noir", 0),
        ("Parus minor_Great Tit", 2),
        ("Columba livia", 3),
        ("Dog", 5),
        ("house_sparrow", 6),
        ("house", 6),
        ("noise", 7),
        ("Grünspecht", 8),
        ("Turdus  merula", None),
        ("Turdus philomelos", None),
        ("Gruenspecht", None),
    ],
)
def test_names_without_a_header(name: str, index: int | None) -> None:
    found = parse(f"noise\n{name}\n" if index != 7 else f"Dog\n{name}\n")
    assert index in found.species or found.unknown == ((2, name),)
    assert (index is None) == bool(found.unknown)


def test_names_that_only_a_table_knows_are_told_apart() -> None:
    names = species_names(LABELS, [Species(scientific_name="Turdus merula", code="eurbla")])
    found = parse_species_list(b"eurbla\nGREAT-TIT\nnoise\nxyz", LABELS, names=names)
    assert sorted(found.species) == [0, 2, 7]
    assert found.only_here == ((1, "eurbla"), (2, "GREAT-TIT"))
    assert found.unknown == ((4, "xyz"),)


@pytest.mark.parametrize(
    ("text", "line", "mistake"),
    [
        ("noise\n" + "x" * 256, 2, Mistake.LINE),
        ("noise\nx\0y", 2, Mistake.CHARACTER),
        ("n\0o\0i\0s\0e\0", 1, Mistake.CHARACTER),
        ('noise\n"Dog', 2, Mistake.QUOTE),
        ('noise\nDo"g"', 2, Mistake.QUOTE),
        ('noise\n"Dog" x', 2, Mistake.QUOTE),
        ("species;threshold\nDog;0.5", 1, Mistake.SEPARATOR),
        ("species\tthreshold\nDog\t0.5", 1, Mistake.SEPARATOR),
        ("Dog,0.5", 1, Mistake.FIELDS),
        ("species,time\nDog", 2, Mistake.FIELDS),
        ("species,time\nDog,day,", 2, Mistake.FIELDS),
        ("1,2,3,4,5,6", 1, Mistake.FIELDS),
        ("species,treshold\nDog,0.5", 1, Mistake.COLUMN),
        ("species,time,Time", 1, Mistake.COLUMN_TWICE),
        (HEADER + ",0.5,,,", 2, Mistake.NAME),
        ("noise\nRock Dove", 2, Mistake.AMBIGUOUS),
        ("Parus major\n\nGreat Tit", 3, Mistake.TWICE),
        (HEADER + "Dog,1,,,", 2, Mistake.THRESHOLD),
        (HEADER + 'Dog,"0,5",,,', 2, Mistake.THRESHOLD),
        (HEADER + "Dog,0.0000001,,,", 2, Mistake.THRESHOLD),
        (HEADER + "Dog,0.0,,,", 2, Mistake.THRESHOLD),
        (HEADER + "Dog,,0,,", 2, Mistake.NEED),
        (HEADER + "Dog,,33,,", 2, Mistake.NEED),
        (HEADER + "Dog,,,49,", 2, Mistake.WEEKS),
        (HEADER + "Dog,,,0-3,", 2, Mistake.WEEKS),
        (HEADER + "Dog,,,1--3,", 2, Mistake.WEEKS),
        (HEADER + "Dog,,,1- 3,", 2, Mistake.WEEKS),
        (HEADER + "Dog,,,,dusk", 2, Mistake.TIME),
        ("", 0, Mistake.NO_SPECIES),
        ("# nothing\n" + HEADER, 0, Mistake.NO_SPECIES),
        ("Turdus philomelos\nCorvus corax", 0, Mistake.NO_SPECIES),
    ],
)
def test_each_mistake_is_named_with_its_line(ask, text: str, line: int, mistake: Mistake) -> None:
    found = first_mistake(text.encode(), LABELS)
    assert found is not None
    assert (found.line, found.mistake) == (line, mistake)
    with pytest.raises(InputError) as refused:
        parse(text)
    assert mistake is Mistake.NO_SPECIES or f"line {line}: " in refused.value.what
    assert ask([(text.encode(), 3)])[0].split()[:2] == [str(int(mistake)), str(line)]


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "species.csv"
    path.write_text(HEADER + "Dog,2,,,\nnoise,,,,\nTurdus merula,,,60,\n" + "Dog,2,,,\n" * 20)
    with pytest.raises(InputError) as refused:
        read_species_list(path, LABELS)
    message = str(refused.value)
    assert "species.csv: has 22 mistakes" in message
    assert "line 2: 'Dog,2,,,'; expected: a probability between 0 and 1" in message
    assert "line 4: 'Turdus merula,,,60,'; expected: weeks from 1 to 48" in message
    assert "and 12 more" in message


def test_a_list_of_foreign_species_names_some_of_them() -> None:
    with pytest.raises(
        InputError, match="names 2 species, none of which the model knows: 'Corvus corax', 'x'"
    ):
        parse("Corvus corax\nx")


@given(st.integers(1, 999_999))
def test_a_threshold_is_the_same_number_in_rules_and_in_the_file(millionths: int) -> None:
    text = f"{HEADER}Dog,0.{millionths:06},,,"
    (species,) = parse(text).species.values()
    assert abs(species.threshold / ONE - millionths / 1e6) <= 0.5 / ONE
    assert threshold_to_fixed(species.threshold / ONE) == species.threshold


LISTED = st.builds(
    ListedSpecies,
    line=st.just(1),
    threshold=st.just(0) | st.integers(1, 999_999).map(lambda parts: (parts * ONE + 500_000) // 1_000_000),
    need=st.integers(0, 32),
    weeks=st.integers(1, ALL_WEEKS) | st.just(ALL_WEEKS),
    time=st.sampled_from(TimeOfDay),
)


@settings(max_examples=12)
@given(st.dictionaries(st.integers(0, len(LABELS) - 1), LISTED, min_size=1))
def test_a_written_list_is_read_back(ask, species) -> None:
    content = species_list_bytes(SpeciesList(labels=LABELS, species=species))
    found = parse(content)
    for index, one in species.items():
        back = found.species[index]
        assert (back.threshold, back.need, back.weeks, back.time) == (
            one.threshold,
            one.need,
            one.weeks,
            one.time,
        )
    assert sorted(found.species) == sorted(species)
    assert ask([(content, 1)]) == [answer(content)]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Files], list[str]]:
    """Return a function that has the C read files, each in steps of so many bytes, and says what it found."""
    runtime = firmware_templates() / "runtime"
    program = tmp_path_factory.mktemp("species") / "harness"
    flags = (
        "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Wpedantic -Werror -fsanitize=address,undefined".split()
    )
    sources = [HARNESS, runtime / "birdnet_species_list.c", runtime / "birdnet_species_allowed.c"]
    command = ["gcc", *flags, "-fno-sanitize-recover", f"-I{runtime}", *sources, "-o", program]
    subprocess.run(command, check=True, timeout=120)

    def answers(files: Files) -> list[str]:
        content = b"".join(b"%d %d\n" % (len(one), step) + one for one, step in files)
        done = subprocess.run([program], input=content, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().splitlines()

    return answers


def answer(content: bytes) -> str:
    """What the C has to say."""
    mistake = first_mistake(content, LABELS)
    if mistake is not None and mistake.mistake is not Mistake.NO_SPECIES:
        return f"{int(mistake.mistake)} {mistake.line} "
    if mistake is not None:
        return f"{int(mistake.mistake)} 0 0 "
    found = parse(content)
    words = [0, 0, len(found.species), len(found.unknown), found.unknown[0][0] if found.unknown else 0]
    said = [str(word) for word in words]
    for index, one in sorted(found.species.items()):
        said.append(f"{index}:{one.line}:{one.threshold}:{one.need}:{one.weeks:x}:{int(one.time)}")
    for week in (None, 12, 24, 36, 48):
        for light in (None, *Light):
            mask = allowed(found, week=week, light=light)
            said.append(f"{sum(1 << index for index, one in enumerate(mask) if one):x}")
    return " ".join(said)


NAME = st.sampled_from(
    [
        *LABELS,
        "Turdus merula",
        "great tit",
        "Rock Dove",
        "Columba livia",
        "xyz",
        "Strix aluco_Waldkauz",
        "",
        '"Dog"',
        '"a ""quoted"", name"',
    ]
)
FIELD = st.sampled_from(
    [
        "",
        "",
        "",
        "0.5",
        "0.123456",
        "1",
        "32",
        "33",
        "1-48",
        "44-8 20",
        "5",
        "day",
        "NIGHT",
        "any",
        '"x',
        '"0.25"',
        "\t7 ",
        ";",
    ]
)
LINE = st.one_of(
    st.builds(lambda name, fields: ",".join([name, *fields]), NAME, st.lists(FIELD, min_size=4, max_size=4)),
    st.builds(lambda name: name + ",,,,", NAME),
    st.sampled_from(["# comment", "", "  ", "#" * 300, " " * 300, "x" * 254 + ",,,,", "x" * 251 + ",,,,"]),
    st.text(max_size=12),
    NAME,
)
TEXT = st.builds(
    lambda mark, header, lines, end: (mark + end.join([*header, *lines])).encode("utf-8", "replace"),
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(
        [[], [HEADER.strip()], [HEADER.strip()], ["# x", " species , Time,weeks,need,threshold"]]
    ),
    st.lists(LINE, max_size=8),
    st.sampled_from(["\n", "\r\n", "\r", "\n\r"]),
)
CONTENT = TEXT | st.builds(
    lambda text, at, byte: text[:at] + byte + text[at:], TEXT, st.integers(0, 60), st.binary(max_size=2)
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(CONTENT | st.binary(max_size=40), st.integers(1, 70)), min_size=1, max_size=20))
def test_the_c_reads_the_same_from_the_same_bytes(ask: Callable[[Files], list[str]], files: Files) -> None:
    for said, (content, _) in zip(ask(files), files, strict=True):
        assert (said + " ").startswith(answer(content)), content
