"""Show the analysis as a table in the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from birdnet_stm32.npu.analyze import Analysis, estimate_text
from birdnet_stm32.npu.operator_mapping import MappingKind
from birdnet_stm32.terminal_text import counted

STYLES = {
    MappingKind.HARDWARE: "green",
    MappingKind.CONDITIONAL: "yellow",
    MappingKind.SOFTWARE: "cyan",
    MappingKind.UNLISTED: "magenta",
    MappingKind.REFUSED: "bold red",
}


def render_table(analysis: Analysis) -> Table:
    """Return a table with one row for each operator and the totals below."""
    table = Table(title="Operators and where the STM32N6 would run them", show_footer=True)
    table.add_column("#", justify="right")
    table.add_column("operator", footer=f"{counted(len(analysis.operators), 'operator')}")
    table.add_column("output")
    table.add_column("MAC", justify="right", footer=f"{analysis.macs:,}")
    table.add_column("constants\n(bytes)", justify="right", footer=f"{analysis.constant_bytes:,}")
    table.add_column("live\n(bytes)", justify="right", footer=f"{analysis.activation_peak_bytes:,}")
    table.add_column("cycles\n(estimate)", justify="right", footer=f"{analysis.cycles:,}")
    table.add_column("runs in")
    table.add_column("because")
    for report in analysis.operators:
        table.add_row(
            str(report.index),
            Text(report.name),
            "x".join(map(str, report.output_shape)) + ("" if report.aligned else " *"),
            f"{report.macs:,}" if report.macs else "",
            f"{report.constant_bytes:,}" if report.constant_bytes else "",
            f"{report.live_bytes:,}",
            f"{report.cycles:,}",
            Text(report.mapping.kind, style=STYLES[report.mapping.kind]),
            Text(report.mapping.reason),
        )
    table.caption = "; ".join(f"{number} {kind}" for kind, number in analysis.kinds.items() if number)
    table.caption += f"; {estimate_text(analysis)}"
    if not all(report.aligned for report in analysis.operators):
        table.caption += "; * the number of channels is not a multiple of 8"
    return table
