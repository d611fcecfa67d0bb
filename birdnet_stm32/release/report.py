"""Render the report: one HTML page that needs neither a network nor scripts."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from birdnet_stm32.evaluate.accuracy_text import loss_text, rate_with_interval, share_with_interval
from birdnet_stm32.evaluate.sentences import hours_text
from birdnet_stm32.firmware.memory_use import memory_gates
from birdnet_stm32.npu.analyze import estimate_text
from birdnet_stm32.npu.lint.check import findings_by_rule
from birdnet_stm32.npu.operator_mapping import MappingKind
from birdnet_stm32.npu.stedgeai.compilation import Compilation
from birdnet_stm32.quant.verify import Agreement
from birdnet_stm32.release import figures
from birdnet_stm32.release.accuracy_section import accuracy_section
from birdnet_stm32.release.facts import Fact
from birdnet_stm32.release.report_data import ReportData, WindowPicture
from birdnet_stm32.terminal_text import counted

TEMPLATES = Path(__file__).parent / "templates"
_KIB = 1024
_MEASURES = {
    "windows": "windows",
    "cosine_mean": "cosine, mean",
    "cosine_p05": "cosine, 5th percentile",
    "top1_agreement": "same best class (agreement, not accuracy)",
    "bias": "mean difference",
    "mae": "mean absolute difference",
}


def render_report(data: ReportData) -> str:
    """Return the page. Equal data give equal bytes; sections without data are left out.

    Every text in ``data`` may come from a file or folder name and is escaped.
    """
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            data=data,
            kinds=tuple(MappingKind),
            findings=findings_by_rule(data.findings),
            estimate=estimate_text(data.analysis) if data.analysis else "",
            training_metric=figures.VALIDATION_ACCURACY,
            memory_gates={name: memory_gates(name, used) for name, used in data.memories.items()},
            pictures=tuple((window, _data_uri(window)) for window in data.windows),
            measure_rows=_measure_rows(data),
            npu_facts=_npu_facts(data),
            accuracy=data.accuracy
            and accuracy_section(data.accuracy, data.thresholds, data.mistakes, data.rule),
            **_figures(data),
        )
    )


def _figures(data: ReportData) -> dict[str, Markup | None]:
    """Draw the pictures that there is data for. The SVGs are safe: Matplotlib escapes the texts in them."""
    checked = data.verification
    drawings = {
        "cosine_figure": checked and figures.cosine_histogram(checked.cosines, checked.gates),
        "agreement_figure": checked
        and figures.agreement_scatter(checked.float_probabilities, checked.int8_probabilities),
        "layers_figure": data.layers and figures.layer_chart(data.layers),
        "arena_figure": data.network and figures.arena_plan(data.network),
        "training_figure": figures.training_curve(data.training)
        if data.training and data.training.epochs
        else None,
    }
    return {name: Markup(svg) if svg else None for name, svg in drawings.items()}  # noqa: S704


def _data_uri(window: WindowPicture) -> str:
    png = figures.spectrogram_png(window.spectrogram)
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _measure_rows(data: ReportData) -> tuple[tuple[str, str, str], ...]:
    """Return name, value over all windows and value over the confident ones, as text."""
    if data.verification is None:
        return ()

    def text(measures: Agreement | None, name: str) -> str:
        value = getattr(measures, name, None)
        return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4f}"

    both = data.verification.all_windows, data.verification.confident
    return tuple((title, text(both[0], name), text(both[1], name)) for name, title in _MEASURES.items())


def _npu_facts(data: ReportData) -> tuple[Fact, ...]:
    """Return the most important facts about the compiled network; empty without one."""
    if data.compiled is None:
        return ()
    compilation = data.compiled
    counts = [f"{compilation.count(kind)} {kind}" for kind in ("hardware", "hybrid", "software")]
    cycles = "not estimated" if compilation.cycles is None else f"{compilation.cycles:,}"
    ports = [
        f"{port.dtype} {'×'.join(map(str, port.shape))}" for port in compilation.inputs + compilation.outputs
    ]
    weights = f"{_size(compilation.weights_bytes)} from 0x{compilation.weights_address:08X}"
    return (
        Fact(name="Epochs", value=f"{len(compilation.epochs)}: {', '.join(counts)}"),
        Fact(name="Epoch controller", value=_controlled(compilation)),
        Fact(name="Weights in the flash", value=weights),
        Fact(name="Cycles, estimated", value=cycles),
        Fact(name="Input and output in memory", value=", ".join(ports)),
        Fact(name="Runtime", value=f"ll_aton {compilation.runtime}"),
    )


def _controlled(compilation: Compilation) -> str:
    """Return what the epoch controller runs, and how much memory its programs take."""
    if not compilation.epoch_controller:
        return "not used: the processor starts every epoch"
    epochs = sum(len(blob.epochs) for blob in compilation.blobs)
    held = _size(sum(blob.size_bytes for blob in compilation.blobs))
    copied = _size(sum(blob.ram_bytes for blob in compilation.blobs))
    blobs = counted(len(compilation.blobs), "blob")
    return f"runs {counted(epochs, 'epoch')} in {blobs} of {held}, with {copied} of copies in RAM"


def _size(size_bytes: int) -> str:
    """Return a size for a reader: bytes below 1 KiB, then KiB, then MiB."""
    if size_bytes < _KIB:
        return f"{size_bytes} B"
    if size_bytes < _KIB * _KIB:
        return f"{size_bytes / _KIB:,.1f} KiB"
    return f"{size_bytes / _KIB / _KIB:,.2f} MiB"


def _breakable(text: str) -> Markup:
    """Return a class name, escaped, that may wrap between its scientific and its common part."""
    return Markup("_<wbr>").join(text.split("_"))


def _share(part: float, whole: float) -> str:
    """Return a part as a percentage of the whole that CSS understands, at most 100."""
    return f"{min(100.0, 100 * part / whole):.2f}%" if whole > 0 else "0%"


@cache
def page_environment() -> jinja2.Environment:
    """Return the Jinja environment of the pages: an unknown name is an error, and all texts are escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        breakable=_breakable,
        counted=counted,
        hours_text=hours_text,
        loss_text=loss_text,
        size=_size,
        share=_share,
        share_with_interval=share_with_interval,
        rate_with_interval=rate_with_interval,
    )
    return environment
