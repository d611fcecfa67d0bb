"""Measures all that the checks need of one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract, OutputActivation
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.fit import predict
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.doctor import measure
from birdnet_stm32.quant.doctor.case import Case, ValidationFacts
from birdnet_stm32.quant.doctor.finding import Proposal
from birdnet_stm32.quant.doctor.trials import Converted, Otherwise, Pcm, Quantize, Trial, Windows, run_trials
from birdnet_stm32.quant.ranges.choose import clipped, in_graph_order, limited
from birdnet_stm32.quant.ranges.clipping import Clip, Method
from birdnet_stm32.quant.recipes import RECIPES, RecipeSettings, make_candidate
from birdnet_stm32.quant.rewriting.keras_io import from_keras, to_keras
from birdnet_stm32.quant.rewriting.network import Floats
from birdnet_stm32.quant.simulation import simulate
from birdnet_stm32.quant.verify import Comparison

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, eq=False)
class Patient:
    """An int8 model and what it was made from.

    Args:
        source: the float model that the gate compares with.
        source_contract: what it is.
        model: the float model behind the int8 one: the source, or what a recipe rewrote.
        int8: the int8 model.
        recipe: that made it.
        tried: all recipes that were computed.
        settings: that they were given.
        shares: of its range that each tensor keeps, as the recipe chose.
        trains: the variant trains the source.
        asked_windows: calibration windows asked for.
        found_windows: those there were, with those held out and left out.
    """

    source: keras.Model
    source_contract: ModelContract
    model: keras.Model
    int8: Converted
    recipe: str
    tried: tuple[str, ...]
    settings: RecipeSettings
    shares: Mapping[str, float]
    trains: bool
    asked_windows: int
    found_windows: int

    @property
    def rewritten(self) -> bool:
        """Whether a recipe rewrote the network, which then is all float behind a float front end."""
        return self.int8.contract.frontend.mixer is not None


def open_case(
    patient: Patient,
    windows: Windows,
    validation: ValidationFacts,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Case:
    """Measure a model with the windows of its calibration side; takes about fifteen conversions.

    Args:
        patient: the model.
        windows: those that calibrate it and those that are held out.
        validation: what the gate saw; nothing is chosen by it.
        report: told how many conversions are done, of how many.

    Raises:
        InputError: the windows cannot calibrate the model.
        GateError: it cannot be converted.
    """
    contract, model, tflite = patient.int8.contract, patient.model, patient.int8.tflite
    held_out = features(windows.held_out, contract.frontend)
    outputs = predict(patient.source, windows.held_out, patient.source_contract)
    expected = probabilities(outputs, patient.source_contract)
    sigmoid = contract.output_activation is OutputActivation.SIGMOID
    trials = run_trials(
        windows,
        expected,
        _quantize(patient, patient.settings),
        narrowed=_narrowed(patient),
        per_channel=_per_channel(patient),
        seed=patient.settings.seed,
        report=report,
    )
    return Case(
        contract=contract,
        tried=patient.tried,
        per_tensor=patient.settings.per_tensor,
        trains=patient.trains,
        asked_windows=patient.asked_windows,
        found_windows=patient.found_windows,
        calibration_windows=len(windows.pcm),
        validation=validation,
        input=measure.input_facts(model, contract, held_out, measure.input_grid(tflite)),
        output=measure.output_facts(expected) if sigmoid else None,
        decibel=measure.decibel_facts(model, contract, held_out),
        front=_front(patient, held_out, trials.everything),
        trials=trials,
    )


def validation_facts(
    comparison: Comparison,
    reference: Floats,
    rows: Sequence[WindowRow],
    calibration_rows: Sequence[WindowRow],
) -> ValidationFacts:
    """Return what the gate saw.

    Args:
        comparison: int8 against float over the validation windows.
        reference: the float model's probabilities for them.
        rows: what is known about them.
        calibration_rows: what is known about the windows that calibrate.
    """
    return ValidationFacts(
        cosine=comparison.cosine,
        float_max=reference.max(axis=1),
        rms_db=np.array([row.rms_db for row in rows]),
        calibration_rms_db=np.array([row.rms_db for row in calibration_rows]),
    )


def _front(patient: Patient, held_out: Floats, everything: Trial) -> measure.FrontFacts | str:
    model, contract, tflite = patient.model, patient.int8.contract, patient.int8.tflite
    if not patient.rewritten:  # without its sigmoid, as in the trials
        model, contract = checkpoint.as_logits(model, contract)
        tflite = everything.tflite
    try:
        return measure.front_facts(model, contract, held_out, tflite)
    except InputError as error:
        return error.what if error.where is None else f"{error.where}: {error.what}"


def _quantize(patient: Patient, settings: RecipeSettings) -> Quantize:
    """Return what makes the patient's int8 model from calibration windows."""
    if patient.rewritten:
        return _ranges_again(patient)

    def quantize(pcm: Pcm) -> Converted:
        # An int8 sigmoid, which has a check of its own, would hide all else: where it rounds a whole window
        # to zero or not is a matter of luck.
        made = make_candidate("logits", patient.source, patient.source_contract, pcm, pcm[:0], settings)
        return Converted(tflite=made.tflite, contract=made.contract)

    return quantize


def _ranges_again(patient: Patient) -> Quantize:
    """Return what takes the ranges anew and leaves all that the recipe chose: sub-ranges, shares, weights.

    To choose these again would take minutes for each trial, and is not what windows are tried for.
    """
    contract = patient.int8.contract
    network = from_keras(patient.model)
    narrow = limited if "equalize" in RECIPES[patient.recipe] else lambda _, ranges: dict(ranges)

    def quantize(pcm: Pcm) -> Converted:
        windows = features(pcm, contract.frontend)
        ranges = narrow(network, simulate.observe(network, windows).ranges)
        ranges = narrow(network, clipped(ranges, dict(patient.shares)))
        tflite = convert(to_keras(network), windows[:1], ranges=in_graph_order(network, ranges))
        return Converted(tflite=tflite, contract=contract)

    return quantize


def _narrowed(patient: Patient) -> tuple[Otherwise, ...]:
    """Return what makes it with narrower ranges, where neither the recipe nor the variant has them."""
    if patient.settings.clip is not None or patient.rewritten:
        return ()
    return tuple(
        Otherwise(
            what=f"ranges by {method}",
            quantize=_quantize(patient, replace(patient.settings, clip=Clip(method=method))),
            proposal=Proposal(
                text="narrow the ranges to what most values need",
                variant=f'[convert]\nranges = "{method}"',
                command=f"--ranges {method}",
            ),
        )
        for method in (Method.PERCENTILE, Method.MSE)
    )


def _per_channel(patient: Patient) -> Otherwise | None:
    if not patient.settings.per_tensor:
        return None
    return Otherwise(
        what="a scale a channel",
        quantize=_quantize(patient, replace(patient.settings, per_tensor=False)),
        proposal=Proposal(
            text="give each channel its own scale, which costs nothing",
            variant="[convert]\nper_tensor = false",
            command="leave out --per_tensor",
        ),
    )
