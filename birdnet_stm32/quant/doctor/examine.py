"""Take all measurements that the checks need of one model."""

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
from birdnet_stm32.model.training.predict import predict
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.doctor import facts
from birdnet_stm32.quant.doctor.diagnosis import Proposal
from birdnet_stm32.quant.doctor.measurements import Measurements, ValidationFacts
from birdnet_stm32.quant.doctor.trials import (
    AlternativeConversion,
    CalibrationWindows,
    ConvertedModel,
    Pcm,
    Quantize,
    Trial,
    run_trials,
)
from birdnet_stm32.quant.ranges.clipping import Clipping, ClippingMethod
from birdnet_stm32.quant.recipes import RECIPES, RecipeSettings, make_candidate
from birdnet_stm32.quant.rewriting.keras_io import from_keras, to_keras
from birdnet_stm32.quant.rewriting.network import Floats
from birdnet_stm32.quant.simulation.grids import ranges_in_order
from birdnet_stm32.quant.simulation.run_network import observe_network
from birdnet_stm32.quant.verify import Comparison

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelUnderDiagnosis:
    """An int8 model, and the float model that it was made from.

    Args:
        source: the float model that the gate compares with.
        source_contract: what the source means.
        model: the float model that was quantized: the source, or the model that the recipe produced from it.
        int8: the int8 model.
        recipe: name of the recipe that made the int8 model.
        tried: names of all recipes that were computed.
        settings: settings that the recipes were given.
        shares: share of its operand range that each tensor keeps, by name, as the recipe chose it.
        trains: whether the variant trains the source; otherwise the source is a checkpoint.
        asked_windows: number of calibration windows that the variant asks for.
        found_windows: number of windows that were found, held-out and left-out windows included.
    """

    source: keras.Model
    source_contract: ModelContract
    model: keras.Model
    int8: ConvertedModel
    recipe: str
    tried: tuple[str, ...]
    settings: RecipeSettings
    shares: Mapping[str, float]
    trains: bool
    asked_windows: int
    found_windows: int

    @property
    def rewritten(self) -> bool:
        """Whether a recipe rewrote the network and gave it a float front end."""
        return self.int8.contract.frontend.mixer is not None


def measure_model(
    examined: ModelUnderDiagnosis,
    windows: CalibrationWindows,
    validation: ValidationFacts,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Measurements:
    """Measure a model with its calibration and held-out windows. This takes about fifteen conversions.

    Args:
        examined: the model.
        windows: windows that calibrate, and windows that are held out.
        validation: measurements of the gate; nothing is chosen by them.
        report: called with (done, total) after each conversion.

    Raises:
        InputError: the windows cannot calibrate the model.
        GateError: the model cannot be converted.
    """
    contract, model, tflite = examined.int8.contract, examined.model, examined.int8.tflite
    held_out = features(windows.held_out, contract.frontend)
    outputs = predict(examined.source, windows.held_out, examined.source_contract)
    expected = probabilities(outputs, examined.source_contract)
    sigmoid = contract.output_activation is OutputActivation.SIGMOID
    trials = run_trials(
        windows,
        expected,
        _quantize(examined, examined.settings),
        narrowed=_narrowed(examined),
        per_channel=_per_channel(examined),
        seed=examined.settings.seed,
        report=report,
    )
    return Measurements(
        contract=contract,
        tried=examined.tried,
        per_tensor=examined.settings.per_tensor,
        trains=examined.trains,
        asked_windows=examined.asked_windows,
        found_windows=examined.found_windows,
        calibration_windows=len(windows.pcm),
        validation=validation,
        input=facts.input_facts(model, contract, held_out, facts.input_grid(tflite)),
        output=facts.output_facts(expected) if sigmoid else None,
        decibel=facts.decibel_facts(model, contract, held_out),
        front=_front(examined, held_out, trials.everything),
        trials=trials,
    )


def validation_facts(
    comparison: Comparison,
    reference: Floats,
    rows: Sequence[WindowRow],
    calibration_rows: Sequence[WindowRow],
) -> ValidationFacts:
    """Return the measurements of the gate.

    Args:
        comparison: comparison of the int8 and the float model over the validation windows.
        reference: probabilities of the float model for the validation windows, float32 [n, classes].
        rows: entry of each validation window in the index of windows.
        calibration_rows: entry of each calibration window in that index.
    """
    return ValidationFacts(
        cosine=comparison.cosine,
        float_max=reference.max(axis=1),
        rms_db=np.array([row.rms_db for row in rows]),
        calibration_rms_db=np.array([row.rms_db for row in calibration_rows]),
    )


def _front(examined: ModelUnderDiagnosis, held_out: Floats, everything: Trial) -> facts.FrontFacts | str:
    model, contract, tflite = examined.model, examined.int8.contract, examined.int8.tflite
    if not examined.rewritten:  # the trials have no sigmoid either
        model, contract = checkpoint.as_logits(model, contract)
        tflite = everything.tflite
    try:
        return facts.front_facts(model, contract, held_out, tflite)
    except InputError as error:
        return error.what if error.where is None else f"{error.where}: {error.what}"


def _quantize(examined: ModelUnderDiagnosis, settings: RecipeSettings) -> Quantize:
    """Return the function that makes the int8 model under diagnosis from calibration windows."""
    if examined.rewritten:
        return _ranges_again(examined)

    def quantize(pcm: Pcm) -> ConvertedModel:
        # An int8 sigmoid has a check of its own. Here it would hide all other effects, because chance decides
        # whether it rounds all outputs of a window to zero.
        made = make_candidate("logits", examined.source, examined.source_contract, pcm, pcm[:0], settings)
        return ConvertedModel(tflite=made.tflite, contract=made.contract)

    return quantize


def _ranges_again(examined: ModelUnderDiagnosis) -> Quantize:
    """Return the function that observes ranges again and keeps the recipe's sub-ranges, shares and weights.

    To choose these again would take minutes for each trial. The trials are about windows, not about them.
    """
    contract = examined.int8.contract
    network = from_keras(examined.model)
    choice = RECIPES[examined.recipe].range_choice(examined.settings)

    def quantize(pcm: Pcm) -> ConvertedModel:
        windows = features(pcm, contract.frontend)
        observed = observe_network(network, windows).ranges
        ranges = choice.ranges(network, observed, dict(examined.shares))
        tflite = convert(to_keras(network), windows[:1], ranges=ranges_in_order(network, ranges))
        return ConvertedModel(tflite=tflite, contract=contract)

    return quantize


def _narrowed(examined: ModelUnderDiagnosis) -> tuple[AlternativeConversion, ...]:
    """Return ways to make the model with narrower ranges; none if the recipe or the variant narrows them."""
    if examined.settings.clip is not None or examined.rewritten:
        return ()
    return tuple(
        AlternativeConversion(
            what=f"ranges by {method}",
            quantize=_quantize(examined, replace(examined.settings, clip=Clipping(method=method))),
            proposal=Proposal(
                text="narrow the ranges to what most values need",
                variant=f'[convert]\nranges = "{method}"',
                command=f"--ranges {method}",
            ),
        )
        for method in (ClippingMethod.PERCENTILE, ClippingMethod.MSE)
    )


def _per_channel(examined: ModelUnderDiagnosis) -> AlternativeConversion | None:
    if not examined.settings.per_tensor:
        return None
    return AlternativeConversion(
        what="one scale for each channel",
        quantize=_quantize(examined, replace(examined.settings, per_tensor=False)),
        proposal=Proposal(
            text="use one scale for each channel, which costs nothing",
            variant="[convert]\nper_tensor = false",
            command="leave out --per_tensor",
        ),
    )
