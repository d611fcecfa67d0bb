"""Checks of the windows: those that calibrate, and those that the gate measured."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.quant.doctor.case import Case, proposals_of, try_recipes
from birdnet_stm32.quant.doctor.finding import (
    MATERIAL_SHARE,
    SMALLEST_COST,
    Check,
    Proposal,
    Result,
    Severity,
)
from birdnet_stm32.quant.verify import CONFIDENT_PROBABILITY

NARROWER = 0.05
CLEAR_GAIN = 0.5  # of the spread between random halves; a smaller one may be luck


def too_diverse(case: Case) -> Result:
    """Ranges that are wide for the sake of a few windows."""
    check = Check(
        id="too_diverse",
        looks_at="selections of the calibration windows",
        wrong="the calibration windows are too diverse",
    )
    whole = case.trials.everything
    best = max(case.trials.selected, key=lambda trial: trial.cosine_mean, default=None)
    if best is None:
        return check.unchecked("there are too few windows to select from")
    halves = [half.cosine_mean for half in case.trials.halves]
    evidence = (
        f"with {best.what}, {best.windows} windows, mean cosine {best.cosine_mean:.3f} and 5th percentile "
        f"{best.cosine_p05:.3f}",
        f"with all {whole.windows} {whole.cosine_mean:.3f} and {whole.cosine_p05:.3f}, with random halves "
        f"{min(halves):.3f} to {max(halves):.3f}",
        _narrower(whole.spans, best.spans),
    )
    if best.cosine_mean < max(halves) + CLEAR_GAIN * (max(halves) - min(halves)):
        return check.fine(*evidence)
    proposals = (*proposals_of(best), *try_recipes(case, "equalize", "inner_subranges"))
    return check.judge(best.cosine_mean - whole.cosine_mean, case.loss, evidence, proposals)


def wide_ranges(case: Case) -> Result:
    """Ranges that are wide for the sake of a few values."""
    check = Check(
        id="wide_ranges",
        looks_at="ranges of the activations",
        wrong="the ranges are wider than most values need",
    )
    whole = case.trials.everything
    best = max(case.trials.narrowed, key=lambda trial: trial.cosine_mean, default=None)
    if best is None:
        return check.fine("the recipe or convert.ranges has narrowed them")
    evidence = (
        f"with {best.what} mean cosine {best.cosine_mean:.3f} and 5th percentile {best.cosine_p05:.3f}, "
        f"instead of {whole.cosine_mean:.3f} and {whole.cosine_p05:.3f}",
        _narrower(whole.spans, best.spans),
    )
    proposals = (*proposals_of(best), *try_recipes(case, "equalize", "inner_subranges"))
    return check.judge(best.cosine_mean - whole.cosine_mean, case.loss, evidence, proposals)


def too_small(case: Case) -> Result:
    """Too few windows to have seen what the device will hear."""
    check = Check(
        id="too_small",
        looks_at="number of calibration windows",
        wrong="there are too few calibration windows",
    )
    trials = case.trials
    whole, halves = trials.everything.cosine_mean, [half.cosine_mean for half in trials.halves]
    half, included = float(np.mean(halves)), trials.included.cosine_mean
    evidence = (
        f"{case.calibration_windows} windows calibrate; {case.found_windows} were found, "
        f"{case.asked_windows} asked for",
        f"mean cosine {half:.3f} with half, {whole:.3f} with all, {included:.3f} with those held out too",
        f"with half of them {_narrower(trials.everything.spans, trials.halves[0].spans)}",
    )
    cost = max(whole - half, included - max(whole, *halves))
    return check.judge(cost, case.loss, evidence, (_more(case),))


def order(case: Case) -> Result:
    """The same windows in another order, which must not matter."""
    check = Check(
        id="order",
        looks_at="order of the calibration windows",
        wrong="the result depends on the order of the calibration windows",
    )
    first, others = case.trials.halves[0], case.trials.reordered
    same = sum(other.tflite == first.tflite for other in others)
    cosines = [trial.cosine_mean for trial in (first, *others)]
    evidence = (
        f"{first.windows} windows in {len(others)} other orders gave the same bytes {same} times",
        f"mean cosine {min(cosines):.4f} to {max(cosines):.4f}",
    )
    if same == len(others):
        return check.fine(*evidence)
    proposal = Proposal(text="use a recipe that takes its ranges from all windows at once, such as ptq")
    return check.judge(max(cosines) - min(cosines), case.loss, evidence, (proposal,))


def quiet_windows(case: Case) -> Result:
    """Windows that hold next to nothing, where the smallest error turns a cosine."""
    check = Check(
        id="quiet_windows",
        looks_at="quiet validation windows",
        wrong="most of the loss is in windows that hold next to nothing",
    )
    facts = case.validation
    heard, lost = facts.confident, 1 - facts.cosine
    if heard.all() or not heard.any():
        return check.fine(f"the float model hears something in {'all' if heard.all() else 'none'} of them")
    quiet = ~heard
    share = float(lost[quiet].sum() / max(lost.sum(), 1e-12))
    levels = [float(np.median(part)) for part in (facts.rms_db[quiet], facts.rms_db[heard])]
    evidence = (
        f"in {quiet.sum()} of {len(lost)} windows no float probability reaches {CONFIDENT_PROBABILITY}; "
        f"{share:.0%} of the loss is there",
        f"mean cosine {facts.cosine[quiet].mean():.3f} there, {facts.cosine[heard].mean():.3f} in the others",
        f"median level {levels[0]:.0f} dBFS there, {levels[1]:.0f} in the others, "
        f"{np.median(facts.calibration_rms_db):.0f} in calibration",
    )
    cost = float(facts.cosine[heard].mean() - facts.cosine.mean())
    if cost < max(SMALLEST_COST, MATERIAL_SHARE * lost.mean()):
        return check.fine(*evidence)
    keep = Proposal(
        text="keep them, the device will hear the like; finer steps for small values help them most"
    )
    # It says where, not why; so a cause, if there is one, comes first.
    return check.finding(Severity.MEDIUM, evidence, (*try_recipes(case, "inner_subranges"), keep), cost=cost)


CHECKS = (too_diverse, wide_ranges, too_small, order, quiet_windows)


def _more(case: Case) -> Proposal:
    """Propose to calibrate with more windows, or with more recordings where all are taken."""
    if case.found_windows < case.asked_windows:
        return Proposal(text="add recordings: all windows that there are calibrate already")
    more = 2 * case.asked_windows
    lines = f"[representative]\ncalibration_windows = {more}"
    return Proposal(text="calibrate with more windows", variant=lines, command=f"--num_samples {more}")


def _narrower(whole: dict[str, float], part: dict[str, float]) -> str:
    """Say how many ranges are narrower with a part of the windows, and by how much at most."""
    shares = {name: 1 - part[name] / span for name, span in whole.items() if name in part and span > 0}
    tensor = max(shares, key=lambda name: shares[name])
    count = sum(share >= NARROWER for share in shares.values())
    return f"{count} of {len(shares)} ranges become narrower, by up to {shares[tensor]:.0%} ({tensor})"
