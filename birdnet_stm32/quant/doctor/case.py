"""All that was measured about one model that may have missed its gate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.frontend.contract import Frontend, MagnitudeScale, ModelContract
from birdnet_stm32.quant.doctor.finding import Proposal
from birdnet_stm32.quant.doctor.measure import DecibelFacts, FrontFacts, InputFacts, OutputFacts
from birdnet_stm32.quant.doctor.trials import Trial, Trials
from birdnet_stm32.quant.recipes import RECIPES
from birdnet_stm32.quant.verify import CONFIDENT_PROBABILITY

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class ValidationFacts:
    """What the gate saw: arrays of one value a window.

    Args:
        cosine: int8 against float.
        float_max: the float model's largest probability.
        rms_db: level of each window, dB of full scale.
        calibration_rms_db: of each calibration window.
    """

    cosine: FloatArray
    float_max: FloatArray
    rms_db: FloatArray
    calibration_rms_db: FloatArray

    @property
    def confident(self) -> npt.NDArray[np.bool_]:
        """The windows in which the float model hears something."""
        return self.float_max >= CONFIDENT_PROBABILITY


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A model under examination.

    Args:
        contract: of the int8 model.
        tried: all recipes that were computed.
        per_tensor: its kernels have one scale each.
        trains: the variant trains the float model; otherwise it is a checkpoint.
        asked_windows: calibration windows that were asked for.
        found_windows: those there were, with those held out and left out.
        calibration_windows: those that calibrate.
        validation: what the gate saw.
        input: its input.
        output: its outputs, if they come from an int8 sigmoid.
        decibel: its decibels, if it has any.
        front: its first layers, or why they cannot be simulated.
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
        """What int8 takes from the mean cosine on the windows held out of calibration."""
        return 1 - self.trials.everything.cosine_mean


def retrain(case: Case, key: str, value: str, option: str, why: str) -> Proposal:
    """Propose a float model with another key of ``[model]``."""
    if case.trains:
        return Proposal(text=why, variant=f'[model]\n{key} = "{value}"', command=_train(option, value))
    return Proposal(text=f"{why}; the checkpoint has to be trained again", command=_train(option, value))


def try_recipes(case: Case, *wanted: str) -> tuple[Proposal, ...]:
    """Propose those of some recipes, cheapest first, that were not tried and fit the model.

    Those that were tried are left out: one of them reached the gates on the held-out windows, or none did.
    """
    # The rest of the network is rewritten and simulated, decibels and learned filters are not.
    fits = (
        not case.per_tensor
        and case.contract.frontend.kind is not Frontend.RAW
        and case.contract.magnitude_scale is not MagnitudeScale.DB
    )
    new = [
        name
        for name in RECIPES
        if name in wanted and name not in case.tried and (fits or "float_front_end" not in RECIPES[name])
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


def proposals_of(trial: Trial) -> tuple[Proposal, ...]:
    """Return what would make a trial the variant's choice."""
    return () if trial.proposal is None else (trial.proposal,)


def _train(option: str, value: str) -> str:
    return f"birdnet-stm32 train --data_path_train DIR {option} {value}"
