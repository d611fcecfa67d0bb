"""Draw the pictures of the report: arrays in, SVG or PNG out, the same bytes every time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.gates import Gate
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.quant.sensitivity.layer_report import GroupReport, LayerReport
from birdnet_stm32.release.drawing import (
    FAINT,
    FIRST,
    INK,
    LEGEND,
    LIMIT,
    SECOND,
    SIZE_INCHES,
    Floats,
    figure_svg,
    plot_svg,
)

_NO_ERROR_DB = 120.0  # what a tensor without error or without values has
_LONGEST_NAME = 17
_ROW_INCHES = 0.22  # height of one row in a chart that grows with its rows
_MAX_SCATTER_POINTS = 1_500
_LEVELS = 32  # of colour in a spectrogram: more look the same
_KIB = 1024
VALIDATION_ACCURACY = "validation windows right"


def cosine_histogram(cosines: Floats, gates: Sequence[Gate]) -> str:
    """Draw a histogram of the cosines of all windows, with the gates on the cosine as lines."""

    def draw(axes: Axes) -> None:
        lowest = min(0.8, float(np.min(cosines, initial=1.0)), *(gate.limit - 0.05 for gate in gates))
        axes.hist(np.clip(cosines, lowest, 1.0), bins=40, range=(lowest, 1.0), color=FIRST)
        for number, gate in enumerate(gate for gate in gates if gate.name.startswith("cosine")):
            axes.axvline(gate.limit, color=LIMIT, linestyle=("--", ":")[number % 2], linewidth=1.2)
            axes.annotate(
                f"{gate.name.removeprefix('cosine_')} ≥ {gate.limit:g}",
                (gate.limit, 0.97 - 0.1 * number),
                xycoords=("data", "axes fraction"),
                xytext=(-4, 0),
                textcoords="offset points",
                ha="right",
                va="top",
                color=LIMIT,
            )
        axes.set(xlabel="cosine of int8 and float probabilities", ylabel="windows", xlim=(lowest, 1.0))

    return plot_svg(draw, "cosine")


def agreement_scatter(float_probabilities: Floats, int8_probabilities: Floats) -> str:
    """Draw the int8 probability over the float probability of the most probable pairs of window and class."""

    def draw(axes: Axes) -> None:
        flat, quantized = float_probabilities.ravel(), int8_probabilities.ravel()
        best = np.sort(np.argsort(-np.maximum(flat, quantized), kind="stable")[:_MAX_SCATTER_POINTS])
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        axes.scatter(flat[best], quantized[best], s=8, color=FIRST, alpha=0.5, linewidths=0)
        axes.set(xlabel="float probability", ylabel="int8 probability", xlim=(0, 1), ylim=(0, 1))

    return plot_svg(draw, "agreement")


def training_curve(training: HistoryDocument) -> str:
    """Draw the losses, and the share of the validation windows that are right on an axis of its own."""

    def draw(axes: Axes) -> None:
        epochs = np.arange(1, len(training.epochs) + 1)
        loss = [epoch.loss for epoch in training.epochs]
        validation_loss = [epoch.validation_loss for epoch in training.epochs]
        accuracy = [epoch.validation_accuracy for epoch in training.epochs]
        lines = axes.plot(epochs, loss, color=FIRST, label="training loss")
        lines += axes.plot(epochs, validation_loss, color=FIRST, linestyle="--", label="validation loss")
        axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        right = axes.twinx()
        lines += right.plot(epochs, accuracy, color=SECOND, label=VALIDATION_ACCURACY)
        right.set(ylim=(0, 1), ylabel=VALIDATION_ACCURACY)
        right.grid(visible=False)
        axes.figure.legend(
            lines, [str(line.get_label()) for line in lines], loc="outside upper center", ncols=2, **LEGEND
        )

    return plot_svg(draw, "training")


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
            color=FIRST,
            height=0.65,
            error_kw={"ecolor": INK, "elinewidth": 0.8},
            label="only this part",
        )
        up_to = [group.gain_up_to for group in groups]
        left.plot(up_to, rows, color=SECOND, marker="o", markersize=3, label="up to here")
        left.set_yticks(rows, [_short(group.name) for group in groups])
        left.invert_yaxis()
        left.set(xlabel="cosine gained")
        left.xaxis.set_major_locator(MaxNLocator(2))
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2, **LEGEND)
        for row, group in zip(rows, groups, strict=True):
            ratios = [ratio for ratio in ratios_of[group.name] if abs(ratio) < _NO_ERROR_DB]
            right.scatter(ratios, [row] * len(ratios), s=12, color=FIRST, linewidths=0)
        right.set(xlabel="SNR in dB")
        right.xaxis.set_major_locator(MaxNLocator(3))
        for axes in (left, right):
            axes.grid(visible=False, axis="y")
            axes.tick_params(axis="y", length=0)

    width, height = SIZE_INCHES
    return figure_svg(draw, "layers", (width, max(height, 0.9 + _ROW_INCHES * len(groups))))


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
                    facecolor=(FIRST, SECOND)[number % 2],
                    alpha=0.55,
                    edgecolor=INK,
                    linewidth=0.4,
                )
            )
        axes.axhline(arena.size_bytes / _KIB, color=LIMIT, linewidth=1.2, linestyle="--")
        axes.set(
            xlabel="operator",
            ylabel="address in KiB",
            xlim=(-1, max(1, operators)),
            ylim=(0, max(1, arena.size_bytes) / _KIB * 1.04),
        )

    return plot_svg(draw, "arena")


def spectrogram_png(spectrogram: Floats) -> bytes:
    """Draw a spectrogram, low frequencies at the bottom, its faint half brightened.

    Args:
        spectrogram: float [bins, frames], low frequencies first.
    """
    low, high = np.percentile(spectrogram, (1, 99.8))
    levels = np.clip((spectrogram - low) / max(float(high - low), 1e-12), 0, 1) ** 0.7
    rows = np.round(levels * (_LEVELS - 1)).astype(np.uint8)[::-1]
    colours = colormaps["magma"](np.linspace(0, 1, _LEVELS), bytes=True)[:, :3]
    return _palette_png(rows, colours.astype(np.uint8))


def _palette_png(rows: npt.NDArray[np.uint8], colours: npt.NDArray[np.uint8]) -> bytes:
    """Return a picture as PNG with a palette, a quarter of the bytes that Matplotlib's full colours need.

    Args:
        rows: numbers of colours, uint8 ``[height, width]``.
        colours: red, green and blue of each, uint8 ``[colours, 3]``.

    Source:
        Portable Network Graphics Specification (W3C), sections 5.3 and 11.2.
    """

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    height, width = rows.shape
    unfiltered = np.pad(rows, ((0, 0), (1, 0)))  # every row begins with its filter, 0: none
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", colours.tobytes()),
            chunk(b"IDAT", zlib.compress(unfiltered.tobytes(), 9)),
            chunk(b"IEND", b""),
        ]
    )


def _short(name: str) -> str:
    """Return a name that leaves room for the drawing."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
