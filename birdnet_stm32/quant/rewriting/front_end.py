"""Split the mel mixer and the magnitude scaling from a network, to run them in float on the processor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
)
from birdnet_stm32.frontend.mixer import Mixer
from birdnet_stm32.quant.rewriting.network import (
    INPUT,
    Floats,
    FusedActivation,
    Network,
    Unit,
    UnitKind,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scaling:
    """``k0 * x + sum_i k[i] * relu(w[i] * x + b[i])``, where ``x`` is the energy of a band.

    ``k0`` is [bands]; the other arrays are [pieces, bands].
    """

    k0: Floats
    k: Floats
    w: Floats
    b: Floats


def split_front_end(network: Network, contract: ModelContract) -> tuple[Mixer, Network, ModelContract]:
    """Split a network into its front end and the network that follows it, the backbone.

    The front end of a network with the front end ``mel`` is only its magnitude scaling; its mixer passes on
    each band unchanged.

    Args:
        network: from the spectrogram to logits, as :func:`keras_io.from_keras` makes it.
        contract: what the network means.

    Returns:
        The front end without sub-ranges; the backbone, whose input is ``[frames, mels, 1]`` (time-major) or
        ``[mels, frames, 1]``; and the contract of both together, in the layout of the backbone.

    Raises:
        InputError: the network has no spectrogram, or does not start with a mel mixer (for ``hybrid``) and a
            piecewise-linear scaling.
    """
    require_spectrogram(contract)
    spec = contract.frontend
    position = _first_spatial(network)
    scalings: dict[str, _Scaling] = {}
    mel: Floats | None = None
    layout = InputLayout.TIME_MAJOR  # behind the mel mixer, whatever the spectrogram's
    if spec.kind is Frontend.MEL:
        mel, layout = np.eye(spec.num_mels, dtype=np.float32), spec.layout
        scalings[INPUT] = _unscaled(spec.num_mels)
    for unit in network.units[:position]:
        if unit.kind.only_moves_data:
            if unit.inputs[0] in scalings:
                scalings[unit.name] = scalings[unit.inputs[0]]
                layout = _turned(layout) if unit.kind is UnitKind.PERMUTE else layout
        elif unit.kind is UnitKind.CONVOLUTION and mel is None:
            mel = _mel(unit, spec)
            scalings[unit.name] = _unscaled(mel.shape[1])
        else:
            scalings[unit.name] = _scaling(unit, scalings)
    backbone = network.units[position:]
    source = backbone[0].inputs[0]
    if mel is None or any(name in scalings and name != source for u in backbone for name in u.inputs):
        raise InputError("the network does not start with a mel mixer", where=network.name)
    scaling = scalings[source]
    mixer = Mixer(mel=mel, k0=scaling.k0, k=scaling.k, w=scaling.w, b=scaling.b)
    split = replace(
        contract, frontend=replace(spec, mixer=mixer, layout=layout), output_activation=OutputActivation.LOGIT
    )
    units = tuple(
        replace(unit, inputs=tuple(INPUT if name == source else name for name in unit.inputs))
        for unit in backbone
    )
    return mixer, Network(name=network.name, input_shape=split.frontend.input_shape, units=units), split


def require_spectrogram(contract: ModelContract) -> None:
    """Refuse a model whose front end cannot be split from the network.

    Raises:
        InputError: the front end is ``raw``, or the magnitude scale is ``db``.
    """
    spec = contract.frontend
    if spec.kind is Frontend.RAW:
        raise InputError(
            "the front end is raw: the network is fed a waveform and has no spectrogram to compute in float",
            expected="hybrid or mel",
            remedy="use the recipe ptq or logits",
        )
    if contract.magnitude_scale is MagnitudeScale.DB:
        raise InputError(
            "the magnitude scale is db, which is not piecewise linear",
            expected="pwl or none",
            remedy='train with model.magnitude_scale = "pwl"',
        )


def _unscaled(bands: int) -> _Scaling:
    none = np.zeros((0, bands), np.float32)
    return _Scaling(k0=np.ones(bands, np.float32), k=none, w=none, b=none)


def _turned(layout: InputLayout) -> InputLayout:
    return InputLayout.TIME_MAJOR if layout is InputLayout.FREQUENCY_MAJOR else InputLayout.FREQUENCY_MAJOR


def _first_spatial(network: Network) -> int:
    """Return the position of the first unit whose kernel covers neighbouring values."""
    for position, unit in enumerate(network.units):
        if unit.kernel is not None and unit.kind is not UnitKind.DENSE and unit.kernel.shape[:2] != (1, 1):
            return position
    raise InputError("the network has no spatial convolution", where=network.name)


def _mel(unit: Unit, spec: FrontendSpec) -> Floats:
    weights, bias = unit.weights
    kernel: Floats = weights[0, 0]
    if (
        kernel.shape != (spec.bins, spec.num_mels)
        or unit.activation is not FusedActivation.RELU
        or bias.any()
        or kernel.min() < 0
    ):
        raise InputError(
            f"layer {unit.name} is not a mel mixer",
            expected=f"a non-negative 1x1 convolution {[spec.bins, spec.num_mels]} with ReLU, without bias",
        )
    return kernel


def _scaling(unit: Unit, scalings: dict[str, _Scaling]) -> _Scaling:
    """Return the scaling after a depthwise 1x1 convolution or a sum, from the scalings before it."""
    inputs = [scalings[name] for name in unit.inputs if name in scalings]
    if unit.kind is UnitKind.ADD and len(inputs) == 2 and unit.activation is FusedActivation.NONE:
        one, other = inputs
        return _Scaling(
            k0=one.k0 + other.k0,
            k=np.concatenate([one.k, other.k]),
            w=np.concatenate([one.w, other.w]),
            b=np.concatenate([one.b, other.b]),
        )
    if (
        unit.kind is UnitKind.DEPTHWISE
        and len(inputs) == 1
        and unit.kernel is not None
        and unit.bias is not None
    ):
        (scaling,) = inputs
        # A kernel of one channel applies to all bands alike.
        factor, bias = (
            np.broadcast_to(values, scaling.k0.shape) for values in (unit.kernel[0, 0, :, 0], unit.bias)
        )
        if unit.activation is FusedActivation.RELU and not len(scaling.k):
            hinge = {"w": (factor * scaling.k0)[np.newaxis], "b": bias[np.newaxis]}
            return _Scaling(k0=np.zeros_like(factor), k=np.ones((1, len(factor)), np.float32), **hinge)
        if unit.activation is FusedActivation.NONE and not unit.bias.any():
            return replace(scaling, k0=scaling.k0 * factor, k=scaling.k * factor)
    raise InputError(
        f"layer {unit.name} is not part of a piecewise-linear scaling",
        expected="depthwise 1x1 convolutions and sums",
    )
