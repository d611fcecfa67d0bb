"""What the options of a calibration changed, in words, from what ``candidate.json`` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOVED = 0.01  # of a span; less is rounding


def effect_of(candidate: Mapping[str, Any]) -> str:
    """Return what options of the calibration did to a computed candidate; empty if there were none."""
    options, without = candidate["options"], candidate["without_options"]
    said = [f"{name} left out {count} windows" for name, count in options["left_out"].items()]
    if options["ranges"] is not None:
        percentile = "" if options["percentile"] is None else f" {options['percentile']:g}"
        said.append(f"ranges by {options['ranges']}{percentile}")
    if not said:
        return ""
    if without is None:
        return f"{', '.join(said)}; not tried without"
    now, before = candidate["held_out"]["all"], without["held_out"]["all"]
    return (
        f"{', '.join(said)}: mean cosine {now['cosine_mean']:.4f}, without {before['cosine_mean']:.4f}; "
        f"5th percentile {now['cosine_p05']:.4f}, without {before['cosine_p05']:.4f}; "
        + _ranges(without["spans"])
    )


def _ranges(spans: Mapping[str, Mapping[str, float]]) -> str:
    ratios = {name: span["with"] / span["without"] for name, span in spans.items() if span["without"] > 0}
    moved = {name: ratio for name, ratio in ratios.items() if abs(ratio - 1) > MOVED}
    if not moved:
        return "no range moved"
    name = max(moved, key=lambda one: abs(moved[one] - 1))
    return f"{len(moved)} of {len(ratios)} ranges moved, most {name} to {moved[name]:.0%}"
