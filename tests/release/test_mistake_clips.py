"""Mistakes are cut where they are, the worst first, and a page stays small."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument, Mistake
from birdnet_stm32.release.mistake_clips import (
    LONGEST_S,
    Pcm,
    PcmOf,
    clip_samples,
    mistake_clips,
    ranked_mistakes,
    sound_flac,
)

SHAPE = WindowShape(sample_rate_hz=8_000, window_samples=20_000, hop_samples=10_000)
MakeAccuracy = Callable[..., EvaluateDocument]


def mistake(
    kind: str, label: str, probability: float, *, start_s: float = 1.0, end_s: float = 3.5
) -> Mistake:
    return Mistake(
        kind=kind,  # type: ignore[arg-type]
        label=label,
        path=f"{label}.wav",
        start_s=start_s,
        end_s=end_s,
        probability=probability,
        truth=(),
    )


def test_the_worst_of_each_kind_is_the_first() -> None:
    found = [
        mistake("miss", "wren", 0.2),
        mistake("false alarm", "wren", 0.6),
        mistake("miss", "wren", 0.1),
        mistake("false alarm", "robin", 0.7),
        mistake("false alarm", "wren", 0.9),
    ]
    ranked = [(one.label, one.kind, rank, one.probability) for rank, one in ranked_mistakes(found)]
    assert ranked == [
        ("wren", "false alarm", 1, 0.9),
        ("wren", "false alarm", 2, 0.6),
        ("wren", "miss", 1, 0.1),
        ("wren", "miss", 2, 0.2),
        ("robin", "false alarm", 1, 0.7),
    ]


@given(start_s=st.floats(0, 1e4), length_s=st.floats(0, 1e3))
def test_a_part_is_at_least_a_window_and_not_long(start_s: float, length_s: float) -> None:
    first, end = clip_samples(mistake("miss", "wren", 0.1, start_s=start_s, end_s=start_s + length_s), SHAPE)
    assert first >= 0
    assert SHAPE.window_samples <= end - first <= LONGEST_S * SHAPE.sample_rate_hz
    assert first <= round(start_s * SHAPE.sample_rate_hz)
    if length_s <= LONGEST_S:
        assert end >= round((start_s + length_s) * SHAPE.sample_rate_hz)


def test_a_short_call_lies_in_the_middle() -> None:
    first, end = clip_samples(mistake("miss", "wren", 0.1, start_s=10.0, end_s=10.5), SHAPE)
    assert (first + end) / 2 == pytest.approx(10.25 * 8_000, abs=1)


def test_the_first_of_every_species_comes_before_the_second_of_any(
    make_accuracy: MakeAccuracy, read_pcm: PcmOf
) -> None:
    mistakes = make_accuracy("wren", "robin", "jay").mistakes
    every = mistake_clips(mistakes, read_pcm, SHAPE, most_of_a_kind=2)
    assert len(every) == len(mistakes)
    assert {clip.rank for clip in every if clip.picture} == {1, 2}
    size = max(4 / 3 * (len(clip.picture) + len(clip.sound)) for clip in every)
    some = mistake_clips(mistakes, read_pcm, SHAPE, most_of_a_kind=2, max_bytes=round(7 * size))
    drawn = [clip for clip in some if clip.picture]
    assert sum(4 / 3 * (len(clip.picture) + len(clip.sound)) for clip in drawn) <= 7 * size + 2
    assert {(clip.mistake.label, clip.mistake.kind) for clip in drawn if clip.rank == 1} == {
        (clip.mistake.label, clip.mistake.kind) for clip in every
    }
    assert mistake_clips(mistakes, read_pcm, SHAPE, max_bytes=0)[0].sound == b""


def test_clips_repeat_byte_by_byte(make_accuracy: MakeAccuracy, read_pcm: PcmOf) -> None:
    mistakes = make_accuracy("wren").mistakes
    first, second = (mistake_clips(mistakes, read_pcm, SHAPE) for _ in range(2))
    assert [(one.picture, one.sound) for one in first] == [(one.picture, one.sound) for one in second]


@pytest.mark.parametrize("pcm", [np.zeros(0, np.int16), np.zeros(5, np.int16), np.ones(700, np.int16)])
def test_a_recording_that_ends_early_is_cut_as_far_as_it_goes(pcm: Pcm) -> None:
    (clip,) = mistake_clips([mistake("miss", "wren", 0.1)], lambda *_: pcm, SHAPE)
    assert bool(clip.sound) == bool(clip.picture) == bool(len(pcm))


@given(st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=50))
def test_a_sound_keeps_its_form_and_gets_the_common_peak(samples: list[int]) -> None:
    pcm = np.array(samples, np.int16)
    read, rate_hz = soundfile.read(io.BytesIO(sound_flac(pcm, 8_000)), dtype="int16")
    assert (len(read), rate_hz) == (len(pcm), 8_000)
    peak = int(np.abs(pcm.astype(int)).max())
    assert np.abs(read / 29_491 - pcm / max(peak, 1)).max() < 0.003
