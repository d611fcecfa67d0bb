"""Draw the pictures of the report: arrays in, SVG or PNG out, the same bytes every time.

The SVGs are part of the page and take their colours from its style sheet, so that they follow the light or
dark scheme of the reader. Matplotlib has no style sheets. It draws in placeholder colours such as ``_INK``,
and the variables of the style sheet then replace them.
"""

from __future__ import annotations

import io
import itertools
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.gates import Gate
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.quant.sensitivity.layer_report import GroupReport, LayerReport
from birdnet_stm32.release.report_data import Floats

_INK, _FAINT, _FIRST, _SECOND, _LIMIT = "#010203", "#010204", "#010205", "#010206", "#010207"
_VARIABLES = {
    _INK: "var(--ink)",
    _FAINT: "var(--line)",
    _FIRST: "var(--first)",
    _SECOND: "var(--second)",
    _LIMIT: "var(--limit)",
}
# On the narrowest screens a picture is 300 pixels wide, and no text may be smaller than 11 pixels there.
_SIZE_INCHES = (4.2, 2.9)
_FONT_POINTS = 12.0
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: the page's font, searchable, small
    "font.family": "sans-serif",
    "font.size": _FONT_POINTS,
    "text.parse_math": False,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "grid.linewidth": 0.7,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
}
_NO_ERROR_DB = 120.0  # what a tensor without error or without values has
_LEGEND: dict[str, Any] = {"handlelength": 1.4, "columnspacing": 1.0}
_LONGEST_NAME = 17
_ROW_INCHES = 0.22  # height of one row in a chart that grows with its rows
_MAX_SCATTER_POINTS = 1_500
_DET_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.99)
_KIB = 1024
VALIDATION_ACCURACY = "validation windows right"


def cosine_histogram(cosines: Floats, gates: Sequence[Gate]) -> str:
    """Draw a histogram of the cosines of all windows, with the gates on the cosine as lines."""

    def draw(axes: Axes) -> None:
        lowest = min(0.8, float(np.min(cosines, initial=1.0)), *(gate.limit - 0.05 for gate in gates))
        axes.hist(np.clip(cosines, lowest, 1.0), bins=40, range=(lowest, 1.0), color=_FIRST)
        for number, gate in enumerate(gate for gate in gates if gate.name.startswith("cosine")):
            axes.axvline(gate.limit, color=_LIMIT, linestyle=("--", ":")[number % 2], linewidth=1.2)
            axes.annotate(
                f"{gate.name.removeprefix('cosine_')} ≥ {gate.limit:g}",
                (gate.limit, 0.97 - 0.1 * number),
                xycoords=("data", "axes fraction"),
                xytext=(-4, 0),
                textcoords="offset points",
                ha="right",
                va="top",
                color=_LIMIT,
            )
        axes.set(xlabel="cosine of int8 and float probabilities", ylabel="windows", xlim=(lowest, 1.0))

    return _svg(draw, "cosine")


def agreement_scatter(float_probabilities: Floats, int8_probabilities: Floats) -> str:
    """Draw the int8 probability over the float probability of the most probable pairs of window and class."""

    def draw(axes: Axes) -> None:
        flat, quantized = float_probabilities.ravel(), int8_probabilities.ravel()
        best = np.sort(np.argsort(-np.maximum(flat, quantized), kind="stable")[:_MAX_SCATTER_POINTS])
        axes.plot([0, 1], [0, 1], color=_FAINT, linewidth=1)
        axes.scatter(flat[best], quantized[best], s=8, color=_FIRST, alpha=0.5, linewidths=0)
        axes.set(xlabel="float probability", ylabel="int8 probability", xlim=(0, 1), ylim=(0, 1))

    return _svg(draw, "agreement")


def training_curve(training: HistoryDocument) -> str:
    """Draw the losses, and the share of the validation windows that are right on an axis of its own."""

    def draw(axes: Axes) -> None:
        epochs = np.arange(1, len(training.epochs) + 1)
        loss = [epoch.loss for epoch in training.epochs]
        validation_loss = [epoch.validation_loss for epoch in training.epochs]
        accuracy = [epoch.validation_accuracy for epoch in training.epochs]
        lines = axes.plot(epochs, loss, color=_FIRST, label="training loss")
        lines += axes.plot(epochs, validation_loss, color=_FIRST, linestyle="--", label="validation loss")
        axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        right = axes.twinx()
        lines += right.plot(epochs, accuracy, color=_SECOND, label=VALIDATION_ACCURACY)
        right.set(ylim=(0, 1), ylabel=VALIDATION_ACCURACY)
        right.grid(visible=False)
        axes.figure.legend(
            lines, [str(line.get_label()) for line in lines], loc="outside upper center", ncols=2, **_LEGEND
        )

    return _svg(draw, "training")


def det_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> str:
    """Draw missed over wrong detections, one line for each model; both axes are stretched towards 0 and 1.

    Args:
        curves: false positive rates and false negative rates in the same order, by the name of the model.
    """

    def draw(axes: Axes) -> None:
        styles = itertools.cycle(zip(("-", "--", ":"), (_FIRST, _SECOND, _INK), strict=True))
        for (name, rates), (line, colour) in zip(curves.items(), styles, strict=False):
            wrong, missed = (np.clip(rate, _DET_TICKS[0], _DET_TICKS[-1]) for rate in rates)
            axes.plot(wrong, missed, color=colour, linestyle=line, label=name)
        limits = (_DET_TICKS[0], _DET_TICKS[-1])
        axes.set(
            xlabel="wrong detections",
            ylabel="missed",
            xscale="logit",
            yscale="logit",
            xlim=limits,
            ylim=limits,
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator(_DET_TICKS))
            axis.set_major_formatter(FixedFormatter([f"{100 * tick:g}%" for tick in _DET_TICKS]))
            axis.set_minor_locator(NullLocator())
        axes.legend(loc="upper right")

    return _svg(draw, "det")


def layer_chart(report: LayerReport) -> str:
    """Draw what each part of the network costs, from the input on, and how far its tensors are from float."""
    groups, ratios_of = _in_order(report)

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(5, 4))
        rows = np.arange(len(groups))
        left.barh(
            rows,
            [group.gain for group in groups],
            xerr=[group.gain_error for group in groups],
            color=_FIRST,
            height=0.65,
            error_kw={"ecolor": _INK, "elinewidth": 0.8},
            label="only this part",
        )
        up_to = [group.gain_up_to for group in groups]
        left.plot(up_to, rows, color=_SECOND, marker="o", markersize=3, label="up to here")
        left.set_yticks(rows, [_short(group.name) for group in groups])
        left.invert_yaxis()
        left.set(xlabel="cosine gained")
        left.xaxis.set_major_locator(MaxNLocator(2))
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2, **_LEGEND)
        for row, group in zip(rows, groups, strict=True):
            ratios = [ratio for ratio in ratios_of[group.name] if abs(ratio) < _NO_ERROR_DB]
            right.scatter(ratios, [row] * len(ratios), s=12, color=_FIRST, linewidths=0)
        right.set(xlabel="SNR in dB")
        right.xaxis.set_major_locator(MaxNLocator(3))
        for axes in (left, right):
            axes.grid(visible=False, axis="y")
            axes.tick_params(axis="y", length=0)

    width, height = _SIZE_INCHES
    return _figure_svg(draw, "layers", (width, max(height, 0.9 + _ROW_INCHES * len(groups))))


def _in_order(report: LayerReport) -> tuple[list[GroupReport], dict[str, list[float]]]:
    """Return the parts in the order of computation, and the SNR of their tensors in dB by part."""
    ratios: dict[str, list[float]] = {}
    for tensor in sorted(report.tensors, key=lambda one: one.position):
        ratios.setdefault(tensor.group, []).append(tensor.snr_db)
    by_name = {group.name: group for group in report.groups}
    return [by_name[name] for name in ratios], ratios


def arena_plan(network: NetworkDocument) -> str:
    """Draw the addresses that each tensor occupies while the front end and each operator run."""
    arena, operators = network.arena, len(network.operators)

    def draw(axes: Axes) -> None:
        blocks = [(-1, -1, 0, arena.workspace_bytes)]  # the front end runs before the operators
        blocks += [
            (max(one.first, 0), min(one.last, operators - 1), one.offset_bytes, one.size_bytes)
            for one in arena.tensors
        ]
        for number, (first, last, offset_bytes, size_bytes) in enumerate(blocks):
            axes.add_patch(
                Rectangle(
                    (first, offset_bytes / _KIB),
                    last - first + 1,
                    size_bytes / _KIB,
                    facecolor=(_FIRST, _SECOND)[number % 2],
                    alpha=0.55,
                    edgecolor=_INK,
                    linewidth=0.4,
                )
            )
        axes.axhline(arena.size_bytes / _KIB, color=_LIMIT, linewidth=1.2, linestyle="--")
        axes.set(
            xlabel="operator",
            ylabel="address in KiB",
            xlim=(-1, max(1, operators)),
            ylim=(0, max(1, arena.size_bytes) / _KIB * 1.04),
        )

    return _svg(draw, "arena")


def spectrogram_png(spectrogram: Floats) -> bytes:
    """Draw a spectrogram, low frequencies at the bottom, its faint half brightened.

    Args:
        spectrogram: float [bins, frames], low frequencies first.
    """
    low, high = np.percentile(spectrogram, (1, 99.8))
    levels = np.clip((spectrogram - low) / max(float(high - low), 1e-12), 0, 1) ** 0.7
    target = io.BytesIO()
    imsave(
        target,
        np.round(levels * 31) / 31,  # 32 levels look the same and need half the bytes
        cmap="magma",
        vmin=0,
        vmax=1,
        origin="lower",
        format="png",
        pil_kwargs={"optimize": True},
    )
    return target.getvalue()


def _short(name: str) -> str:
    """Return a name that leaves room for the drawing."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _svg(draw: Callable[[Axes], None], name: str) -> str:
    """Return a figure of one plot as an ``<svg>`` element whose ids begin with ``name``."""
    return _figure_svg(lambda figure: draw(figure.add_subplot()), name, _SIZE_INCHES)


def _figure_svg(draw: Callable[[Figure], None], name: str, size_inches: tuple[float, float]) -> str:
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # Text stays text: the reader has fonts for it.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        figure = Figure(figsize=size_inches, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        target = io.StringIO()
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(target.getvalue(), name)


def _inline(document: str, name: str) -> str:
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    head, body = svg.split(">", 1)
    view = re.search(r'viewBox="[^"]*"', head)
    ids = re.compile(r'(\bid="|xlink:href="#|url\(#)')
    body = ids.sub(rf"\g<1>{name}-", body).replace("xlink:href", "href")
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    return f'<svg {view.group() if view else ""} aria-hidden="true">{body.strip()}'
