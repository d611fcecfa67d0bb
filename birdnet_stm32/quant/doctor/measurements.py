"""All measurements of one model that may have failed its gate, and proposals that depend on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.frontend.contract import Frontend, MagnitudeScale, ModelContract
from birdnet_stm32.quant.doctor.diagnosis import Proposal
from birdnet_stm32.quant.doctor.facts import DecibelFacts, FrontFacts, InputFacts, OutputFacts
from birdnet_stm32.quant.doctor.trials import Trial, Trials
from birdnet_stm32.quant.recipes import RECIPES
from birdnet_stm32.quant.verify import CONFIDENT_PROBABILITY

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class ValidationFacts:
    """The validation windows that the gate measured: arrays with one value for each window.

    Args:
        cosine: cosine of the int8 and the float probabilities.
        float_max: largest probability of the float model.
        rms_db: level in dB relative to full scale.
        calibration_rms_db: the same level of each calibration window.
    """

    cosine: FloatArray
    float_max: FloatArray
    rms_db: FloatArray
    calibration_rms_db: FloatArray

    @property
    def confident(self) -> npt.NDArray[np.bool_]:
        """Whether the float model detects something, for each window."""
        return self.float_max >= CONFIDENT_PROBABILITY


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurements:
    """The measurements of one int8 model; the checks read them.

    Args:
        contract: what the int8 model means.
        tried: names of all recipes that were computed.
        per_tensor: whether each kernel has one scale for all channels.
        trains: whether the variant trains the float model; otherwise the float model is a checkpoint.
        asked_windows: number of calibration windows that the variant asks for.
        found_windows: number of windows that were found, held-out and left-out windows included.
        calibration_windows: number of windows that calibrate.
        validation: measurements of the gate.
        input: facts about the input.
        output: facts about the outputs; None unless an int8 sigmoid computes them.
        decibel: facts about decibels; None if the network computes none.
        front: facts about the first layers, or the reason why there are none.
        trials: conversions with other windows.
    """

    contract: ModelContract
    tried: tuple[str, ...]
    per_tensor: bool
    trains: bool
    asked_windows: int
    found_windows: int
    calibration_windows: int
    validation: ValidationFacts
    input: InputFacts
    output: OutputFacts | None
    decibel: DecibelFacts | None
    front: FrontFacts | str
    trials: Trials

    @property
    def loss(self) -> float:
        """Loss of mean cosine by int8, on the windows held out of the calibration."""
        return 1 - self.trials.everything.cosine_mean


def propose_training(measured: Measurements, key: str, value: str, option: str, why: str) -> Proposal:
    """Return the proposal to train a float model with another value of a key of ``[model]``.

    Args:
        measured: the measurements.
        key: the key.
        value: its new value.
        option: the option of ``birdnet-stm32 train`` that sets the key.
        why: what to do, and why.
    """
    if measured.trains:
        return Proposal(text=why, variant=f'[model]\n{key} = "{value}"', command=_train(option, value))
    return Proposal(text=f"{why}; the checkpoint has to be trained again", command=_train(option, value))


def propose_recipes(measured: Measurements, *wanted: str) -> tuple[Proposal, ...]:
    """Return the proposal to try recipes; it is empty if all of them were tried or do not fit the model.

    Args:
        measured: the measurements.
        wanted: names of recipes that may help. The proposal lists them with the cheapest first.
    """
    # Decibels and learned filters can be neither rewritten nor simulated.
    fits = (
        not measured.per_tensor
        and measured.contract.frontend.kind is not Frontend.RAW
        and measured.contract.magnitude_scale is not MagnitudeScale.DB
    )
    new = [
        name
        for name in RECIPES
        if name in wanted and name not in measured.tried and (fits or not RECIPES[name].rewrites_network)
    ]
    if not new:
        return ()
    listed = ", ".join(f'"{name}"' for name in new)
    allowed = '\n\n[qat]\nwhen = "needed"' if "qat" in new else ""
    return (
        Proposal(
            text=f"try the recipe {' and then '.join(new)}: the float model stays as it is",
            variant=f"[quantize]\nrecipes = [{listed}]{allowed}",
            command=f"--recipe {' '.join(new)}",
        ),
    )


def proposals_of_trial(trial: Trial) -> tuple[Proposal, ...]:
    """Return the change to the variant that the trial tried; empty if there is none."""
    return () if trial.proposal is None else (trial.proposal,)


def _train(option: str, value: str) -> str:
    return f"birdnet-stm32 train --data_path_train DIR {option} {value}"
