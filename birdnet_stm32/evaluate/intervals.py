"""Intervals that hold 95% of what other recordings would give: for shares, and for counts an hour.

What one recording holds is alike: one bird, one microphone, one wind. So recordings are drawn, and not
windows, calls or clips (a cluster bootstrap: Davison and Hinkley, *Bootstrap Methods and their Application*,
1997, section 3.8). A draw says how often it holds each recording. All measures share the same draws.

The bootstrap is too narrow with few recordings and near 0 and 1, and where all recordings agree it has no
width at all. Then the exact interval of Clopper and Pearson takes its place for shares. Its number of
trials is the effective one of Korn and Graubard (*Confidence Intervals for Proportions with Small Expected
Number of Positive Counts Estimated from Survey Data*, Survey Methodology 24, 1998): between the number of
recordings, if all calls of a recording share their fate, and the number of calls, if they are independent.
For counts an hour, the exact Poisson interval of Garwood (1936) takes its place, with the count divided by
how much more the counts of recordings vary than a Poisson process does, which is uncertain itself with few
recordings, as Student's t says.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.accuracy_document import Estimate

Counts = npt.NDArray[np.uint8]
Float64s = npt.NDArray[np.float64]

DRAWS = 1_000
FEWER_DRAWS = 250  # for a set so large that its intervals are narrow, and a draw takes long
MANY_RECORDINGS = 5_000
# Below these, the percentiles of the bootstrap are too narrow: recordings' worth of the rarer outcome of a
# share, and recordings with something to count.
FEW_OUTCOMES = 10
FEW_RECORDINGS = 40
TAILS = (0.025, 0.975)


def draw_recordings(count: int, seed: int) -> Counts:
    """Return how often each draw holds each recording.

    Args:
        count: number of recordings.
        seed: seed of the draws.

    Returns:
        uint8 ``[draws, recordings]``; each row sums to ``count``.
    """
    rng = np.random.default_rng(seed)
    draws = np.empty((DRAWS if count <= MANY_RECORDINGS else FEWER_DRAWS, count), np.uint8)
    for row in draws:
        row[:] = np.bincount(rng.integers(0, count, count), minlength=count)
    return draws


def share_of(numerators: Float64s, denominators: Float64s, draws: Counts) -> Estimate | None:
    """Return a share, such as recall, with its interval.

    Args:
        numerators: what was right in each recording, float64 ``[recordings]``.
        denominators: what there was in each recording, in the same way.
        draws: from :func:`draw_recordings`.

    Returns:
        The estimate; None where there was nothing.
    """
    total = denominators.sum()
    if total == 0:
        return None
    sums = weighted_sums(np.stack([numerators, denominators], axis=1), draws)
    drawn = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
    return share(
        float(numerators.sum() / total),
        drawn,
        recordings=int(np.count_nonzero(denominators)),
        trials=float(total),
    )


def share(value: float, drawn: Float64s, *, recordings: int, trials: float) -> Estimate:
    """Return a value from 0 to 1 with its interval.

    Args:
        value: the measured value.
        drawn: its value in each draw, float64 ``[draws]``; NaN where a draw holds nothing to measure.
        recordings: number of recordings that it depends on, at least 1.
        trials: number of calls, files or detections that it is measured on.
    """
    known = drawn[~np.isnan(drawn)]
    if min(value, 1 - value) * recordings >= FEW_OUTCOMES and known.size:
        low, high = np.quantile(known, TAILS)
    else:
        low, high = _exact_share(value, _effective_trials(value, known, recordings, trials))
    return Estimate(value=value, low=float(min(low, value)), high=float(max(high, value)))


def difference(value: float, drawn: Float64s, *, recordings: int) -> Estimate:
    """Return the difference of two measures of the same recordings with its interval.

    Both were measured in the same draws, so what the draws change in both cancels. The interval is that of
    Student's t, with the spread of the draws: a difference of measures has no end where it would be skewed.

    Args:
        value: the measured difference, from -1 to 1.
        drawn: the difference in each draw, float64 ``[draws]``; NaN where a draw holds nothing to measure.
        recordings: number of recordings that it depends on, at least 1.
    """
    from scipy.stats import t

    known = drawn[~np.isnan(drawn)]
    if recordings < 2 or not known.size:
        return Estimate(value=value, low=-1.0, high=1.0)
    error = np.sqrt(np.var(known) * recordings / (recordings - 1)) * t.ppf(TAILS[1], recordings - 1)
    return Estimate(value=value, low=max(-1.0, value - float(error)), high=min(1.0, value + float(error)))


def _effective_trials(value: float, drawn: Float64s, recordings: int, trials: float) -> float:
    """Return how many independent trials give the spread of the draws, as Korn and Graubard define it."""
    from scipy.stats import t

    if recordings < 2 or not 0 < value < 1:
        return float(recordings)
    variance = np.var(drawn) * recordings / (recordings - 1) if drawn.size else 0.0
    if variance == 0:
        return float(recordings)
    trials = max(trials, recordings)
    narrower = t.ppf(TAILS[1], trials - 1) / t.ppf(TAILS[1], recordings - 1)
    effective = value * (1 - value) / variance * narrower**2
    return float(np.clip(effective, recordings, trials))


def _exact_share(value: float, trials: float) -> tuple[float, float]:
    from scipy.stats import beta

    hits = value * trials
    low = 0.0 if value <= 0 else float(beta.ppf(TAILS[0], hits, trials - hits + 1))
    high = 1.0 if value >= 1 else float(beta.ppf(TAILS[1], hits + 1, trials - hits))
    return low, high


def rate_per_hour(counts: Float64s, hours: Float64s, draws: Counts) -> Estimate | None:
    """Return a count an hour with its interval.

    Args:
        counts: what was counted in each recording, float64 ``[recordings]``.
        hours: length of each recording; 0 where nothing could be counted.
        draws: from :func:`draw_recordings`.

    Returns:
        The estimate; None where there was no time.
    """
    length = float(hours.sum())
    if length <= 0:
        return None
    value = float(counts.sum()) / length
    if np.count_nonzero(counts) >= FEW_RECORDINGS:
        sums = weighted_sums(np.stack([counts, hours], axis=1), draws)
        low, high = np.quantile(sums[:, 0] / sums[:, 1], TAILS)
    else:
        low, high = _poisson_rate(counts, hours)
    return Estimate(value=value, low=float(min(low, value)), high=float(max(high, value)))


def _poisson_rate(counts: Float64s, hours: Float64s) -> tuple[float, float]:
    from scipy.stats import chi2, norm, t

    total, length = float(counts.sum()), float(hours.sum())
    if total == 0:
        return 0.0, float(chi2.ppf(TAILS[1], 2)) / 2 / length
    recordings = int(np.count_nonzero(hours))
    dispersion = 1.0
    if recordings > 1:
        squares = float(np.sum((counts - total / length * hours) ** 2))
        wider = t.ppf(TAILS[1], recordings - 1) / norm.ppf(TAILS[1])
        dispersion = max(1.0, squares * recordings / (recordings - 1) / total * wider**2)
    independent = total / dispersion
    low, high = chi2.ppf(TAILS[0], 2 * independent) / 2, chi2.ppf(TAILS[1], 2 * independent + 2) / 2
    return float(low * dispersion / length), float(high * dispersion / length)


def weighted_sums(values: npt.NDArray[np.floating], draws: Counts) -> Float64s:
    """Return the sums over the recordings of each draw.

    Args:
        values: ``[recordings, columns]``.
        draws: uint8 ``[draws, recordings]``.

    Returns:
        float64 ``[draws, columns]``.
    """
    used = np.flatnonzero(values.any(axis=1))
    kept = values[used].astype(np.float64 if values.shape[1] <= 2 else np.float32, copy=False)
    sums: Float64s = (draws[:, used].astype(kept.dtype) @ kept).astype(np.float64, copy=False)
    return sums
