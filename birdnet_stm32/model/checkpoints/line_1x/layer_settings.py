"""What a front-end layer of line 1.x was built with. A missing key means what older versions did.

========================  ====================================================================
key                       since, and what a layer without it does
========================  ====================================================================
``raw_magnitude``         1.5: ``l1``. Before: ``alpha_max``
``raw_overlap``           1.5. Before: 2
``raw_bank``              1.5: ``fused``, both phases in one kernel. Before: ``pair``
``raw_split_axis``        1.6: ``taps``. Before: ``channels``
``raw_exposure_gain``     1.7: 16, a second bank with this gain. Before: 1, no second bank
``raw_exposure_mode``     1.7: ``compress``. Before: no meaning
``activation_bounds``     1.2 only. Limits inside the layer, which no later version reads
========================  ====================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import shown_value
from birdnet_stm32.frontend.config_fields import choice_field, number_field, whole_field
from birdnet_stm32.frontend.contract import Frontend
from birdnet_stm32.terminal_text import printable


class Mode(StrEnum):
    """What the layer is fed."""

    PRECOMPUTED = "precomputed"  # mel bands, which it passes on
    HYBRID = "hybrid"  # magnitudes of a spectrogram
    RAW = "raw"  # a waveform

    @property
    def kind(self) -> Frontend:
        """The front end that feeds such a layer."""
        return Frontend.MEL if self is Mode.PRECOMPUTED else Frontend(self.value)


class Magnitude(StrEnum):
    """How the level of a band follows from its two phases ``a`` and ``b``."""

    ALPHA_MAX = "alpha_max"  # max(|a|, |b|) + 0.4 min(|a|, |b|)
    L1 = "l1"  # |a| + |b|
    HALFWAVE = "halfwave"  # relu(a) + relu(b)


class Bank(StrEnum):
    """Where the filters of the two phases are stored."""

    PAIR = "pair"  # in layers of their own
    FUSED = "fused"  # one after the other in the same kernels


class SplitAxis(StrEnum):
    """Along which axis the filters are divided into partial convolutions."""

    CHANNELS = "channels"
    TAPS = "taps"


class ExposureMode(StrEnum):
    """What happens to the levels of a second bank with a gain."""

    CHANNELS = "channels"  # they become a second channel
    COMPRESS = "compress"  # a 1x1 convolution mixes them into the first


@dataclass(frozen=True, kw_only=True)
class LayerSettings:
    """The settings of a layer that change what it computes.

    Args:
        mode: what the layer is fed.
        magnitude: how phases become levels.
        overlap: length of a filter, in hops.
        bank: where the filters are stored.
        split_axis: how they are divided.
        exposures: 1, or 2 with a second bank with a gain.
        exposure_mode: what happens to the second bank.
    """

    mode: Mode
    magnitude: Magnitude
    overlap: int
    bank: Bank
    split_axis: SplitAxis
    exposures: int
    exposure_mode: ExposureMode

    @property
    def compresses(self) -> bool:
        """Whether the levels of two banks are mixed into one."""
        return self.exposures == 2 and self.exposure_mode is ExposureMode.COMPRESS

    @property
    def output_channels(self) -> int:
        """Channels of the layer's output."""
        return 1 if self.compresses else self.exposures


# Settings that change the result and are compared with the model's configuration, or read below.
_READ = frozenset(
    "mode mel_bins spec_width sample_rate chunk_duration fft_length mag_scale activation_bounds "
    "raw_magnitude raw_overlap raw_bank raw_split_axis raw_exposure_gain raw_exposure_mode".split()
)
# Settings of the training, and of initial values that the training has replaced.
_WITHOUT_EFFECT = frozenset(
    "name trainable dtype is_trainable init_mel mel_fmin mel_fmax mel_norm pcen_K".split()
)
MAX_OVERLAP = 8


def read_settings(config: Mapping[str, Any], path: Path) -> LayerSettings:
    """Read what a front-end layer was built with.

    Args:
        config: the layer's configuration.
        path: name of the checkpoint in errors.

    Raises:
        InputError: a setting is unknown, has an unknown value, or is one that no version can combine.
    """
    where = f"{path}, the front-end layer"
    unknown = sorted(set(config) - _READ - _WITHOUT_EFFECT)
    if unknown:
        raise InputError(
            f"it has the setting {printable(unknown[0], longest=80)!r}",
            where=where,
            expected="the settings of the versions 1.0 to 1.8, whose meaning is known",
            remedy="a newer version of this program, if there is one",
        )
    if config.get("activation_bounds"):
        raise InputError(
            "it limits its activations to percentiles (activation_bounds)",
            where=where,
            expected="a layer without limits: every later version of BirdNET-STM32 refuses them too",
            remedy="train without --qat_calibration_percentile, or take the checkpoint from before QAT",
        )
    gain = number_field({"raw_exposure_gain": 1, **config}, "raw_exposure_gain", where, minimum=1)
    settings = LayerSettings(
        mode=choice_field(Mode, config.get("mode"), "mode", where),
        magnitude=_choice(Magnitude, config, "raw_magnitude", Magnitude.ALPHA_MAX, where),
        overlap=whole_field({"raw_overlap": 2, **config}, "raw_overlap", where, minimum=1),
        bank=_choice(Bank, config, "raw_bank", Bank.PAIR, where),
        split_axis=_choice(SplitAxis, config, "raw_split_axis", SplitAxis.CHANNELS, where),
        exposures=2 if gain > 1 else 1,
        exposure_mode=_choice(ExposureMode, config, "raw_exposure_mode", ExposureMode.CHANNELS, where),
    )
    if settings.overlap > MAX_OVERLAP:
        raise InputError(f"raw_overlap is {settings.overlap}", where=where, expected=f"at most {MAX_OVERLAP}")
    together = (settings.bank, settings.split_axis)
    if settings.exposures == 2 and together != (Bank.FUSED, SplitAxis.TAPS):
        raise InputError(
            f"raw_exposure_gain is {shown_value(gain)} with {settings.bank} filters by {settings.split_axis}",
            where=where,
            expected="raw_bank fused and raw_split_axis taps",
        )
    return settings


def _choice(kind: type[StrEnum], config: Mapping[str, Any], key: str, otherwise: StrEnum, where: str) -> Any:
    return choice_field(kind, config.get(key, otherwise.value), key, where)
