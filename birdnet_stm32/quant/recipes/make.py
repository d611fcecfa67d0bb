"""Carry out a recipe: apply its steps to a float model and convert the result to int8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.recipes.catalog import RECIPES, Recipe
from birdnet_stm32.quant.recipes.settings import RecipeSettings, UnfitError
from birdnet_stm32.quant.recipes.step import Draft, Pcm, Ranking, Report, TrainingInput
from birdnet_stm32.quant.recipes.training_step import to_tflite
from birdnet_stm32.quant.simulation.run_network import observe_network, run_network, sigmoid

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The int8 model that a recipe made, with the float model that was quantized.

    Args:
        tflite: the int8 model.
        contract: what the int8 model means; it contains the float front end, if the recipe has one.
        model: the float model that was quantized, fed as ``contract`` says: the input model, or the model
            that the recipe produced from it. Unless it was trained, it computes the input model's function.
        notes: what the recipe chose: ``input_subranges`` (upper ends), ``shares`` (of the operand ranges that
            were clipped, by tensor) and ``qat`` (epochs).
    """

    tflite: bytes
    contract: ModelContract
    model: keras.Model
    notes: dict[str, Any] = field(default_factory=dict)


def make_candidate(
    recipe: str,
    model: keras.Model,
    contract: ModelContract,
    calibration_pcm: Pcm,
    held_out_pcm: Pcm,
    settings: RecipeSettings,
    *,
    report: Report = lambda done, total: None,
    ranking: Ranking | None = None,
) -> Candidate:
    """Quantize a model by a recipe; the same arguments give the same bytes.

    Args:
        recipe: a key of :data:`~birdnet_stm32.quant.recipes.catalog.RECIPES`.
        model: float32, with any front end; it is not changed.
        contract: what the model means.
        calibration_pcm: int16 [n, samples]; they set operand ranges.
        held_out_pcm: int16 [k, samples], of other recordings; only ``qat`` uses them, to choose an epoch.
        settings: of the recipe.
        report: called with (done, total) after each part of the work.
        ranking: measures probabilities of ``held_out_pcm``, float32 [k, classes], by their labels: the cMAP
            over their recordings. None where these are not known; the agreement alone then chooses the epoch.

    Raises:
        UnfitError: the recipe cannot be used for this model.
        InputError: the calibration windows cannot calibrate this model.
        GateError: the model cannot be converted, or the training diverged.
    """
    chosen = RECIPES[recipe]
    if chosen.rewrites_network and settings.per_tensor:
        raise UnfitError(
            f"the recipe {recipe} cannot be used with one scale for each kernel",
            where="convert.per_tensor",
            expected="false: rewritten networks are simulated with one scale for each channel",
        )
    draft = Draft(model=model, contract=contract, pcm=calibration_pcm)
    for step in chosen.steps:
        if step.rewrite is not None:
            draft = _rewritten(draft, step.rewrite)
    if draft.network is None:
        return _converted(draft, settings, report)
    return _quantized(chosen, draft, held_out_pcm, settings, report, ranking)


def _rewritten(draft: Draft, rewrite: Callable[[Draft], Draft]) -> Draft:
    """Apply a step that rewrites the model.

    Raises:
        UnfitError: the model does not have the layers that the step needs.
    """
    try:
        return rewrite(draft)
    except InputError as error:
        raise UnfitError(
            error.what, where=error.where, expected=error.expected, remedy=error.remedies
        ) from error


def _converted(draft: Draft, settings: RecipeSettings, report: Report) -> Candidate:
    """Convert a model that was not rewritten; the converter takes the ranges from the calibration windows."""
    tflite = convert(
        draft.model,
        features(draft.pcm, draft.contract.frontend),
        per_tensor=settings.per_tensor,
        clip=settings.clip,
        on_sample=lambda done: report(done, len(draft.pcm)),
    )
    return Candidate(tflite=tflite, contract=draft.contract, model=draft.model)


def _quantized(
    recipe: Recipe,
    draft: Draft,
    held_out_pcm: Pcm,
    settings: RecipeSettings,
    report: Report,
    ranking: Ranking | None,
) -> Candidate:
    """Train a rewritten network if the recipe does, choose its operand ranges, and convert it."""
    from birdnet_stm32.quant.rewriting.keras_io import to_keras

    source, choice = draft.rewritten, recipe.range_choice(settings)
    given = TrainingInput(
        held_out_pcm=held_out_pcm,
        settings=settings,
        range_choice=choice,
        report=report,
        ranking=ranking,
    )
    for step in recipe.steps:
        if step.train is not None:
            draft = step.train(draft, given)
    network, windows = draft.rewritten, draft.windows
    observed = observe_network(network, windows).ranges
    shares = choice.shares(network, windows, observed)
    ranges = choice.ranges(network, observed, shares)
    int8_network = network
    for step in recipe.steps:
        if step.correct is not None:
            expected = sigmoid(run_network(source, windows))
            int8_network = step.correct(int8_network, windows, ranges, expected)
    report(1, 1)
    return Candidate(
        tflite=to_tflite(int8_network, ranges, windows),
        contract=draft.contract,
        model=to_keras(network),
        notes={**draft.notes, "shares": {name: share for name, share in shares.items() if share < 1}},
    )
