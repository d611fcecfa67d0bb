"""The table shows every operator and takes names from files literally."""

from __future__ import annotations

import io

from rich.console import Console

from birdnet_stm32.npu.analysis_table import STYLES, render_table
from birdnet_stm32.npu.analyze import analyze
from birdnet_stm32.npu.operator_mapping import MappingKind


def test_the_table_shows_operators_and_totals(one_operator, activation, constant) -> None:
    graph = one_operator("FULLY_CONNECTED", [activation(1, 32), constant(13, 32)], activation(1, 13))
    console = Console(file=io.StringIO(), width=160)
    console.print(render_table(analyze(graph)))
    text = console.file.getvalue()
    for expected in ("FULLY_CONNECTED", "1x13 *", "416", "hardware", "a matrix product", "1 operator"):
        assert expected in text


def test_markup_in_a_custom_operators_name_is_text(one_operator, activation) -> None:
    console = Console(file=io.StringIO(), width=160)
    console.print(render_table(analyze(one_operator("CUSTOM:[red]x", [activation(1)], activation(1)))))
    assert "CUSTOM:[red]x" in console.file.getvalue()


def test_every_kind_has_a_style() -> None:
    assert STYLES.keys() == set(MappingKind)
