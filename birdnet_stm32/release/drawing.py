"""Draw SVGs that take their colours from the style sheet of the page, the same bytes every time.

Matplotlib has no style sheets. It draws in placeholder colours such as ``INK``, and the variables of the
style sheet then replace them. So a drawing follows the light or dark scheme of the reader.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

Floats = npt.NDArray[np.floating[Any]]

INK, FAINT, FIRST, SECOND, LIMIT = "#010203", "#010204", "#010205", "#010206", "#010207"
_VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--line)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
    LIMIT: "var(--limit)",
}
# On the narrowest screens a picture is 300 pixels wide, and no text may be smaller than 11 pixels there.
SIZE_INCHES = (4.2, 2.9)
_FONT_POINTS = 12.0
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: the page's font, searchable, small
    "font.family": "sans-serif",
    "font.size": _FONT_POINTS,
    "text.parse_math": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
LEGEND: dict[str, Any] = {"handlelength": 1.4, "columnspacing": 1.0}


def plot_svg(draw: Callable[[Axes], None], name: str) -> str:
    """Return a figure of one plot as an ``<svg>`` element whose ids begin with ``name``."""
    return figure_svg(lambda figure: draw(figure.add_subplot()), name, SIZE_INCHES)


def figure_svg(draw: Callable[[Figure], None], name: str, size_inches: tuple[float, float]) -> str:
    """Return a figure of any number of plots as an ``<svg>`` element whose ids begin with ``name``."""
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
