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
            mel, scalings[unit.name] = _mel(unit, spec)
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


def _mel(unit: Unit, spec: FrontendSpec) -> tuple[Floats, _Scaling]:
    """Return the filter bank of a mel mixer, and the scaling that a normalisation behind it adds."""
    weights, bias = unit.weights
    kernel: Floats = weights[0, 0]
    signs = np.where(kernel.sum(axis=0) < 0, np.float32(-1), np.float32(1))
    if (
        kernel.shape != (spec.bins, spec.num_mels)
        or unit.activation is not FusedActivation.RELU
        or (kernel * signs).min() < 0
    ):
        raise InputError(
            f"layer {unit.name} is not a mel mixer",
            expected=f"a 1x1 convolution {[spec.bins, spec.num_mels]} with ReLU, each band of one sign",
        )
    if not bias.any() and (signs > 0).all():
        return kernel, _unscaled(kernel.shape[1])
    return kernel * signs, _hinge(signs, bias)


def _hinge(w: Floats, b: Floats) -> _Scaling:
    """Return ``relu(w * x + b)`` as a scaling."""
    one = np.ones((1, len(w)), np.float32)
    return _Scaling(k0=np.zeros(len(w), np.float32), k=one, w=w[np.newaxis], b=b[np.newaxis])


def _is_hinge(scaling: _Scaling) -> bool:
    return len(scaling.k) == 1 and not scaling.k0.any() and bool((scaling.k == 1).all())


def _hinge_of_hinge(scaling: _Scaling, f: Floats, g: Floats) -> _Scaling:
    """Return ``relu(f * r + g)`` of a band whose scaling is ``r = relu(w * x + b)``.

    As ``r`` is not negative, that is a constant, a part of ``r``, and one more hinge ``relu(|f| (w x + b) -
    |g|)``. Which of them a band has depends on the signs of ``f`` and ``g``.
    """
    w, b = scaling.w[0], scaling.b[0]
    starts_above, falls, opposed = g > 0, f < 0, f * g < 0
    pieces = (
        (np.ones_like(g), np.zeros_like(w), np.maximum(g, 0)),
        (np.where(starts_above | (~falls & (g == 0)), f, 0), w, b),
        (opposed, np.abs(f) * w, np.abs(f) * b - np.abs(g)),
    )
    k, slopes, offsets = (np.stack(tables).astype(np.float32) for tables in zip(*pieces, strict=True))
    used = ((k != 0) & ((slopes != 0) | (offsets > 0))).any(axis=1)
    return _Scaling(k0=np.zeros(len(w), np.float32), k=k[used], w=slopes[used], b=offsets[used])


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
            return _hinge(factor * scaling.k0, bias)
        if unit.activation is FusedActivation.RELU and _is_hinge(scaling):
            return _hinge_of_hinge(scaling, factor, bias)
        if unit.activation is FusedActivation.NONE and not unit.bias.any():
            return replace(scaling, k0=scaling.k0 * factor, k=scaling.k * factor)
    raise InputError(
        f"layer {unit.name} is not part of a piecewise-linear scaling",
        expected="depthwise 1x1 convolutions and sums",
    )
