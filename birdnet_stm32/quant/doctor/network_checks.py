"""Checks of the network: how much int8 costs in its input, its first layers, its kernels and its outputs."""

from __future__ import annotations

from birdnet_stm32.frontend.contract import Compression, Frontend
from birdnet_stm32.quant.doctor.diagnosis import Check, CheckResult
from birdnet_stm32.quant.doctor.measurements import (
    Measurements,
    proposals_of_trial,
    propose_recipes,
    propose_training,
)

OUTLIER_WINDOWS = 0.1  # share of the windows; if fewer windows need the range, they are outliers


def decibels(measured: Measurements) -> CheckResult:
    """Check whether the network computes decibels of int8 amplitudes: their first step is large."""
    check = Check(
        id="decibels",
        looks_at="scaling of magnitudes",
        wrong="magnitudes are scaled to decibels inside the network",
    )
    facts = measured.decibel
    if facts is None:
        return check.fine(f"{measured.contract.magnitude_scale.value}: no decibels of int8 values")
    evidence = (
        f"the first int8 step above silence is {facts.first_step_db:.0f} of the 80 dB above the floor",
        f"{facts.silenced:.0%} of the audible amplitudes round to silence",
        f"with only these amplitudes rounded the float network's mean cosine is {facts.cosine:.3f}",
    )
    why = "train with piecewise-linear scaling, whose steps int8 can resolve"
    proposal = propose_training(measured, "magnitude_scale", "pwl", "--mag_scale", why)
    return check.judge(1 - facts.cosine, measured.loss, evidence, (proposal,))


def linear_input(measured: Measurements) -> CheckResult:
    """Check whether quiet audio uses only a few of the 256 steps of the input."""
    facts, spec = measured.input, measured.contract.frontend
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
    compress = propose_training(measured, "input_compression", "sqrt", "--input_compression", why)
    proposals = (
        *(propose_recipes(measured, "inner_subranges") or propose_recipes(measured, "qat")),
        *((compress,) if linear else ()),
    )
    return check.judge(1 - facts.cosine, measured.loss, evidence, proposals)


def input_outliers(measured: Measurements) -> CheckResult:
    """Check whether a few loud windows determine the range of the input."""
    check = Check(
        id="input_outliers",
        looks_at="range of the input",
        wrong="the input's range is spent on a few loud windows",
    )
    facts = measured.input
    evidence = (
        f"{facts.full_windows:.0%} of the windows reach half of the input's range",
        f"with only the input rounded the mean cosine is {facts.cosine:.3f}, or {facts.clipped_cosine:.3f} "
        "if its range ends where 95% of the windows do",
    )
    if facts.full_windows >= OUTLIER_WINDOWS:
        return check.fine(*evidence)
    proposals = propose_recipes(measured, "input_subranges", "inner_subranges")
    return check.judge(facts.clipped_cosine - facts.cosine, measured.loss, evidence, proposals)


def int8_sigmoid(measured: Measurements) -> CheckResult:
    """Check whether an int8 sigmoid rounds probabilities to multiples of 1/256."""
    check = Check(id="int8_sigmoid", looks_at="outputs", wrong="the sigmoid is inside the int8 network")
    facts = measured.output
    if facts is None:
        return check.fine("logits: the sigmoid runs in float")
    evidence = (
        f"{facts.vanishing:.0%} of the float probabilities lie below half a step of 1/256 and become zero",
        f"with only its outputs rounded the float network's mean cosine is {facts.cosine:.3f}",
    )
    return check.judge(
        1 - facts.cosine, measured.loss, evidence, propose_recipes(measured, "logits", "inner_subranges")
    )


def first_layers(measured: Measurements) -> CheckResult:
    """Check whether the first layers lose accuracy: very different channels may share one int8 step."""
    check = Check(id="first_layers", looks_at="first layers", wrong="the loss is in the first layers")
    facts = measured.front
    if isinstance(facts, str):
        return check.unchecked(facts)
    low, high = facts.peaks
    evidence = (
        f"mean cosine {facts.cosine:.3f}; with all tensors after the input up to {facts.tensors[-1]} in "
        f"float {facts.floating_cosine:.3f}",
        f"with all kernels in float instead {facts.float_kernels_cosine:.3f}",
        f"the {facts.channels} channels of the first convolution peak between {low:.2g} and {high:.2g} and "
        "share one step",
    )
    proposals = propose_recipes(measured, "equalize", "inner_subranges") or propose_recipes(measured, "qat")
    return check.judge(facts.floating_cosine - facts.cosine, measured.loss, evidence, proposals)


def per_tensor(measured: Measurements) -> CheckResult:
    """Check whether each kernel has one scale for all of its channels."""
    check = Check(id="per_tensor", looks_at="kernels", wrong="kernels have one scale for all channels")
    other = measured.trials.per_channel
    if other is None:
        return check.fine("each channel has a scale of its own")
    before = measured.trials.everything.cosine_mean
    evidence = (
        f"with one scale for each channel the mean cosine is {other.cosine_mean:.3f} instead of {before:.3f}",
    )
    return check.judge(other.cosine_mean - before, measured.loss, evidence, proposals_of_trial(other))


CHECKS = (decibels, linear_input, input_outliers, int8_sigmoid, first_layers, per_tensor)
