"""The ratio of every call is the drawn one, nothing is clipped, and one seed gives one result."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from birdnet_stm32.audio.annotations.read_annotations import parse_annotations
from birdnet_stm32.audio.mixing.background_track import RMS, background_track
from birdnet_stm32.audio.mixing.band_power import band_power, loudest_start
from birdnet_stm32.audio.mixing.draw import GAP_S, rounds_by_class, starts_ms
from birdnet_stm32.audio.mixing.mix_calls import PEAK, PlacedCall, call_in, mix_calls, to_pcm
from birdnet_stm32.audio.mixing.mix_settings import MixSettings, Source
from birdnet_stm32.audio.mixing.raven_text import raven_text
from birdnet_stm32.audio.mixing.soundscapes import Soundscape, mix_soundscapes
from birdnet_stm32.errors import InputError

RATE_HZ = 8_000
BAND_HZ = (500.0, 3_500.0)
SETTINGS = MixSettings(
    files=3, minutes=0.25, events_per_minute=16, band_hz=BAND_HZ, sample_rate_hz=RATE_HZ, length_s=(0.4, 1.2)
)


def noise(seed: int, seconds: float = 4, level: float = 0.1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, level, int(seconds * RATE_HZ)).astype(np.float32)


def song(seed: int, seconds: float = 3) -> NDArray[np.float32]:
    """Return a quiet recording with a loud tone of half a second somewhere."""
    rng = np.random.default_rng(seed)
    samples = noise(seed, seconds, 0.002)
    first = int(rng.integers(0, len(samples) - RATE_HZ // 2))
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    samples[first : first + len(time_s)] += 0.3 * np.sin(2 * np.pi * 2_000 * time_s).astype(np.float32)
    return samples


def sources(kind: str, count: int, classes: int = 2) -> list[Source]:
    return [
        Source(root=kind, path=f"{at}.wav", label=f"{kind} {at % classes}", digest=f"{kind}{at}")
        for at in range(count)
    ]


def read(source: Source) -> NDArray[np.float32]:
    number = int(source.path.split(".")[0])
    return noise(number) if source.root == "noise" else song(number + 100 * len(source.root))


def soundscapes(**changes: object) -> list[Soundscape]:
    mixed = mix_soundscapes(
        MixSettings(**{**vars(SETTINGS), **changes}),
        birds=sources("birds", 5),
        others=sources("others", 4, classes=4),
        backgrounds=sources("noise", 6),
        read=read,
    )
    return list(mixed)


@given(
    st.lists(st.tuples(st.integers(-100, 300), st.integers(400, 4_000)), max_size=5),
    st.floats(0.01, 3),
    st.integers(0, 1_000),
)
@settings(deadline=None, max_examples=40)
def test_the_ratio_is_the_drawn_one(calls: list[tuple[int, int]], level: float, seed: int) -> None:
    """Signal and background are kept apart, and both are measured in the 16-bit result."""
    background = noise(seed, 5, level * RMS)
    placed, first = [], 100
    for number, (tenths, length) in enumerate(calls):
        samples = call_in(song(seed + number), length=length, band_hz=BAND_HZ, rate_hz=RATE_HZ)
        assert samples is not None
        placed.append(PlacedCall(samples=samples, first=first, snr_db=tenths / 10))
        first += length + 50
    mix, factor = mix_calls(background, placed, band_hz=BAND_HZ, rate_hz=RATE_HZ)
    pcm = to_pcm(mix)
    assert np.abs(pcm.astype(int)).max() <= PEAK * 32_768 + 1
    apart = pcm / np.float32(32_768) - background * np.float32(factor)
    for call in placed:
        stretch = slice(call.first, call.first + len(call.samples))
        signal = band_power(apart[stretch], BAND_HZ, RATE_HZ)
        under = band_power(factor * background[stretch], BAND_HZ, RATE_HZ)
        if factor**2 * under > 1e-7 and signal > 1e-7:  # otherwise rounding to 16 bits is louder
            assert 10 * np.log10(signal / under) == pytest.approx(call.snr_db, abs=0.1)


def test_the_measured_ratio_of_whole_soundscapes() -> None:
    """A call is what differs from the same soundscape without calls: the background is drawn first."""
    with_calls, without = soundscapes(files=1)[0], soundscapes(files=1, events_per_minute=0)[0]
    assert with_calls.background == without.background
    assert len(with_calls.calls) == 4
    assert without.calls == ()
    mix, background = with_calls.pcm / 32_768, without.pcm / 32_768
    free = np.ones(len(mix), bool)
    for call in with_calls.calls:
        free[int(call.start_s * RATE_HZ) - 2 : int(call.end_s * RATE_HZ) + 2] = False
    factor = np.dot(mix[free], background[free]) / np.dot(background[free], background[free])
    assert np.abs(mix - factor * background)[free].max() < 1e-4
    for call in with_calls.calls:
        stretch = slice(round(call.start_s * RATE_HZ), round(call.end_s * RATE_HZ))
        signal = band_power((mix - factor * background)[stretch].astype(np.float32), BAND_HZ, RATE_HZ)
        under = band_power((factor * background)[stretch].astype(np.float32), BAND_HZ, RATE_HZ)
        assert 10 * np.log10(signal / under) == pytest.approx(call.snr_db, abs=0.1)


def test_one_seed_gives_one_result() -> None:
    first, again, other = soundscapes(), soundscapes(), soundscapes(seed=1)
    assert [one.calls for one in first] == [one.calls for one in again]
    assert all(np.array_equal(one.pcm, two.pcm) for one, two in zip(first, again, strict=True))
    assert [one.calls for one in first] != [one.calls for one in other]


def test_classes_kinds_and_recordings_are_drawn_about_equally() -> None:
    found = soundscapes(files=4, others_share=0.25)
    targets = Counter(call.source.label for one in found for call in one.calls if call.target)
    assert sorted(targets.values()) == [6, 6]
    assert sum(not call.target for one in found for call in one.calls) == 4
    assert Counter(one.kind for one in found) == {"noise 0": 2, "noise 1": 2}


def test_the_table_reads_back_exactly() -> None:
    for one in soundscapes():
        table = parse_annotations(raven_text(one.calls, BAND_HZ).encode(), where="t")
        assert [(call.start_s, call.end_s, call.names, call.snr_db) for call in table.annotations] == [
            (call.start_s, call.end_s, (call.source.label,), call.snr_db) for call in one.calls
        ]
        assert table.notes == ()


def test_a_golden_table(assert_golden: object) -> None:
    assert callable(assert_golden)
    assert_golden("soundscape.Table.1.selections.txt", raven_text(soundscapes()[0].calls, BAND_HZ))


@given(st.lists(st.integers(100, 3_000), max_size=12), st.integers(0, 20_000), st.integers(0, 99))
def test_calls_never_overlap(lengths_ms: list[int], free_ms: int, seed: int) -> None:
    gap_ms = round(1_000 * GAP_S)
    duration_ms = sum(lengths_ms) + gap_ms * (len(lengths_ms) + 1) + free_ms
    starts = starts_ms(lengths_ms, duration_ms, np.random.default_rng(seed))
    spans = [(start, start + length) for start, length in zip(starts, lengths_ms, strict=True)]
    assert all(start >= gap_ms and end <= duration_ms - gap_ms for start, end in spans)
    assert all(one[1] + gap_ms <= two[0] for one, two in itertools.pairwise(spans))


def test_too_many_calls() -> None:
    with pytest.raises(InputError, match=r"do not fit(.|\n)*--events"):
        soundscapes(events_per_minute=200)


def test_silent_recordings_are_left_out_or_refused() -> None:
    def some_silent(source: Source) -> NDArray[np.float32]:
        return read(source) if source.path != "0.wav" else np.zeros(3 * RATE_HZ, np.float32)

    birds, quiet = sources("birds", 3, classes=1), sources("birds", 1)
    backgrounds = sources("noise", 3, classes=1)
    found = list(mix_soundscapes(SETTINGS, birds=birds, others=(), backgrounds=backgrounds, read=some_silent))
    assert {source.path for one in found for source in one.too_quiet} == {"0.wav"}
    assert "0.wav" not in {source.path for one in found for source in one.background}
    with pytest.raises(InputError, match="no recording with sound in the band"):
        list(mix_soundscapes(SETTINGS, birds=quiet, others=(), backgrounds=backgrounds, read=some_silent))
    with pytest.raises(InputError, match="nothing but silence"):
        list(
            mix_soundscapes(
                SETTINGS, birds=birds, others=(), backgrounds=sources("noise", 1), read=some_silent
            )
        )


def test_a_background_without_sound_in_the_band() -> None:
    def rumble(source: Source) -> NDArray[np.float32]:
        time_s = np.arange(3 * RATE_HZ) / RATE_HZ
        low = 0.3 * np.sin(2 * np.pi * 50 * time_s)
        return low.astype(np.float32) if source.root == "noise" else read(source)

    birds, backgrounds = sources("birds", 3), sources("noise", 1)
    wide = MixSettings(**{**vars(SETTINGS), "band_hz": (3_000.0, 3_900.0), "files": 1})
    with pytest.raises(InputError, match="is silent for too long between 3000 and 3900 Hz"):
        list(mix_soundscapes(wide, birds=birds, others=(), backgrounds=backgrounds, read=rumble))


@given(st.floats(10, 3_990), st.integers(100, 4_000))
@settings(deadline=None)
def test_the_power_of_a_tone_is_in_its_band(frequency_hz: float, length: int) -> None:
    time_s = np.arange(length) / RATE_HZ
    tone = np.sin(2 * np.pi * frequency_hz * time_s).astype(np.float32)
    whole = band_power(tone, (0, RATE_HZ / 2), RATE_HZ)
    assert whole == pytest.approx(float(np.mean(tone.astype(float) ** 2)), rel=1e-6)
    below = band_power(tone, (0, 1_999.9), RATE_HZ)
    above = band_power(tone, (2_000, RATE_HZ / 2), RATE_HZ)
    assert below + above <= whole * (1 + 1e-9)


def test_the_loudest_part_is_found() -> None:
    samples = noise(0, 4, 0.001)
    samples[12_000:14_000] += noise(1, 0.25, 0.3)
    assert abs(loudest_start(samples, 2_000, BAND_HZ, RATE_HZ) - 12_000) <= RATE_HZ // 50
    assert loudest_start(samples[:1_000], 1_000, BAND_HZ, RATE_HZ) == 0


def test_backgrounds_have_one_level_and_no_silence() -> None:
    def quiet(source: Source) -> NDArray[np.float32]:
        samples = noise(3, 4, 0.4 if source.path == "0.wav" else 0.004)
        samples[8_000:24_000] = 0
        return samples

    drawn = rounds_by_class(sources("noise", 2, classes=1), np.random.default_rng(0))
    track, used = background_track(drawn, samples=10 * RATE_HZ, rate_hz=RATE_HZ, read=quiet)
    assert len(used) == 6
    levels = np.sqrt(np.mean(track.reshape(-1, RATE_HZ // 4) ** 2, axis=1))
    assert levels.min() > 0.8 * RMS
    assert levels.max() < 1.2 * RMS
