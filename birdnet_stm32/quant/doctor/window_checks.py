"""Checks of the calibration windows, and of the validation windows that the gate measured."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.quant.doctor.diagnosis import (
    MATERIAL_SHARE,
    SMALLEST_COST,
    Check,
    CheckResult,
    Proposal,
    Severity,
)
from birdnet_stm32.quant.doctor.measurements import Measurements, proposals_of_trial, propose_recipes
from birdnet_stm32.quant.verify import CONFIDENT_PROBABILITY
from birdnet_stm32.terminal_text import counted

NARROWER = 0.05  # reduction of a range's width that counts
CLEAR_GAIN = 0.5  # of the difference between random halves; a smaller gain may be luck


def too_diverse(measured: Measurements) -> CheckResult:
    """Check whether a few unusual calibration windows make the ranges wide."""
    check = Check(
        id="too_diverse",
        looks_at="selections of the calibration windows",
        wrong="the calibration windows are too diverse",
    )
    whole = measured.trials.everything
    best = max(measured.trials.selected, key=lambda trial: trial.cosine_mean, default=None)
    if best is None:
        return check.unchecked("there are too few windows to select from")
    halves = [half.cosine_mean for half in measured.trials.halves]
    evidence = (
        f"with {best.what}, {counted(best.windows, 'window')}, mean cosine {best.cosine_mean:.3f} and 5th "
        "percentile "
        f"{best.cosine_p05:.3f}",
        f"with all {whole.windows} {whole.cosine_mean:.3f} and {whole.cosine_p05:.3f}, with random halves "
        f"{min(halves):.3f} to {max(halves):.3f}",
        _narrower(whole.range_widths, best.range_widths),
    )
    if best.cosine_mean < max(halves) + CLEAR_GAIN * (max(halves) - min(halves)):
        return check.fine(*evidence)
    proposals = (*proposals_of_trial(best), *propose_recipes(measured, "equalize", "inner_subranges"))
    return check.judge(best.cosine_mean - whole.cosine_mean, measured.loss, evidence, proposals)


def wide_ranges(measured: Measurements) -> CheckResult:
    """Check whether a few large values make the ranges wide."""
    check = Check(
        id="wide_ranges",
        looks_at="ranges of the activations",
        wrong="the ranges are wider than most values need",
    )
    whole = measured.trials.everything
    best = max(measured.trials.narrowed, key=lambda trial: trial.cosine_mean, default=None)
    if best is None:
        return check.fine("the recipe or convert.ranges has narrowed them")
    evidence = (
        f"with {best.what} mean cosine {best.cosine_mean:.3f} and 5th percentile {best.cosine_p05:.3f}, "
        f"instead of {whole.cosine_mean:.3f} and {whole.cosine_p05:.3f}",
        _narrower(whole.range_widths, best.range_widths),
    )
    proposals = (*proposals_of_trial(best), *propose_recipes(measured, "equalize", "inner_subranges"))
    return check.judge(best.cosine_mean - whole.cosine_mean, measured.loss, evidence, proposals)


def too_small(measured: Measurements) -> CheckResult:
    """Check whether there are too few calibration windows to represent what the device will hear."""
    check = Check(
        id="too_small",
        looks_at="number of calibration windows",
        wrong="there are too few calibration windows",
    )
    trials = measured.trials
    whole, halves = trials.everything.cosine_mean, [half.cosine_mean for half in trials.halves]
    half, included = float(np.mean(halves)), trials.included.cosine_mean
    evidence = (
        f"{counted(measured.calibration_windows, 'window')} calibrate; {measured.found_windows} were found, "
        f"{measured.asked_windows} asked for",
        f"mean cosine {half:.3f} with half, {whole:.3f} with all, {included:.3f} with those held out too",
        f"with half of them {_narrower(trials.everything.range_widths, trials.halves[0].range_widths)}",
    )
    cost = max(whole - half, included - max(whole, *halves))
    return check.judge(cost, measured.loss, evidence, (_more(measured),))


def order(measured: Measurements) -> CheckResult:
    """Check whether the order of the calibration windows changes the result, which it must not."""
    check = Check(
        id="order",
        looks_at="order of the calibration windows",
        wrong="the result depends on the order of the calibration windows",
    )
    first, others = measured.trials.halves[0], measured.trials.reordered
    same = sum(other.tflite == first.tflite for other in others)
    cosines = [trial.cosine_mean for trial in (first, *others)]
    evidence = (
        f"{counted(first.windows, 'window')} in {len(others)} other orders gave the same bytes {same} times",
        f"mean cosine {min(cosines):.4f} to {max(cosines):.4f}",
    )
    if same == len(others):
        return check.fine(*evidence)
    proposal = Proposal(text="use a recipe that takes its ranges from all windows at once, such as ptq")
    return check.judge(max(cosines) - min(cosines), measured.loss, evidence, (proposal,))


def quiet_windows(measured: Measurements) -> CheckResult:
    """Check whether the loss is in nearly silent windows, where the smallest error changes the cosine."""
    check = Check(
        id="quiet_windows",
        looks_at="quiet validation windows",
        wrong="most of the loss is in windows that hold next to nothing",
    )
    facts = measured.validation
    heard, lost = facts.confident, 1 - facts.cosine
    if heard.all() or not heard.any():
        return check.fine(f"the float model hears something in {'all' if heard.all() else 'none'} of them")
    quiet = ~heard
    share = float(lost[quiet].sum() / max(lost.sum(), 1e-12))
    levels = [float(np.median(part)) for part in (facts.rms_db[quiet], facts.rms_db[heard])]
    evidence = (
        f"in {quiet.sum()} of {counted(len(lost), 'window')} no float probability reaches "
        f"{CONFIDENT_PROBABILITY}; "
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
    # This says where the loss is, not why. MEDIUM, so that a cause is listed first if there is one.
    return check.finding(
        Severity.MEDIUM, evidence, (*propose_recipes(measured, "inner_subranges"), keep), cost=cost
    )


CHECKS = (too_diverse, wide_ranges, too_small, order, quiet_windows)


def _more(measured: Measurements) -> Proposal:
    """Return the proposal to calibrate with more windows, or to add recordings if all are in use."""
    if measured.found_windows < measured.asked_windows:
        return Proposal(text="add recordings: all windows that there are calibrate already")
    more = 2 * measured.asked_windows
    lines = f"[representative]\ncalibration_windows = {more}"
    return Proposal(text="calibrate with more windows", variant=lines, command=f"--num_samples {more}")


def _narrower(whole: dict[str, float], part: dict[str, float]) -> str:
    """Say how many ranges are narrower with a part of the windows, and by how much at most.

    Args:
        whole: width of each range with all windows, by name of the tensor.
        part: the same with a part of the windows.
    """
    shares = {name: 1 - part[name] / width for name, width in whole.items() if name in part and width > 0}
    tensor = max(shares, key=lambda name: shares[name])
    count = sum(share >= NARROWER for share in shares.values())
    return f"{count} of {len(shares)} ranges become narrower, by up to {shares[tensor]:.0%} ({tensor})"
