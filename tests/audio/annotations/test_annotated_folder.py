"""Tables find their recordings, and everything that is not used is named."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.annotations.annotated_folder import AnnotatedFolder, find_annotated
from birdnet_stm32.audio.annotations.call_spans import AnnotatedCall, merged
from birdnet_stm32.audio.annotations.recording_names import RecordingNames
from birdnet_stm32.audio.annotations.species_names import species_names
from birdnet_stm32.errors import InputError

WREN, OWL = "Troglodytes troglodytes_Wren", "Strix aluco_Owl"
NAMES = species_names((WREN, OWL))
HEADER = "Selection\tView\tBegin Time (s)\tEnd Time (s)\tSpecies\n"


def raven(*calls: tuple[float, float, str]) -> str:
    rows = [f"{number}\tS\t{start}\t{end}\t{name}\n" for number, (start, end, name) in enumerate(calls, 1)]
    return HEADER + "".join(rows)


def find(folder: Path, files: Mapping[str, str], *recordings: str, duration_s: float = 60) -> AnnotatedFolder:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return find_annotated(folder, NAMES, recordings=dict.fromkeys(recordings, duration_s))


def spans(found: AnnotatedFolder) -> dict[str, list[tuple[str, float, float]]]:
    return {
        one.path: [(call.label, call.start_s, call.end_s) for call in one.calls] for one in found.recordings
    }


@pytest.mark.parametrize(
    "table",
    [
        "a.Table.1.selections.txt",
        "a.table.12.Selections.TXT",
        "a.selections.txt",
        "a.selection.table.txt",
        "a.txt",
        "a_annotations.txt",
        "a.wav.txt",
        "Raven Pro annotations/a.Table.1.selections.txt",
    ],
)
def test_a_table_is_found_by_its_name(tmp_path: Path, table: str) -> None:
    found = find(tmp_path, {table: raven((1, 2, "Wren"))}, "a.wav", "b.wav")
    assert spans(found) == {"a.wav": [(WREN, 1.0, 2.0)]}
    assert found.without_table == ("b.wav",)


def test_sites_with_recordings_of_the_same_names(tmp_path: Path) -> None:
    files = {
        "A/Annotations/1.Table.1.selections.txt": raven((1, 2, "Wren")),
        "B/Annotations/1.Table.1.selections.txt": raven((3, 4, "Strix aluco")),
    }
    found = find(tmp_path, files, "A/Recordings/1.wav", "B/Recordings/1.wav")
    assert spans(found) == {"A/Recordings/1.wav": [(WREN, 1, 2)], "B/Recordings/1.wav": [(OWL, 3, 4)]}


def test_a_recording_in_two_formats_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"may be a\.flac, a\.wav"):
        find(tmp_path, {"a.txt": raven()}, "a.flac", "a.wav")


def test_one_table_for_all(tmp_path: Path) -> None:
    rows = ("Filename,Start Time (s),End Time (s),Species", "x/a.ogg,1,2,Wren", "b.flac,3,4,Jay")
    text = "\n".join((*rows, "c,5,6,Owl", "d,1,2,Owl", ""))
    found = find(tmp_path, {"annotations.csv": text}, "audio/a.flac", "audio/b.flac", "c.wav", "e.wav")
    assert spans(found) == {"audio/a.flac": [(WREN, 1, 2)], "audio/b.flac": [], "c.wav": [(OWL, 5, 6)]}
    assert found.without_table == ("e.wav",)
    assert found.tables_without_recording == ("annotations.csv: d",)
    assert [(one.name, one.calls) for one in found.unmapped] == [("Jay", 1)]


def test_an_empty_table_means_no_calls(tmp_path: Path) -> None:
    found = find(tmp_path, {"a.txt": HEADER}, "a.wav")
    assert spans(found) == {"a.wav": []}


def test_other_species_are_listed(tmp_path: Path) -> None:
    text = raven((1, 2, "Wren"), (2, 3, "Wern"), (4, 5, "Jay"), (6, 7, "Jay"), (8, 9, ""))
    found = find(tmp_path, {"a.txt": text}, "a.wav")
    assert [(one.name, one.calls, one.suggestion) for one in found.unmapped] == [
        ("Jay", 2, ""),
        ("", 1, ""),
        ("Wern", 1, "did you mean Wren?"),
    ]
    assert found.recordings[0].other_calls == 4


def test_overlapping_calls_are_one(tmp_path: Path) -> None:
    text = raven((1, 3, "Wren"), (2, 4, "Wren"), (2.5, 3, "Owl"), (4, 5, "Wren"))
    found = find(tmp_path, {"a.txt": text}, "a.wav")
    assert spans(found) == {"a.wav": [(WREN, 1, 4), (OWL, 2.5, 3), (WREN, 4, 5)]}
    assert found.notes == ("overlapping calls of one species: 1 joined with the one before",)


def test_a_call_may_end_a_little_after_its_recording(tmp_path: Path) -> None:
    found = find(tmp_path, {"a.txt": raven((59, 60.0005, "Owl"), (59, 62, "Wren"))}, "a.wav")
    assert spans(found) == {"a.wav": [(WREN, 59, 60), (OWL, 59, 60.0005)]}
    assert found.notes[0].startswith("beyond the end of the recording: 1 call cut there (")


@pytest.mark.parametrize("call", [(60, 61, "Wren"), (10, 63.1, "Jay")])
def test_a_call_beyond_its_recording(tmp_path: Path, call: tuple[float, float, str]) -> None:
    with pytest.raises(InputError, match=r"a\.txt:2: a call from .* beyond the recording a\.wav, which"):
        find(tmp_path, {"a.txt": raven(call)}, "a.wav")


def test_what_matches_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no usable recording"):
        find(tmp_path, {})
    with pytest.raises(InputError, match="no table of annotated calls beside 1 recording"):
        find(tmp_path, {"README.txt": "words"}, "a.wav")
    with pytest.raises(InputError, match=r"no table belongs to a recording: b\.txt"):
        find(tmp_path, {"b.txt": raven((1, 2, "Wren"))}, "a.wav")
    with pytest.raises(InputError, match="no name in the tables is a class of the model: Amsel"):
        find(tmp_path, {"a.txt": raven((1, 2, "Amsel"))}, "a.wav")


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    files = {
        "a.txt": raven(),
        "README.txt": "words",
        "a.BirdNET.results.csv": "Start (s),End (s),Common name\n",
    }
    found = find(tmp_path, files, "a.wav")
    assert found.recordings[0].tables == ("a.txt",)
    assert found.notes == (
        "results of BirdNET-Analyzer, which are no truth: a.BirdNET.results.csv left out",
        "no table of calls: README.txt left out",
    )


def test_a_damaged_table_of_a_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.txt: is empty"):
        find(tmp_path, {"a.txt": "", "b.txt": raven()}, "a.wav", "b.wav")


def test_two_tables_of_one_recording(tmp_path: Path) -> None:
    files = {
        "a.Table.1.selections.txt": raven((1, 2, "Wren")),
        "a.Table.2.selections.txt": raven((3, 4, "Owl")),
    }
    found = find(tmp_path, files, "a.wav")
    assert spans(found) == {"a.wav": [(WREN, 1, 2), (OWL, 3, 4)]}
    assert len(found.recordings[0].tables) == 2


def test_a_renamed_recording(tmp_path: Path) -> None:
    text = "Begin File\tSelection\tView\tBegin Time (s)\tEnd Time (s)\tSpecies\nold.wav\t1\tS\t1\t2\tWren\n"
    found = find(tmp_path, {"a.txt": text}, "a.wav")
    assert spans(found) == {"a.wav": [(WREN, 1, 2)]}
    assert "names a recording that is not there" in found.notes[0]


CALLS = st.lists(
    st.builds(
        lambda label, start, length: AnnotatedCall(label=label, start_s=start, end_s=start + length),
        st.sampled_from([WREN, OWL]),
        st.integers(0, 50),
        st.integers(1, 9),
    )
)


@given(CALLS)
def test_joined_calls_cover_the_same_seconds(calls: list[AnnotatedCall]) -> None:
    found = merged(calls)

    def seconds(some: list[AnnotatedCall]) -> set[tuple[str, int]]:
        return {(one.label, second) for one in some for second in range(int(one.start_s), int(one.end_s))}

    assert seconds(list(found)) == seconds(calls)
    for label in (WREN, OWL):
        own = [one for one in found if one.label == label]
        assert all(one.end_s <= other.start_s for one, other in itertools.pairwise(own))


@given(st.text(st.sampled_from("ab./\\ "), max_size=12))
def test_any_name_finds_a_recording_or_none(name: str) -> None:
    known = RecordingNames(["a.wav", "x/b.flac", "a.b.wav"])
    assert known.named(name, "t.csv") in (None, "a.wav", "x/b.flac", "a.b.wav")
    known.of_table(f"{name}.txt")


@pytest.mark.shared
def test_the_soundscapes_of_the_benchmark(shared: Path) -> None:
    folder = shared / "data" / "benchmark"
    labels = sorted(path.name for path in (folder / "birds").iterdir())
    paths = {path.name: 60.0 for path in (folder / "soundscapes").glob("*.flac")}
    found = find_annotated(folder / "soundscapes", species_names(labels), recordings=paths)
    assert sum(found.calls.values()) == 55  # events of its README
    assert sum(one.other_calls for one in found.recordings if one.path != "spinetail.flac") == 28
    assert len(found.recordings) == 7
    assert len(found.without_table) == 6
    assert found.notes == ()
