"""Draw what an accuracy document holds as curves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from birdnet_stm32.evaluate.accuracy_document import FormAccuracy, OperatingPoint, ReliabilityBin, SnrBin
from birdnet_stm32.evaluate.sentences import rate_text
from birdnet_stm32.release.drawing import FAINT, FIRST, INK, LEGEND, SECOND, plot_svg

_SHOWN_THRESHOLDS = (0.9, 0.7, 0.5, 0.3, 0.1)
_LEAST_RATE = 0.01
_FEW_PAIRS = 10
_LOW_RECALL = 0.2


def recall_curves(forms: Sequence[FormAccuracy]) -> str | None:
    """Draw recall against false alarms an hour, one line for each form; None without any curve.

    The axis of the false alarms is logarithmic. A point without any false alarm stands at its left edge. On
    the last form that has a curve, some thresholds are marked.
    """
    curves = [(form.form, form.curve) for form in forms if len(form.curve) > 1]
    if not curves:
        return None
    rates = [
        point.false_alarms_per_hour for _, curve in curves for point in curve if point.false_alarms_per_hour
    ]
    least = max(_LEAST_RATE, min(rates, default=1.0) / 2)

    def draw(axes: Axes) -> None:
        styles = itertools.cycle(zip(("-", "--", ":"), (FIRST, SECOND, INK), strict=True))
        for (name, curve), (line, colour) in zip(curves, styles, strict=False):
            found = [point.recall for point in curve]
            axes.plot(_rates(curve, least), found, color=colour, linestyle=line, label=name, linewidth=1.6)
        _mark_thresholds(axes, curves[-1][1], least)
        most = max([2 * least, *rates])
        axes.set(xlabel="false alarms an hour", ylabel="found", xscale="log", ylim=(0, 1.02))
        axes.set_xlim(least, most * 1.6)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: rate_text(rate)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f}%"))
        if len(curves) > 1:
            axes.figure.legend(loc="outside upper center", ncols=3, **LEGEND)

    return plot_svg(draw, "recall")


def _rates(curve: Sequence[OperatingPoint], least: float) -> list[float]:
    return [max(least, point.false_alarms_per_hour) for point in curve]


def _mark_thresholds(axes: Axes, curve: Sequence[OperatingPoint], least: float) -> None:
    """Mark the points of a curve that are nearest to some thresholds, unless they lie on each other."""
    marked: list[tuple[float, float]] = []
    for threshold in _SHOWN_THRESHOLDS:
        point = min(curve, key=lambda one: abs(one.threshold - threshold))
        place = max(least, point.false_alarms_per_hour), point.recall
        near = any(abs(np.log10(place[0] / x)) < 0.25 and abs(place[1] - y) < 0.09 for x, y in marked)
        if abs(point.threshold - threshold) > 0.05 or near:
            continue
        marked.append(place)
        axes.plot(*place, color=INK, marker="o", markersize=4)
        low = point.recall < _LOW_RECALL  # the number stands above the point, not on the axis
        axes.annotate(
            f"{threshold:g}",
            place,
            xytext=(-3, 6) if low else (5, -5),
            textcoords="offset points",
            va="bottom" if low else "top",
            color=INK,
        )


def reliability_curve(bins: Sequence[ReliabilityBin]) -> str | None:
    """Draw how often a class is there against the probability that the model gives it; None without bins.

    Bins of fewer than 10 pairs are drawn as rings: chance alone moves them far.
    """
    known = [one for one in bins if one.pairs]
    if not known:
        return None

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.4)
        axes.plot([one.predicted for one in known], [one.observed for one in known], color=FIRST)
        for one in known:
            face = FIRST if one.pairs >= _FEW_PAIRS else "none"
            axes.plot(
                one.predicted,
                one.observed,
                color=FIRST,
                marker="o",
                markersize=6,
                markerfacecolor=face,
                linestyle="none",
            )
        axes.set(
            xlabel="probability, mean of a bin", ylabel="share that is there", xlim=(0, 1), ylim=(0, 1.02)
        )

    return plot_svg(draw, "reliability")


def recall_by_snr(bins: Sequence[SnrBin]) -> str | None:
    """Draw recall against the signal-to-noise ratio of the calls; None without bins."""
    if not bins:
        return None
    middles = [(one.low_db + one.high_db) / 2 for one in bins]

    def draw(axes: Axes) -> None:
        low = [100 * one.recall.low for one in bins]
        high = [100 * one.recall.high for one in bins]
        axes.vlines(middles, low, high, color=FAINT, linewidth=6)
        axes.plot(middles, [100 * one.recall.value for one in bins], color=FIRST, marker="o", markersize=6)
        axes.set(xlabel="signal-to-noise ratio, dB", ylabel="found", ylim=(0, 102))
        axes.set_xticks([bins[0].low_db, *(one.high_db for one in bins)])
        axes.yaxis.set_major_formatter(PercentFormatter(decimals=0))

    return plot_svg(draw, "recall-by-snr")
