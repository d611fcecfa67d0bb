"""Recipes: named ways from a float model to an int8 one, each a few levers more than the one before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import FrontendSpec, ModelContract
from birdnet_stm32.frontend.mixer import Mixer, split_into_subranges
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.quant.convert import convert, float_graph
from birdnet_stm32.quant.ranges import calibrate, clipping
from birdnet_stm32.quant.ranges.choose import (
    best_shares,
    clipped,
    in_graph_order,
    limited,
    noise_to_signal,
)
from birdnet_stm32.quant.ranges.clipping import Clip
from birdnet_stm32.quant.rewriting.bias_correction import correct_bias
from birdnet_stm32.quant.rewriting.equalize import equalize
from birdnet_stm32.quant.rewriting.front_end import require_spectrogram, split_front_end
from birdnet_stm32.quant.rewriting.network import INPUT, Floats, Network
from birdnet_stm32.quant.rewriting.subranges import with_inner_subranges, with_input_subranges
from birdnet_stm32.quant.simulation import simulate
from birdnet_stm32.quant.simulation.simulate import Ranges, computed
from birdnet_stm32.quant.training import activation_qat
from birdnet_stm32.quant.training.activation_qat import TunedEpoch, TuneSettings
from birdnet_stm32.quant.training.augment import augment
from birdnet_stm32.quant.verify import Comparison, compare
from birdnet_stm32.tflite import interpreter

if TYPE_CHECKING:
    import keras

Pcm = npt.NDArray[np.int16]
Report = Callable[[int, int], None]
Narrow = Callable[[Network, Ranges], Ranges]

_SUBRANGES = ("logits", "float_front_end", "input_subranges")
RECIPES: dict[str, tuple[str, ...]] = {
    "ptq": (),
    "logits": ("logits",),
    "float_front_end": ("logits", "float_front_end"),
    "input_subranges": _SUBRANGES,
    "equalize": (*_SUBRANGES, "equalize"),
    "inner_subranges": (*_SUBRANGES, "equalize", "inner_subranges"),
    "qat": (*_SUBRANGES, "equalize", "inner_subranges", "qat"),
}
"""Levers of each recipe, by its name, in order of cost."""

INPUT_SPLIT_SHARES = (1 / 4, 1 / 6, 1 / 8, 1 / 12, 1 / 16, 1 / 24, 1 / 32)
INNER_SPLIT_UNITS = 2  # units at the front whose outputs are split: there the loss is
INNER_SPLIT_SHARE = 1 / 6
AUGMENTED_PER_WINDOW = 3
# Rounded activations make the gradient noisy; what suits weights-only tuning is ten times too fast.
ACTIVATION_RATE = 0.1


class UnfitError(InputError):
    """A recipe is not for this model."""


@dataclass(frozen=True, kw_only=True)
class RecipeSettings:
    """What recipes can be told.

    Args:
        per_tensor: one scale a kernel instead of one a channel; only without rewriting the network.
        clip: which part of what a tensor held is taken; None for what the recipe has.
        epochs: of qat.
        learning_rate: of qat with quantized weights only; with activations a tenth of it is used.
        batch_size: of qat.
        seed: of qat.
    """

    per_tensor: bool = False
    clip: Clip | None = None
    epochs: int = 10
    learning_rate: float = 1e-4
    batch_size: int = 16
    seed: int = 42


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An int8 model and what it was made from.

    Args:
        tflite: the model.
        contract: what it means, with its float front end if it has one.
        model: the float model behind it, fed as ``contract`` says: the same function as the source, unless
            it was tuned.
        notes: what the recipe chose: sub-ranges, shares of ranges, epochs.
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
) -> Candidate:
    """Quantize a model by a recipe.

    Args:
        recipe: a key of :data:`RECIPES`.
        model: float32, of any front end; it is not changed.
        contract: what it is.
        calibration_pcm: int16 [n, samples].
        held_out_pcm: int16 [k, samples], of other recordings; only the epoch of qat is chosen by them.
        settings: as asked for.
        report: told how much is done, of how much.

    Raises:
        UnfitError: the recipe is not for this model.
        InputError: the windows cannot calibrate it.
        GateError: the model cannot be converted, or tuning diverged.
    """
    from birdnet_stm32.model.checkpoints import checkpoint
    from birdnet_stm32.quant.rewriting.keras_io import to_keras

    levers = RECIPES[recipe]
    if "logits" in levers:
        model, contract = checkpoint.as_logits(model, contract)
    if "float_front_end" not in levers:
        return _converted(model, contract, calibration_pcm, settings, report)
    if settings.per_tensor:
        raise UnfitError(
            f"the recipe {recipe} is asked for one scale a kernel",
            where="convert.per_tensor",
            expected="false: rewritten networks are simulated with one scale a channel",
        )
    try:
        network, contract, windows = _rewritten(levers, model, contract, calibration_pcm)
    except InputError as error:
        raise UnfitError(
            error.what, where=error.where, expected=error.expected, remedy=error.remedies
        ) from error
    notes: dict[str, Any] = {}
    if contract.frontend.mixer is not None and contract.frontend.mixer.subranges:
        notes["input_subranges"] = list(contract.frontend.mixer.subranges)
    source = network
    if "qat" in levers:
        tuning = _Tuning(
            pcm=calibration_pcm,
            windows=windows,
            held_out=features(held_out_pcm, contract.frontend),
            spec=contract.frontend,
        )
        network, notes["qat"] = _tuned(network, tuning, settings, report)
    narrow = limited if "equalize" in levers else _unchanged
    seen = simulate.observe(network, windows).ranges
    clips = settings.clip is not None or narrow is limited
    shares = _shares(network, windows, narrow(network, seen), settings.clip) if clips else {}
    notes["shares"] = {name: share for name, share in shares.items() if share < 1}
    ranges = _narrowed(network, seen, shares, narrow)
    int8_network = network
    if "equalize" in levers:
        expected = simulate.sigmoid(simulate.run(source, windows))
        int8_network = correct_bias(network, windows, ranges, expected)
    report(1, 1)
    return Candidate(
        tflite=_to_tflite(int8_network, ranges, windows),
        contract=contract,
        model=to_keras(network),
        notes=notes,
    )


def _converted(
    model: keras.Model, contract: ModelContract, pcm: Pcm, settings: RecipeSettings, report: Report
) -> Candidate:
    """Leave the network as it is and all ranges to the converter."""
    tflite = convert(
        model,
        features(pcm, contract.frontend),
        per_tensor=settings.per_tensor,
        clip=settings.clip,
        on_sample=lambda done: report(done, len(pcm)),
    )
    return Candidate(tflite=tflite, contract=contract, model=model)


def _rewritten(
    levers: tuple[str, ...], model: keras.Model, contract: ModelContract, pcm: Pcm
) -> tuple[Network, ModelContract, Floats]:
    """Rewrite a network without changing its function; returns what it means and is fed, too.

    Raises:
        InputError: it is not made as a lever needs it.
    """
    from birdnet_stm32.quant.rewriting.keras_io import from_keras

    require_spectrogram(contract)
    mixer, network, contract = split_front_end(from_keras(model), contract)
    windows = features(pcm, contract.frontend)
    if "input_subranges" in levers:
        mixer, network = _with_input_subranges(mixer, network, windows)
        contract = replace(contract, frontend=replace(contract.frontend, mixer=mixer))
        windows = split_into_subranges(windows[..., 0], mixer.subranges)
    if "equalize" in levers:
        network = equalize(network, simulate.observe(network, windows).peaks)
    if "inner_subranges" in levers:
        network = _with_inner_subranges(network, windows)
    return network, contract, windows


def _with_input_subranges(mixer: Mixer, network: Network, values: Floats) -> tuple[Mixer, Network]:
    """Split the input into two sub-ranges; where, is what disturbs the first unit least.

    A low end makes fine steps for quiet values, but leaves few steps to the weights of the fine sub-range,
    which share a scale with those of the coarse one.

    Args:
        mixer: without sub-ranges.
        network: fed one channel.
        values: that channel, float32 [n, rows, columns, 1].
    """
    top = float(values.max())
    expected = simulate.run(_first_unit(network), values)

    def noise(share: float) -> float:
        ends = (share * top, top)
        first = _first_unit(with_input_subranges(network, ends))
        split = split_into_subranges(values[..., 0], ends)
        ranges = {INPUT: (0.0, 1.0), first.units[0].name: (0.0, 0.0)}
        rounded = simulate.run(first, split, ranges, floating={first.units[0].name})
        return noise_to_signal(expected, rounded)

    share = min(INPUT_SPLIT_SHARES, key=noise)
    ends = (share * top, top)
    return replace(mixer, subranges=ends), with_input_subranges(network, ends)


def _first_unit(network: Network) -> Network:
    return replace(network, units=network.units[:1])


def _with_inner_subranges(network: Network, windows: Floats) -> Network:
    """Split the outputs of the units at the front."""
    peaks = simulate.observe(network, windows).peaks
    for unit in network.units[:INNER_SPLIT_UNITS]:
        network = with_inner_subranges(network, unit.name, peaks[unit.name], INNER_SPLIT_SHARE)
    return network


def _unchanged(network: Network, ranges: Ranges) -> Ranges:
    return ranges


def _shares(network: Network, windows: Floats, ranges: Ranges, clip: Clip | None) -> dict[str, float]:
    """Return the share of its narrowed range that each tensor keeps: the recipe's choice, or as asked."""
    from birdnet_stm32.quant.rewriting.keras_io import to_keras

    if clip is None:
        return best_shares(network, windows, ranges)
    graph = float_graph(to_keras(network))
    seen = calibrate.in_graph_order(graph, in_graph_order(network, ranges))
    kept = clipping.shares(graph, windows, seen, clip)
    indices = (index for index in seen if index not in calibrate.moves(graph))
    return {
        name: kept[index] for name, index in zip(computed(network), indices, strict=True) if index in kept
    }


def _narrowed(network: Network, seen: Ranges, shares: dict[str, float], narrow: Narrow = limited) -> Ranges:
    """Return what int8 spans of what tensors were seen to hold."""
    seen = narrow(network, seen)
    # Limits follow from the ranges of others, so they are looked at again once those are clipped.
    return narrow(network, clipped(seen, shares)) if shares else seen


def _to_tflite(network: Network, ranges: Ranges, windows: Floats) -> bytes:
    from birdnet_stm32.quant.rewriting.keras_io import to_keras

    return convert(to_keras(network), windows[:1], ranges=in_graph_order(network, ranges))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tuning:
    """What a network is tuned with: PCM and its features, and features of other recordings to judge by."""

    pcm: Pcm
    windows: Floats
    held_out: Floats
    spec: FrontendSpec


def _tuned(
    network: Network, data: _Tuning, settings: RecipeSettings, report: Report
) -> tuple[Network, list[dict[str, Any]]]:
    """Fine-tune a network; the epoch kept is that whose converted network agrees best on held-out windows."""
    seen = simulate.observe(network, data.windows).ranges
    shares = _shares(network, data.windows, limited(network, seen), settings.clip)
    expected = simulate.sigmoid(simulate.run(network, data.held_out))
    epochs: list[dict[str, Any]] = []

    def windows(epoch: int) -> Floats:
        rng = np.random.default_rng((settings.seed, epoch))
        new = augment(data.pcm, AUGMENTED_PER_WINDOW * len(data.pcm), rng)
        return np.concatenate([data.windows, features(new, data.spec)])

    def ranges(now: Network) -> Ranges:
        return _narrowed(now, simulate.observe(now, data.windows).ranges, shares)

    def score(now: Network) -> float:
        tflite = _to_tflite(now, ranges(now), data.windows)
        return agreement(compare(expected, simulate.sigmoid(interpreter.run(tflite, data.held_out))))

    def on_epoch(epoch: TunedEpoch) -> None:
        epochs.append(asdict(epoch))
        report(epoch.number, settings.epochs + 1)

    tuned = activation_qat.tune(
        network,
        windows,
        lambda inputs: simulate.sigmoid(simulate.run(network, inputs)),
        ranges,
        score,
        TuneSettings(
            epochs=settings.epochs,
            learning_rate=ACTIVATION_RATE * settings.learning_rate,
            batch_size=settings.batch_size,
            seed=settings.seed,
        ),
        on_epoch=on_epoch,
    )
    return tuned, epochs


def agreement(comparison: Comparison) -> float:
    """Return one number to choose by: mean and 5th percentile of the cosine over all and confident windows.

    Less ten times the absolute bias, which is a thousandth or so where the cosines differ by a hundredth.
    """
    sets = [comparison.all, *([] if comparison.confident is None else [comparison.confident])]
    cosines = [value for measures in sets for value in (measures.cosine_mean, measures.cosine_p05)]
    return float(np.mean(cosines)) - 10.0 * abs(comparison.all.bias)
