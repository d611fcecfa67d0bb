from __future__ import annotations

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.shards import window_table, write_shards
from birdnet_stm32.audio.windows.window_positions import WindowShape, cut_window, window_starts
from birdnet_stm32.engine.store import digest_outputs
from birdnet_stm32.errors import InputError


@pytest.fixture
def decodes(monkeypatch):
    """The recordings that were decoded, by path."""
    seen = []
    decode_blocks = decode.decode_blocks

    def counted(path, *arguments, **options):
        seen.append(path)
        return decode_blocks(path, *arguments, **options)

    monkeypatch.setattr(write_shards.decode, "decode_blocks", counted)
    return seen


def test_windows_are_those_of_the_decoded_recordings(publish, collection, tmp_path):
    written, _ = publish("first")
    opened = window_table.open_window_set(tmp_path / "first")
    assert opened.shape == written.shape == (36 * 4, 8_000)
    assert opened.recordings == written.recordings
    assert opened.label_sets == written.label_sets
    for number, one in enumerate(opened.recordings):
        pcm = decode.decode(collection / one.path, sample_rate_hz=8_000)
        inside = np.flatnonzero(opened.recording_of == number)
        starts = window_starts(len(pcm), 8_000, 4_000)
        np.testing.assert_array_equal(opened.start_sample[inside], starts)
        expected = np.stack([cut_window(pcm, start, 8_000) for start in starts])
        np.testing.assert_array_equal(opened[inside], expected)
        np.testing.assert_array_equal(opened[int(inside[0])], expected[0])
        held = opened.positives_of(int(opened.label_set[inside[0]]))
        assert held == (() if one.background else (one.label,))


def test_a_recording_that_is_shorter_than_a_window_is_filled_up(publish, collection):
    shape = WindowShape(sample_rate_hz=8_000, window_samples=24_000, hop_samples=12_000)
    windows, _ = publish("long", shape=shape)
    assert windows.shape == (36, 24_000)
    pcm = decode.decode(collection / windows.recordings[0].path, sample_rate_hz=8_000)
    np.testing.assert_array_equal(windows[0], np.pad(pcm, (0, 4_000)))


def test_equal_recordings_give_equal_files(publish, tmp_path):
    publish("first"), publish("second")
    assert digest_outputs(tmp_path / "first") == digest_outputs(tmp_path / "second")


def test_nothing_is_decoded_twice(publish, tmp_path, decodes):
    publish("first")
    assert len(decodes) == 36
    _, work = publish("second", "first")
    assert (len(decodes), work.decoded, work.copied, work.kept) == (36, 0, 0, 36)
    assert digest_outputs(tmp_path / "first") == digest_outputs(tmp_path / "second")


def test_only_the_recording_that_changed_is_decoded(publish, collection, tmp_path, decodes, write_tone):
    publish("first")
    decodes.clear()
    changed = write_tone(
        collection / "Strix aluco" / "strix1__t001.wav", seconds=3.1, rate_hz=8_000, seed=999
    )
    _, work = publish("second", "first")
    assert decodes == [changed]
    assert (work.decoded, work.copied) == (1, 35)
    publish("fresh")
    assert digest_outputs(tmp_path / "second") == digest_outputs(tmp_path / "fresh")


def test_a_damaged_shard_is_decoded_again(publish, tmp_path, decodes):
    publish("first")
    publish("fresh")
    decodes.clear()
    damaged = tmp_path / "first" / "shards" / "all.pcm"
    content = bytearray(damaged.read_bytes())
    digests = digest_outputs(tmp_path / "first")
    content[1_000] ^= 1
    damaged.write_bytes(content)
    _, work = publish("second", "first", digests=digests)
    assert (len(decodes), work.decoded) == (36, 36)
    fresh, again = (tmp_path / name / "shards" / "all.pcm" for name in ("fresh", "second"))
    assert again.read_bytes() == fresh.read_bytes()


def test_another_band_decodes_nothing_but_measures_again(publish, tmp_path, decodes):
    publish("first")
    decodes.clear()
    other, _ = publish("second", "first", band_hz=(2_000.0, 3_000.0))
    assert not decodes
    fresh, _ = publish("fresh", band_hz=(2_000.0, 3_000.0))
    np.testing.assert_array_equal(other.activity_db, fresh.activity_db)


def test_a_recording_that_changed_since_it_was_indexed_is_named(publish, collection):
    publish("indexed")
    path = collection / "Parus major" / "parus0__t000.wav"
    soundfile.write(path, np.ones(100) * 0.1, 8_000)
    with pytest.raises(InputError, match="changed since it was indexed") as caught:
        publish("first", index_again=False)
    assert caught.value.where == str(path)


def test_a_shard_that_lost_its_end_is_named(publish, tmp_path):
    windows, _ = publish("first")
    path = tmp_path / "first" / "shards" / "all.pcm"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match="ends 1 samples before the end"):
        windows[:]
