"""Mix soundscapes: drawn calls of drawn recordings in drawn backgrounds, with all that was drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.mixing.background_track import background_track
from birdnet_stm32.audio.mixing.draw import rounds_by_class, starts_ms
from birdnet_stm32.audio.mixing.mix_calls import PlacedCall, call_in, is_audible, mix_calls, to_pcm
from birdnet_stm32.audio.mixing.mix_settings import MixedCall, MixSettings, ReadSource, Source
from birdnet_stm32.errors import InputError

_SHORTEST_MS = 300  # of a call whose recording is shorter than the calls are to be
_MOST_TRIES = 1_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Soundscape:
    """A soundscape and what it holds.

    Args:
        number: counted from 1.
        kind: the kind of its background.
        pcm: int16 ``[samples]``.
        calls: its calls, by start.
        background: the recordings of its background, in their order.
        too_quiet: recordings that were left out, because they have no sound in the band or are too short.
    """

    number: int
    kind: str
    pcm: NDArray[np.int16]
    calls: tuple[MixedCall, ...]
    background: tuple[Source, ...]
    too_quiet: tuple[Source, ...]


def mix_soundscapes(
    settings: MixSettings,
    *,
    birds: Sequence[Source],
    others: Sequence[Source],
    backgrounds: Sequence[Source],
    read: ReadSource,
) -> Iterator[Soundscape]:
    """Yield soundscapes one after another. The same arguments give the same samples.

    Each has a background of one kind. All kinds, species and recordings are drawn about equally often.

    Args:
        settings: what is drawn.
        birds: recordings of the species to find, at least one.
        others: recordings of other species; may be empty.
        backgrounds: recordings of background, at least one. Its label is the kind.
        read: returns the samples of a recording.

    Raises:
        InputError: the calls do not fit, or recordings hold nothing that can be mixed.
    """
    rng = np.random.default_rng(settings.seed)
    targets = rounds_by_class(birds, rng)
    non_targets = rounds_by_class(others, rng) if others else None
    by_kind: dict[str, list[Source]] = {}
    for source in backgrounds:
        by_kind.setdefault(source.label, []).append(source)
    tracks = {kind: rounds_by_class(by_kind[kind], rng) for kind in sorted(by_kind)}
    kinds = rounds_by_class([own[0] for own in by_kind.values()], rng)
    for number in range(1, settings.files + 1):
        kind = next(kinds).label
        track, used = background_track(
            tracks[kind], samples=settings.samples, rate_hz=settings.sample_rate_hz, read=read
        )
        drawn, too_quiet = _draw_calls(settings, targets, non_targets, rng, read)
        calls, placed = _place(settings, drawn, track, kind, rng)
        mix, _ = mix_calls(track, placed, band_hz=settings.band_hz, rate_hz=settings.sample_rate_hz)
        yield Soundscape(
            number=number,
            kind=kind,
            pcm=to_pcm(mix),
            calls=calls,
            background=tuple(used),
            too_quiet=tuple(too_quiet),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _DrawnCall:
    source: Source
    target: bool
    samples: NDArray[np.float32]
    length_ms: int
    snr_db: float


def _draw_calls(
    settings: MixSettings,
    targets: Iterator[Source],
    non_targets: Iterator[Source] | None,
    rng: np.random.Generator,
    read: ReadSource,
) -> tuple[list[_DrawnCall], list[Source]]:
    count = round(settings.events_per_minute * settings.minutes)
    of_others = round(count * settings.others_share) if non_targets is not None else 0
    is_other = rng.permutation(count) < of_others
    drawn, too_quiet = list[_DrawnCall](), list[Source]()
    low_ms, high_ms = (round(1_000 * length_s) for length_s in settings.length_s)
    low, high = (round(10 * snr_db) for snr_db in settings.snr_db)
    for other in is_other:
        wanted_ms = int(rng.integers(low_ms, high_ms + 1))
        snr_db = int(rng.integers(low, high + 1)) / 10
        for _ in range(_MOST_TRIES):
            source = next(non_targets) if other and non_targets is not None else next(targets)
            recording = read(source)
            length_ms = min(wanted_ms, len(recording) * 1_000 // settings.sample_rate_hz)
            samples = None if length_ms < min(_SHORTEST_MS, low_ms) else _call(recording, length_ms, settings)
            if samples is not None:
                break
            too_quiet.append(source)
        else:
            raise InputError(
                "holds no recording with sound in the band "
                f"from {settings.band_hz[0]:g} to {settings.band_hz[1]:g} Hz",
                where=source.root,
                expected="recordings of calls",
                remedy="--band with the frequencies of these calls",
            )
        drawn.append(
            _DrawnCall(source=source, target=not other, samples=samples, length_ms=length_ms, snr_db=snr_db)
        )
    return drawn, too_quiet


def _call(
    recording: NDArray[np.float32], length_ms: int, settings: MixSettings
) -> NDArray[np.float32] | None:
    length = min(length_ms * settings.sample_rate_hz // 1_000, len(recording))
    return call_in(recording, length=length, band_hz=settings.band_hz, rate_hz=settings.sample_rate_hz)


def _place(
    settings: MixSettings,
    drawn: Sequence[_DrawnCall],
    track: NDArray[np.float32],
    kind: str,
    rng: np.random.Generator,
) -> tuple[tuple[MixedCall, ...], list[PlacedCall]]:
    """Return the calls with their times, where the background has sound in the band."""
    duration_ms = settings.samples * 1_000 // settings.sample_rate_hz
    for _ in range(_MOST_TRIES):
        starts = starts_ms([call.length_ms for call in drawn], duration_ms, rng)
        placed = [
            PlacedCall(
                samples=call.samples,
                first=round(start_ms * settings.sample_rate_hz / 1_000),
                snr_db=call.snr_db,
            )
            for start_ms, call in zip(starts, drawn, strict=True)
        ]
        stretches = (track[one.first : one.first + len(one.samples)] for one in placed)
        if all(is_audible(one, settings.band_hz, settings.sample_rate_hz) for one in stretches):
            break
    else:
        raise InputError(
            f"the background {kind!r} is silent for too long between {settings.band_hz[0]:g} and "
            f"{settings.band_hz[1]:g} Hz, so no signal-to-noise ratio can be reached there",
            expected="a background with some noise, as every microphone has it",
            remedy="leave this background out, or choose another --band",
        )
    calls = tuple(
        MixedCall(
            start_s=start_ms / 1_000,
            end_s=(start_ms + call.length_ms) / 1_000,
            source=call.source,
            target=call.target,
            snr_db=call.snr_db,
        )
        for start_ms, call in zip(starts, drawn, strict=True)
    )
    return calls, placed
