"""Checks of the network: what int8 does to its input, its first layers, its kernels and its outputs."""

from __future__ import annotations

from birdnet_stm32.frontend.contract import Compression, Frontend
from birdnet_stm32.quant.doctor.case import Case, proposals_of, retrain, try_recipes
from birdnet_stm32.quant.doctor.finding import Check, Result

OUTLIER_WINDOWS = 0.1  # of all windows; fewer decide the range for the others


def decibels(case: Case) -> Result:
    """Decibels of int8 amplitudes: the first step above silence is a jump."""
    check = Check(
        id="decibels",
        looks_at="scaling of magnitudes",
        wrong="magnitudes are scaled to decibels inside the network",
    )
    facts = case.decibel
    if facts is None:
        return check.fine(f"{case.contract.magnitude_scale.value}: no decibels of int8 values")
    evidence = (
        f"the first int8 step above silence is {facts.first_step_db:.0f} of the 80 dB above the floor",
        f"{facts.silenced:.0%} of the audible amplitudes round to silence",
        f"with only these amplitudes rounded the float network's mean cosine is {facts.cosine:.3f}",
    )
    why = "train with piecewise-linear scaling, whose steps int8 can resolve"
    proposal = retrain(case, "magnitude_scale", "pwl", "--mag_scale", why)
    return check.judge(1 - facts.cosine, case.loss, evidence, (proposal,))


def linear_input(case: Case) -> Result:
    """An input in 256 equal steps, of which quiet audio uses a few."""
    facts, spec = case.input, case.contract.frontend
    linear = spec.compression is Compression.NONE and spec.kind is not Frontend.RAW
    check = Check(
        id="linear_input",
        looks_at="steps of the input",
        wrong=f"the {'linear ' if linear else ''}8-bit input loses quiet values",
    )
    evidence = (
        f"98% of the input's values use {facts.codes} of 256 codes",
        f"{facts.zeroed:.0%} of the values other than zero round to zero",
        f"with only its input rounded the float network's mean cosine is {facts.cosine:.3f}",
    )
    why = "train with the square root of the spectrogram, which gives quiet values more of the steps"
    compress = retrain(case, "input_compression", "sqrt", "--input_compression", why)
    proposals = (
        *(try_recipes(case, "inner_subranges") or try_recipes(case, "qat")),
        *((compress,) if linear else ()),
    )
    return check.judge(1 - facts.cosine, case.loss, evidence, proposals)


def input_outliers(case: Case) -> Result:
    """A range that a few windows decide."""
    check = Check(
        id="input_outliers",
        looks_at="range of the input",
        wrong="the input's range is spent on a few loud windows",
    )
    facts = case.input
    evidence = (
        f"{facts.full_windows:.0%} of the windows reach half of the input's range",
        f"with only the input rounded the mean cosine is {facts.cosine:.3f}, or {facts.clipped_cosine:.3f} "
        "if its range ends where 95% of the windows do",
    )
    if facts.full_windows >= OUTLIER_WINDOWS:
        return check.fine(*evidence)
    proposals = try_recipes(case, "input_subranges", "inner_subranges")
    return check.judge(facts.clipped_cosine - facts.cosine, case.loss, evidence, proposals)


def int8_sigmoid(case: Case) -> Result:
    """Probabilities on a grid of 1/256."""
    check = Check(id="int8_sigmoid", looks_at="outputs", wrong="the sigmoid is inside the int8 network")
    facts = case.output
    if facts is None:
        return check.fine("logits: the sigmoid runs in float")
    evidence = (
        f"{facts.vanishing:.0%} of the float probabilities lie below half a step of 1/256 and become zero",
        f"with only its outputs rounded the float network's mean cosine is {facts.cosine:.3f}",
    )
    return check.judge(1 - facts.cosine, case.loss, evidence, try_recipes(case, "logits", "inner_subranges"))


def first_layers(case: Case) -> Result:
    """Channels of very different size that share one int8 step, where the network begins."""
    check = Check(id="first_layers", looks_at="first layers", wrong="the loss is in the first layers")
    facts = case.front
    if isinstance(facts, str):
        return check.unchecked(facts)
    low, high = facts.peaks
    evidence = (
        f"mean cosine {facts.cosine:.3f}; with all behind the input up to {facts.tensors[-1]} in float "
        f"{facts.floating_cosine:.3f}",
        f"with all kernels in float instead {facts.float_kernels_cosine:.3f}",
        f"the {facts.channels} channels of the first convolution peak between {low:.2g} and {high:.2g} and "
        "share one step",
    )
    proposals = try_recipes(case, "equalize", "inner_subranges") or try_recipes(case, "qat")
    return check.judge(facts.floating_cosine - facts.cosine, case.loss, evidence, proposals)


def per_tensor(case: Case) -> Result:
    """One scale for all channels of a kernel."""
    check = Check(id="per_tensor", looks_at="kernels", wrong="kernels have one scale for all channels")
    other = case.trials.per_channel
    if other is None:
        return check.fine("each channel has a scale of its own")
    before = case.trials.everything.cosine_mean
    evidence = (f"with a scale a channel the mean cosine is {other.cosine_mean:.3f} instead of {before:.3f}",)
    return check.judge(other.cosine_mean - before, case.loss, evidence, proposals_of(other))


CHECKS = (decibels, linear_input, input_outliers, int8_sigmoid, first_layers, per_tensor)
