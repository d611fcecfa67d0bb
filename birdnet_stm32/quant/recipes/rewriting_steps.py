"""Steps that rewrite a float model without changing its function."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.frontend.mixer import Mixer, split_into_subranges
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.quant.ranges.least_noise import noise_to_signal
from birdnet_stm32.quant.recipes.step import Draft, Step
from birdnet_stm32.quant.rewriting.equalize import equalize
from birdnet_stm32.quant.rewriting.front_end import require_spectrogram, split_front_end
from birdnet_stm32.quant.rewriting.network import INPUT, Floats, Network
from birdnet_stm32.quant.rewriting.subranges import with_inner_subranges, with_input_subranges
from birdnet_stm32.quant.simulation.run_network import observe_network, run_network

INPUT_SPLIT_SHARES = (1 / 4, 1 / 6, 1 / 8, 1 / 12, 1 / 16, 1 / 24, 1 / 32)
"""Shares of the input's range that its fine sub-range may cover."""

INNER_SPLIT_UNITS = 2  # the first units lose most accuracy in int8
INNER_SPLIT_SHARE = 1 / 6


def _take_logits(draft: Draft) -> Draft:
    from birdnet_stm32.model.checkpoints import checkpoint

    model, contract = checkpoint.as_logits(draft.model, draft.contract)
    return replace(draft, model=model, contract=contract)


def _take_front_end(draft: Draft) -> Draft:
    from birdnet_stm32.quant.rewriting.keras_io import from_keras

    require_spectrogram(draft.contract)
    _, network, contract = split_front_end(from_keras(draft.model), draft.contract)
    windows = features(draft.pcm, contract.frontend)
    return replace(draft, network=network, contract=contract, windows=windows)


def _split_input(draft: Draft) -> Draft:
    mixer = draft.contract.frontend.mixer
    if mixer is None:
        raise ValueError("the front end has no mixer")
    mixer, network = _with_input_subranges(mixer, draft.rewritten, draft.windows)
    return replace(
        draft,
        network=network,
        contract=replace(draft.contract, frontend=replace(draft.contract.frontend, mixer=mixer)),
        windows=split_into_subranges(draft.windows[..., 0], mixer.subranges),
        notes={**draft.notes, "input_subranges": list(mixer.subranges)},
    )


def _with_input_subranges(mixer: Mixer, network: Network, values: Floats) -> tuple[Mixer, Network]:
    """Split the input into two sub-ranges, at the value for which int8 disturbs the first unit least.

    A small fine sub-range gives fine steps to quiet values. It also leaves few steps to the weights of the
    fine channel, which share a scale with the weights of the coarse channel.

    Args:
        mixer: without sub-ranges.
        network: its input has one channel.
        values: of the input, float32 [n, rows, columns, 1].
    """
    top = float(values.max())
    expected = run_network(_first_unit(network), values)

    def noise(share: float) -> float:
        ends = (share * top, top)
        first = _first_unit(with_input_subranges(network, ends))
        channels = split_into_subranges(values[..., 0], ends)
        ranges = {INPUT: (0.0, 1.0), first.units[0].name: (0.0, 0.0)}
        rounded = run_network(first, channels, ranges, floating={first.units[0].name})
        return noise_to_signal(expected, rounded)

    share = min(INPUT_SPLIT_SHARES, key=noise)
    ends = (share * top, top)
    return replace(mixer, subranges=ends), with_input_subranges(network, ends)


def _first_unit(network: Network) -> Network:
    return replace(network, units=network.units[:1])


def _equalize_scales(draft: Draft) -> Draft:
    network = draft.rewritten
    return replace(draft, network=equalize(network, observe_network(network, draft.windows).peaks))


def _split_first_units(draft: Draft) -> Draft:
    network = draft.rewritten
    peaks = observe_network(network, draft.windows).peaks
    for unit in network.units[:INNER_SPLIT_UNITS]:
        network = with_inner_subranges(network, unit.name, peaks[unit.name], INNER_SPLIT_SHARE)
    return replace(draft, network=network)


LOGITS = Step(
    name="logits",
    does="The network's outputs are logits; the sigmoid runs in float.",
    rewrite=_take_logits,
)
FLOAT_FRONT_END = Step(
    name="float front end",
    does="Mel mixer and magnitude scaling run in float, before the network.",
    needs=(LOGITS,),
    rewrite=_take_front_end,
)
INPUT_SUBRANGES = Step(
    name="input sub-ranges",
    does="The input is split into two sub-ranges, each with int8 steps of its own.",
    needs=(FLOAT_FRONT_END,),
    rewrite=_split_input,
)
EQUAL_SCALES = Step(
    name="equal scales",
    does="Channels of a tensor are scaled to one peak, by powers of two (cross-layer equalisation).",
    needs=(FLOAT_FRONT_END,),
    rewrite=_equalize_scales,
)
INNER_SUBRANGES = Step(
    name="inner sub-ranges",
    does="The outputs of the first two units are split into two sub-ranges.",
    needs=(FLOAT_FRONT_END,),
    rewrite=_split_first_units,
)
