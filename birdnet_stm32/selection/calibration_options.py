"""Say what the options of a calibration changed, from what ``candidate.json`` says."""

from __future__ import annotations

from collections.abc import Mapping

from birdnet_stm32.selection.candidates import ComputedCandidate, RangeWidth

SMALLEST_CHANGE = 0.01  # of the width of a range; a smaller change is rounding


def changes_by_options(candidate: ComputedCandidate) -> str:
    """Return what the options of the calibration changed; empty if the variant sets none."""
    options, without = candidate.options, candidate.without_options
    said = [f"{name} left out {count} windows" for name, count in options.left_out.items()]
    if options.ranges is not None:
        percentile = "" if options.percentile is None else f" {options.percentile:g}"
        said.append(f"ranges by {options.ranges}{percentile}")
    if not said:
        return ""
    if without is None:
        return f"{', '.join(said)}; not tried without these options"
    now, before = candidate.held_out.all, without.held_out.all
    return (
        f"{', '.join(said)}: mean cosine {now.cosine_mean:.4f}, without {before.cosine_mean:.4f}; "
        f"5th percentile {now.cosine_p05:.4f}, without {before.cosine_p05:.4f}; " + _ranges(without.spans)
    )


def _ranges(widths: Mapping[str, RangeWidth]) -> str:
    ratios = {
        name: width.with_options / width.without_options
        for name, width in widths.items()
        if width.without_options > 0
    }
    changed = {name: ratio for name, ratio in ratios.items() if abs(ratio - 1) > SMALLEST_CHANGE}
    if not changed:
        return "no range changed"
    name = max(changed, key=lambda one: abs(changed[one] - 1))
    return f"{len(changed)} of {len(ratios)} ranges changed, most of all {name}, to {changed[name]:.0%}"
