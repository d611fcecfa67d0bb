from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.index import build_index, measurements, recording_index
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.windows import representative_windows
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError

CLIPS = IndexTable(background=("background",), recording=r"^(?P<recording>.+?)(__t\d+)?$")


@pytest.fixture
def rows(collection):
    measured = measurements.measure_files(
        collection, recording_index.list_recordings(collection), {}, n_jobs=1
    )
    return build_index.build_index(measured, CLIPS, train_every_label=True)


def shape_of(window_samples=16_000, sample_rate_hz=8_000):
    return WindowShape(sample_rate_hz=sample_rate_hz, window_samples=window_samples, hop_samples=4_000)


def choose(rows, root, calibration=16, validation=8, *, shape=None, **changes):
    settings = {"calibration_windows": calibration, "validation_windows": validation, "seed": 7, "n_jobs": 1}
    return representative_windows.choose_representative_windows(
        rows,
        representative_windows.parts_of_files(root, (shape or shape_of()).sample_rate_hz),
        shape or shape_of(),
        **settings | changes,
    )


def test_the_sets_share_no_recording_and_every_class_is_in_both(rows, collection):
    chosen = choose(rows, collection, 12, 6)
    assert chosen.pcm.shape == (18, 16_000)
    assert chosen.pcm.dtype == np.int16
    by_set = {name: [row for row in chosen.rows if row.set == name] for name in ("calibration", "validation")}
    assert [len(by_set[name]) for name in by_set] == [12, 6]
    assert set(Counter(row.label for row in by_set["calibration"]).values()) == {4}
    assert set(Counter(row.label for row in by_set["validation"]).values()) == {2}
    recordings = [{row.recording for row in found} for found in by_set.values()]
    assert not recordings[0] & recordings[1]


def test_every_window_is_the_middle_of_its_file(rows, collection):
    chosen = choose(rows, collection)
    for pcm, row in zip(chosen.pcm, chosen.rows, strict=True):
        whole = decode.decode(collection / row.path, sample_rate_hz=8_000)
        np.testing.assert_array_equal(pcm, whole[2_000:18_000])
        assert row.start_sample == 2_000
        assert row.rms_db == pytest.approx(-9.0, abs=0.1)


def test_the_seed_alone_decides(rows, collection):
    first, again, other = (choose(rows, collection, 5, 5, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.pcm, again.pcm)
    assert first.rows == again.rows
    assert first.rows != other.rows
    assert choose(tuple(reversed(rows)), collection, 5, 5).rows == first.rows


def test_asking_for_more_keeps_what_was_chosen(rows, collection):
    few = [row for row in choose(rows, collection, 5, 1).rows if row.set == "calibration"]
    many = [row for row in choose(rows, collection, 9, 1).rows if row.set == "calibration"]
    assert many[:5] == few


def test_a_long_recording_gives_several_windows_when_files_run_out(rows, collection):
    chosen = choose(rows, collection, 100, 50, shape=shape_of(4_000))
    order = [8_000, 4_000, 12_000, 0, 16_000, 6_000, 10_000, 2_000, 14_000]  # in 20,000 samples
    for path in {row.path for row in chosen.rows}:
        starts = [row.start_sample for row in chosen.rows if row.path == path]
        assert len(starts) >= 2
        assert starts == order[: len(starts)]
    assert len(chosen.rows) == 150


def test_fewer_than_asked_is_fine_down_to_the_least(rows, collection):
    chosen = choose(rows, collection, 1_000, 1_000, shape=shape_of(4_000))
    assert len(chosen.rows) == sum(row.split in {"train", "validation"} for row in rows) * 9 == 27 * 9
    with pytest.raises(InputError, match="calibration windows in all") as error:
        choose(rows, collection, 1_000, 8)
    assert "Parus major: " in str(error.value)
    assert "expected: at least 32" in str(error.value)


def test_a_file_that_changed_since_the_index_is_noticed(rows, collection, write_tone):
    write_tone(collection / "Strix aluco/strix0__t000.wav", seconds=1, rate_hz=8_000)
    with pytest.raises(
        InputError, match=r"strix0__t000\.wav: changed since it was indexed: now 1\.000 s long"
    ):
        choose(rows, collection, 200, 200, shape=shape_of(4_000))


def test_quiet_windows_are_taken_too(rows, collection, write_tone):
    for path in collection.glob("background/*.wav"):
        write_tone(path, seconds=2.5, rate_hz=8_000, peak=1e-4, seed=int.from_bytes(path.stem.encode()))
    levels = {row.label: row.rms_db for row in choose(rows, collection).rows}
    assert levels["background"] < -39


def a_row(label: str, recording: str, clip: int, duration_s: float) -> IndexRow:
    return IndexRow(
        path=f"{label}/{recording}__t{clip}.wav",
        label=label,
        background=False,
        recording=recording,
        split="train",
        digest="",
        size_bytes=1,
        duration_s=duration_s,
        rate_hz=8_000,
        channels=1,
        rms_db=0.0,
        snr_db=0.0,
        reason="",
    )


@given(
    counts=st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=4),
    seed=st.integers(0, 9),
)
def test_classes_and_recordings_take_turns(counts, seed):
    rows = [
        a_row(f"c{label}", f"c{label}r{recording}", clip, 1.0)
        for label, recordings in enumerate(counts)
        for recording, clips in enumerate(recordings)
        for clip in range(clips)
    ]
    places = list(representative_windows._turns(rows, shape_of(8_000), seed))
    assert sorted(place.row.path for place in places) == sorted(row.path for row in rows)
    for length in range(1, len(places) + 1):
        taken = Counter(place.row.label for place in places[:length])
        for one, other in itertools.permutations({row.label for row in rows}, 2):
            left = sum(row.label == other for row in rows) - taken[other]
            assert taken[one] <= taken[other] + 1 or not left
    first = [place.row.recording for place in places if place.row.label == "c0"][: len(counts[0])]
    assert len(set(first)) == len(counts[0])


@pytest.mark.slow
@pytest.mark.shared
def test_the_shared_recordings_give_what_the_published_variant_asks(shared):
    root = shared / "data/birds"
    table = IndexTable(background=("_background", "_soundscape"), recording=CLIPS.recording)
    measured = measurements.measure_files(root, recording_index.list_recordings(root), {})
    table = table.model_copy(update={"validation_share": 0.4})
    rows = build_index.build_index(measured, table, train_every_label=False, tests=False)
    done: list[tuple[int, int]] = []
    chosen = choose(
        rows,
        root,
        300,
        200,
        shape=shape_of(66_150, 22_050),
        n_jobs=-1,
        report=lambda *progress: done.append(progress),
    )
    assert Counter(row.set for row in chosen.rows) == {"calibration": 300, "validation": 200}
    assert done[-1] == (500, 500)
    sides = [
        {row.recording for row in chosen.rows if row.set == name} for name in ("calibration", "validation")
    ]
    assert not sides[0] & sides[1]
    assert {row.label for row in chosen.rows} == {row.label for row in rows}
    assert np.abs(chosen.pcm.astype(int)).max(axis=1).min() > 0


def test_the_index_alone_decides_how_short_a_recording_may_be(tmp_path, write_tone):
    """A lower limit than 0.1 s was taken and another constant decided."""
    for label in "ab":
        for take in range(40):
            write_tone(
                tmp_path / f"{label}/{take}.wav", seconds=0.06, rate_hz=8_000, seed=take + 50 * (label == "b")
            )
    measured = measurements.measure_files(tmp_path, recording_index.list_recordings(tmp_path), {}, n_jobs=1)
    found = build_index.build_index(measured, IndexTable(min_duration_s=0.05), train_every_label=True)
    assert all(row.usable for row in found)
    chosen = choose(found, tmp_path, 32, 16, shape=shape_of(8_000))
    assert len(chosen.rows) == 48
    with pytest.raises(InputError, match=r"80 x too short: 0.060 s, the least is 0.1 s"):
        build_index.build_index(measured, IndexTable(), train_every_label=True)
