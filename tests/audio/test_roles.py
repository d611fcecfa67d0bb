from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio import roles
from birdnet_stm32.audio.representative import WindowRow, Windows
from birdnet_stm32.config import RepresentativeTable
from birdnet_stm32.errors import InputError

RATE_HZ = 8_000


def windows(calibration: int = 60, validation: int = 10) -> Windows:
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
    return Windows(pcm=pcm, rows=rows)


def by_role(assigned: roles.Assigned) -> dict[str, list[WindowRow]]:
    return {role: [row for row in assigned.windows.rows if row.set == role] for role in roles.ROLES}


def test_windows_of_a_role_lie_together_and_keep_their_sound() -> None:
    source = windows()
    assigned = roles.assign(source, RepresentativeTable(min_snr_db=20), RATE_HZ)
    assert [roles.ROLES.index(row.set) for row in assigned.windows.rows] == sorted(
        roles.ROLES.index(row.set) for row in assigned.windows.rows
    )
    for pcm, row in zip(assigned.windows.pcm, assigned.windows.rows, strict=True):
        np.testing.assert_array_equal(pcm, source.pcm[int(row.path.removesuffix(".wav"))])


def test_no_recording_is_on_both_sides() -> None:
    found = by_role(roles.assign(windows(), RepresentativeTable(), RATE_HZ))
    assert len(found["held_out"]) == 12
    assert len(found["calibration"]) == 48
    assert len(found["validation"]) == 10
    assert not {row.recording for row in found["held_out"]} & {row.recording for row in found["calibration"]}


@given(st.lists(st.integers(0, 8), min_size=2, max_size=80).filter(lambda names: len(set(names)) > 1))
def test_at_most_a_fifth_is_held_out_but_at_least_one_recording(numbers: list[int]) -> None:
    names = [str(number) for number in numbers]
    held_out = roles.hold_out(names)
    chosen = {name for name, out in zip(names, held_out, strict=True) if out}
    assert chosen
    assert chosen < set(names)
    assert held_out.tolist() == [name in chosen for name in names]
    assert held_out.sum() <= 0.2 * len(names) or len(chosen) == 1
    assert sorted(roles.hold_out(names[::-1])) == sorted(held_out)


def test_one_recording_cannot_be_judged_by_another() -> None:
    with pytest.raises(InputError, match="of one recording"):
        roles.hold_out(["only"] * 40)


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"min_snr_db": 20}, lambda row: row.snr_db < 20),
        ({"max_snr_db": 39}, lambda row: row.snr_db > 39),
        ({"max_distance_db": 5}, lambda row: row.snr_db % 10 == 0),
    ],
)
def test_each_option_leaves_out_what_it_says_and_nothing_held_out(limits, left) -> None:
    plain = by_role(roles.assign(windows(), RepresentativeTable(), RATE_HZ))
    assigned = roles.assign(windows(), RepresentativeTable(**limits), RATE_HZ)
    found = by_role(assigned)
    assert [row.path for row in found["held_out"]] == [row.path for row in plain["held_out"]]
    assert [row.path for row in found["left_out"]] == [row.path for row in plain["calibration"] if left(row)]
    assert assigned.left_out == {next(iter(limits)): len(found["left_out"])}
    assert len(found["left_out"]) > 0


def test_an_option_counts_what_those_before_it_left() -> None:
    limits = RepresentativeTable(min_snr_db=20, max_distance_db=5)
    assigned = roles.assign(windows(), limits, RATE_HZ)
    tones = [row for row in by_role(assigned)["left_out"] if row.snr_db >= 20]
    assert assigned.left_out["max_distance_db"] == len(tones)
    assert sum(assigned.left_out.values()) == len(by_role(assigned)["left_out"])


def test_too_few_windows_are_refused_with_what_they_have() -> None:
    with pytest.raises(InputError, match=r"min_snr_db = 55 leaves \d+ of 48") as refused:
        roles.assign(windows(), RepresentativeTable(min_snr_db=55), RATE_HZ)
    assert "nine in ten" in str(refused.value)


def test_level_does_not_change_the_distance() -> None:
    pcm = windows().pcm
    quiet = (pcm[:20] // 8).astype(np.int16)
    assert roles.distances_db(quiet, RATE_HZ) == pytest.approx(roles.distances_db(pcm[:20], RATE_HZ), abs=0.5)
