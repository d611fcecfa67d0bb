"""Text with separated columns, the same bytes every time: UTF-8, and a line feed after each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def comma_separated(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows as CSV. A cell that holds a comma or a quotation mark is quoted."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def tab_separated(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows with tabs between their cells, which must hold neither tabs nor line breaks."""
    return "".join("\t".join(map(str, cells)) + "\n" for cells in rows).encode()
