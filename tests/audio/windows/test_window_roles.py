from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.windows import class_coverage, window_roles
from birdnet_stm32.audio.windows.cut_windows import CutWindows, WindowRow
from birdnet_stm32.config.training_tables import RepresentativeTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import first_names

RATE_HZ = 8_000


def windows(calibration: int = 60, validation: int = 10) -> CutWindows:
    """Windows of noise, three a recording, whose SNR grows; every tenth is a tone and not noise."""
    rng = np.random.default_rng(1)
    pcm = rng.normal(0, 3_000, (calibration + validation, RATE_HZ)).astype(np.int16)
    pcm[::10] = (8_000 * np.sin(np.arange(RATE_HZ) * 1.3)).astype(np.int16)
    rows = tuple(
        WindowRow(
            path=f"{number}.wav",
            recording=f"r{number // 3}",
            label="owl",
            background=False,
            start_sample=0,
            set="calibration" if number < calibration else "validation",
            rms_db=-20.0,
            snr_db=float(number),
        )
        for number in range(calibration + validation)
    )
    return CutWindows(pcm=pcm, rows=rows)


def by_role(assigned: window_roles.AssignedWindows) -> dict[str, list[WindowRow]]:
    return {role: [row for row in assigned.windows.rows if row.set == role] for role in window_roles.ROLES}


def test_windows_of_a_role_lie_together_and_keep_their_sound() -> None:
    source = windows()
    assigned = window_roles.assign_roles(source, RepresentativeTable(min_snr_db=20), RATE_HZ)
    assert [window_roles.ROLES.index(row.set) for row in assigned.windows.rows] == sorted(
        window_roles.ROLES.index(row.set) for row in assigned.windows.rows
    )
    for pcm, row in zip(assigned.windows.pcm, assigned.windows.rows, strict=True):
        np.testing.assert_array_equal(pcm, source.pcm[int(row.path.removesuffix(".wav"))])


def test_no_recording_is_on_both_sides() -> None:
    found = by_role(window_roles.assign_roles(windows(), RepresentativeTable(), RATE_HZ))
    assert len(found["held_out"]) == 12
    assert len(found["calibration"]) == 48
    assert len(found["validation"]) == 10
    assert not {row.recording for row in found["held_out"]} & {row.recording for row in found["calibration"]}


def window_of(recording: str, label: str = "owl") -> WindowRow:
    return WindowRow(
        path=f"{label}/{recording}.wav",
        recording=recording,
        label=label,
        background=False,
        start_sample=0,
        set="calibration",
        rms_db=-20.0,
        snr_db=9.0,
    )


@given(st.lists(st.integers(0, 8), min_size=2, max_size=80).filter(lambda names: len(set(names)) > 1))
def test_at_most_a_fifth_is_held_out_but_at_least_one_recording(numbers: list[int]) -> None:
    names = [str(number) for number in numbers]
    held_out = window_roles.hold_out(list(map(window_of, names)))
    chosen = {name for name, out in zip(names, held_out, strict=True) if out}
    assert chosen
    assert chosen < set(names)
    assert held_out.tolist() == [name in chosen for name in names]
    assert held_out.sum() <= 0.2 * len(names) or len(chosen) == 1
    assert sorted(window_roles.hold_out(list(map(window_of, names[::-1])))) == sorted(held_out)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=2, max_size=80).filter(
        lambda pairs: len(set(pairs)) > 1
    )
)
def test_a_class_of_several_recordings_keeps_one_that_calibrates(pairs: list[tuple[int, int]]) -> None:
    """The demo's int8 ranges were set without one of its two species: both its recordings were held out."""
    rows = [window_of(f"{label}/{number}", str(label)) for number, label in pairs]
    held_out = window_roles.hold_out(rows)
    chosen = {row.recording for row, out in zip(rows, held_out, strict=True) if out}
    assert chosen
    for label in {row.label for row in rows}:
        recordings = {row.recording for row in rows if row.label == label}
        assert len(recordings) == 1 or recordings - chosen


def test_one_recording_cannot_be_judged_by_another() -> None:
    with pytest.raises(InputError, match="of one recording"):
        window_roles.hold_out([window_of("only")] * 40)


def test_every_side_of_every_class_is_counted() -> None:
    def row(path: str, split: str, reason: str = "") -> IndexRow:
        label, _, _ = path.partition("/")
        numbers = {"size_bytes": 1, "duration_s": 2.5, "rate_hz": 8_000, "channels": 1, "channel": 0}
        texts = {"path": path, "label": label, "recording": path, "split": split, "reason": reason}
        texts |= {"digest": ""} | dict.fromkeys(set(IndexRow.__dataclass_fields__) - {*numbers, *texts}, "")
        return IndexRow(**numbers, **texts | {"background": False, "rms_db": -9.0, "snr_db": 9.0})

    rows = [
        row("owl/1.wav", "train"),
        row("owl/2.wav", "train"),
        row("owl/3.wav", "validation"),
        row("tit/1.wav", "train"),
        row("jay/1.wav", "", "the file is empty"),
        row("_x/1.wav", "", "its folder starts with _ and is not named as background"),
        row("empty/", "", "the folder holds no audio file"),
    ]
    of = {
        ("owl/1.wav", "owl"): "calibration",
        ("owl/2.wav", "owl"): "held_out",
        ("owl/3.wav", "owl"): "validation",
    }
    chosen = [replace(window_of(name, label), set=role) for (name, label), role in of.items()]
    learned = {row.path: 4 for row in rows if row.split}
    found = {one.label: one for one in window_roles.count_coverage(rows, chosen, learned)}
    assert list(found) == ["jay", "owl", "tit"]
    owl, tit = found["owl"], found["tit"]
    assert (owl.train_recordings, owl.train_windows, owl.calibration_windows) == (2, 8, 1)
    assert (owl.held_out_recordings, owl.validation_recordings, owl.validation_windows) == (1, 1, 1)
    assert (tit.train_windows, tit.calibration_windows, tit.validation_recordings) == (4, 0, 0)
    classes = tuple(found.values())
    assert class_coverage.missing_windows(classes, trained=True) == {
        "training": ("jay",),
        "calibration": ("jay", "tit"),
        "held-out": ("jay", "tit"),
        "validation": ("jay", "tit"),
    }
    assert "training" not in class_coverage.missing_windows(classes, trained=False)
    assert class_coverage.missing_window_sentences(classes, trained=True)[0] == (
        "No training window of jay: the model does not know them."
    )
    many = first_names([f"class {number}" for number in range(9)])
    assert many == "class 0, class 1, class 2, class 3, class 4 and 4 more"


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"min_snr_db": 20}, lambda row: row.snr_db < 20),
        ({"max_snr_db": 39}, lambda row: row.snr_db > 39),
        ({"max_distance_db": 5}, lambda row: row.snr_db % 10 == 0),
    ],
)
def test_each_option_leaves_out_what_it_says_and_nothing_held_out(limits, left) -> None:
    plain = by_role(window_roles.assign_roles(windows(), RepresentativeTable(), RATE_HZ))
    assigned = window_roles.assign_roles(windows(), RepresentativeTable(**limits), RATE_HZ)
    found = by_role(assigned)
    assert [row.path for row in found["held_out"]] == [row.path for row in plain["held_out"]]
    assert [row.path for row in found["left_out"]] == [row.path for row in plain["calibration"] if left(row)]
    assert assigned.left_out == {next(iter(limits)): len(found["left_out"])}
    assert len(found["left_out"]) > 0


def test_an_option_counts_what_those_before_it_left() -> None:
    limits = RepresentativeTable(min_snr_db=20, max_distance_db=5)
    assigned = window_roles.assign_roles(windows(), limits, RATE_HZ)
    tones = [row for row in by_role(assigned)["left_out"] if row.snr_db >= 20]
    assert assigned.left_out["max_distance_db"] == len(tones)
    assert sum(assigned.left_out.values()) == len(by_role(assigned)["left_out"])


def test_too_few_windows_are_refused_with_what_they_have() -> None:
    with pytest.raises(InputError, match=r"min_snr_db = 55 leaves \d+ of 48") as refused:
        window_roles.assign_roles(windows(), RepresentativeTable(min_snr_db=55), RATE_HZ)
    assert "nine in ten" in str(refused.value)


def test_level_does_not_change_the_distance() -> None:
    pcm = windows().pcm
    quiet = (pcm[:20] // 8).astype(np.int16)
    assert window_roles.distances_db(quiet, RATE_HZ) == pytest.approx(
        window_roles.distances_db(pcm[:20], RATE_HZ), abs=0.5
    )
