"""The contract of a model: what it is fed and what its outputs mean.

The contract is read from and written to ``*_model_config.json``. The fields are those of the published
versions of BirdNET-STM32 (0.9 and 1.x), and four that only this project has: ``input_layout``,
``keep_nyquist``, ``stage_depths`` and ``float_front_end`` (the name of a file). The module
``config_versions`` says which fields a version may leave out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import read_json_object
from birdnet_stm32.files.value_errors import shown_value
from birdnet_stm32.frontend import config_versions
from birdnet_stm32.frontend.architecture import (
    DEFAULT_ARCHITECTURE,
    Architecture,
    architecture_from_json,
    architecture_to_json,
)
from birdnet_stm32.frontend.config_fields import choice_field, flag_field, number_field, whole_field
from birdnet_stm32.frontend.config_versions import ConfigLine
from birdnet_stm32.frontend.labels import check_names
from birdnet_stm32.frontend.mixer import Mixer, load_mixer


class Frontend(StrEnum):
    """What the CPU computes before the network."""

    HYBRID = "hybrid"  # magnitude of the STFT; the mel mixer is the network's first layer, or runs in float
    MEL = "mel"  # mel spectrogram
    RAW = "raw"  # the waveform


class Compression(StrEnum):
    """The function that is applied to every spectrogram value before min-max normalisation."""

    NONE = "none"
    SQRT = "sqrt"
    LOG = "log"  # natural logarithm, with a floor 80 dB below the window's peak


class MagnitudeScale(StrEnum):
    """The magnitude scaling that the network applies after its mel filter bank."""

    NONE = "none"
    PWL = "pwl"
    DB = "db"


class InputLayout(StrEnum):
    """The order of the spectrogram in memory."""

    FREQUENCY_MAJOR = "frequency_major"  # [bins, frames, 1]: row = bin, as published
    TIME_MAJOR = "time_major"  # hybrid [1, frames, bins], mel and mixed [frames, bands, 1]: row = frame

    @property
    def transposed(self) -> InputLayout:
        """The other layout."""
        return InputLayout.TIME_MAJOR if self is InputLayout.FREQUENCY_MAJOR else InputLayout.FREQUENCY_MAJOR


class OutputActivation(StrEnum):
    """What the network's outputs are."""

    LOGIT = "logit"
    SIGMOID = "sigmoid"


MIN_MAX_EPSILON = 1e-10
PEAK_EPSILON = 1e-6
LOG_FLOOR_DB = 80.0


@dataclass(frozen=True, kw_only=True)
class FrontendSpec:
    """The front end of one model. Every implementation derives all that it needs from these values.

    Args:
        kind: what is computed.
        sample_rate_hz: sample rate of the audio, in Hz.
        window_samples: length of one window, in samples.
        fft_length: number of points of the FFT, a power of two.
        spec_width: number of frames of a spectrogram.
        num_mels: number of mel bands (in the network for ``hybrid``, in the front end for ``mel``).
        keep_nyquist: keep the last of the ``fft_length / 2 + 1`` bins, as version 0.9 does.
        compression: applied to the spectrogram before min-max normalisation.
        layout: order of the spectrogram in memory.
        fmin_hz: lower edge of the mel filter bank, in Hz.
        mixer: the layers that run in float before the network; None if there are none. With ``mel`` it takes
            the bands as they are.

    Raises:
        InputError: the mixer does not fit the other values.
    """

    kind: Frontend
    sample_rate_hz: int
    window_samples: int
    fft_length: int = 512
    spec_width: int = 256
    num_mels: int = 64
    keep_nyquist: bool = False
    compression: Compression = Compression.NONE
    layout: InputLayout = InputLayout.TIME_MAJOR
    fmin_hz: float = 150.0
    mixer: Mixer | None = None

    def __post_init__(self) -> None:
        """Check that the mixer fits the other values."""
        if self.mixer is None:
            return
        if self.kind is Frontend.RAW:
            raise InputError("the front end raw has a float part", expected="hybrid or mel")
        if (self.mixer.bins, self.mixer.mels) != (self.rows, self.num_mels):
            raise InputError(
                f"the float front end mixes {self.mixer.bins} bins to {self.mixer.mels} bands",
                expected=f"{self.rows} bins to {self.num_mels} bands, as the spectrogram has them",
            )
        if self.kind is Frontend.MEL and not self.mixer.takes_bands:
            raise InputError(
                "the float front end mixes the bands of the front end mel again",
                expected="a mixer that takes each band as it is",
            )

    @property
    def window_s(self) -> float:
        """Length of one window in seconds."""
        return self.window_samples / self.sample_rate_hz

    @property
    def hop_samples(self) -> int:
        """Samples from the start of one frame of the spectrogram to the start of the next."""
        return self.window_samples // self.spec_width

    @property
    def window_hop_samples(self) -> int:
        """Samples from the start of one window to the start of the next: half a window."""
        return self.window_samples // 2

    @property
    def window_shape(self) -> WindowShape:
        """Rate, length and hop of the windows that are cut from recordings."""
        return WindowShape(
            sample_rate_hz=self.sample_rate_hz,
            window_samples=self.window_samples,
            hop_samples=self.window_hop_samples,
        )

    @property
    def bins(self) -> int:
        """Number of FFT bins that are kept."""
        return self.fft_length // 2 + (1 if self.keep_nyquist else 0)

    @property
    def rows(self) -> int:
        """Number of values in a frame of the spectrogram: mel bands for ``mel``, FFT bins for ``hybrid``."""
        return self.num_mels if self.kind is Frontend.MEL else self.bins

    @property
    def fmax_hz(self) -> float:
        """Upper edge of the mel filter bank, in Hz."""
        return self.sample_rate_hz / 2

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the network's input without the batch dimension."""
        if self.kind is Frontend.RAW:
            return (self.window_samples, 1)
        if self.mixer is not None:
            bands, frames = self.num_mels, self.spec_width
            ordered = (bands, frames) if self.layout is InputLayout.FREQUENCY_MAJOR else (frames, bands)
            return (*ordered, self.mixer.channels)
        if self.layout is InputLayout.FREQUENCY_MAJOR:
            return (self.rows, self.spec_width, 1)
        if self.kind is Frontend.HYBRID:
            return (1, self.spec_width, self.rows)
        return (self.spec_width, self.rows, 1)

    @property
    def input_elements(self) -> int:
        """Number of values in one network input."""
        return math.prod(self.input_shape)

    def check_input(self, shape: tuple[int, ...], *, where: str | Path | None = None) -> None:
        """Refuse a network whose input this front end does not produce. Dimensions of size 1 may be left out.

        Args:
            shape: shape of the network's input, without the batch dimension.
            where: name of the network in errors.

        Raises:
            InputError: the shapes differ. The message names the key of the configuration that the shape
                contradicts, if there is one.
        """
        wanted = self.input_shape
        turned = self.layout.transposed
        as_turned = self.kind is not Frontend.RAW and shape == replace(self, layout=turned).input_shape
        if shape == wanted or (not as_turned and _without_ones(shape) == _without_ones(wanted)):
            return
        remedies = ["use the configuration that was written with the model"]
        if as_turned:
            remedies.insert(0, f'if the model was trained so: "input_layout": "{turned}"')
        elif self.kind is Frontend.HYBRID and self.mixer is None:
            other = replace(self, keep_nyquist=not self.keep_nyquist)
            if shape in (other.input_shape, replace(other, layout=turned).input_shape):
                fix = f'"keep_nyquist": {str(other.keep_nyquist).lower()}'
                remedies.insert(
                    0, f"if the model was trained so: {fix}, with input_compression and input_layout"
                )
        raise InputError(
            f"its input is {list(shape)}, and the front end gives {list(wanted)}",
            where=where,
            expected=f"{list(wanted)}, {self.layout.value.replace('_', '-')} as the model's configuration "
            "says",
            remedy=tuple(remedies),
        )


@dataclass(frozen=True, kw_only=True)
class ModelContract:
    """Everything that a user of a model has to know about it.

    Args:
        frontend: how the input is computed.
        labels: class names, in the order of the outputs.
        output_activation: whether the outputs are logits or probabilities.
        magnitude_scale: magnitude scaling inside the network.
        alpha: width multiplier.
        depth_multiplier: how often each block is repeated.
        embedding_size: number of channels before the classifier.
        architecture: the stages of the network.
    """

    frontend: FrontendSpec
    labels: tuple[str, ...]
    output_activation: OutputActivation
    magnitude_scale: MagnitudeScale = MagnitudeScale.PWL
    alpha: float = 1.0
    depth_multiplier: int = 1
    embedding_size: int = 256
    architecture: Architecture = DEFAULT_ARCHITECTURE


# The field that names the mixer's file, and the name that this project gives it.
FLOAT_FRONT_END = "float_front_end"
FLOAT_FRONT_END_FILE = "float_front_end.npz"

# Names of front ends in published configurations, with the names of this project.
_FRONTEND_ALIASES = {"precomputed": "mel", "librosa": "mel", "tf": "raw"}


def contract_to_json(contract: ModelContract) -> dict[str, Any]:
    """Return ``contract`` as the fields of a ``*_model_config.json``.

    The mixer is only named. :func:`birdnet_stm32.frontend.mixer.save_mixer` writes it beside the
    configuration, as ``FLOAT_FRONT_END_FILE``.
    """
    spec = contract.frontend
    fields = {
        "sample_rate": spec.sample_rate_hz,
        "num_mels": spec.num_mels,
        "spec_width": spec.spec_width,
        "fft_length": spec.fft_length,
        "chunk_duration": spec.window_s,
        "hop_length": spec.hop_samples,
        "audio_frontend": spec.kind.value,
        "mag_scale": contract.magnitude_scale.value,
        "embeddings_size": contract.embedding_size,
        "alpha": contract.alpha,
        "depth_multiplier": contract.depth_multiplier,
        "num_classes": len(contract.labels),
        "class_names": list(contract.labels),
        "input_compression": spec.compression.value,
        "input_layout": spec.layout.value,
        "keep_nyquist": spec.keep_nyquist,
        "output_activation": contract.output_activation.value,
        **architecture_to_json(contract.architecture),
    }
    return fields if spec.mixer is None else {**fields, FLOAT_FRONT_END: FLOAT_FRONT_END_FILE}


def spec_from_json(fields: Mapping[str, Any], *, where: str, folder: Path | None = None) -> FrontendSpec:
    """Read the front end of a configuration. Class names are not needed for it.

    What a network does not show is not guessed: only version 0.9 may leave out ``input_compression``, only
    versions 0.9 and 1.x may leave out ``input_layout``. Without ``keep_nyquist``, version 0.9 keeps that bin
    and later versions do not; the shape of the network's input shows it. ``hop_length`` must be the value
    that follows from the other keys.

    Args:
        fields: the configuration.
        where: name of the configuration in errors.
        folder: folder of the file that the configuration may name.

    Raises:
        InputError: a field is missing, has the wrong type, or contradicts another field; or the named file
            cannot be used.
    """
    sample_rate_hz = whole_field(fields, "sample_rate", where, minimum=1_000)
    window_samples = round(sample_rate_hz * number_field(fields, "chunk_duration", where, minimum=0.01))
    name = fields.get("audio_frontend")
    kind = choice_field(Frontend, _FRONTEND_ALIASES.get(str(name), name), "audio_frontend", where)
    config_versions.refuse_misspelt_keys(fields, where=where)
    line = config_versions.config_line(fields)
    spec = FrontendSpec(
        kind=kind,
        sample_rate_hz=sample_rate_hz,
        window_samples=window_samples,
        fft_length=whole_field(fields, "fft_length", where, minimum=16),
        spec_width=whole_field(fields, "spec_width", where, minimum=1),
        num_mels=whole_field({"num_mels": 64, **fields}, "num_mels", where, minimum=1),
        keep_nyquist=flag_field(fields, "keep_nyquist", where, otherwise=line is ConfigLine.OF_0_9),
        compression=choice_field(
            Compression, fields.get("input_compression", "none"), "input_compression", where
        ),
        layout=choice_field(
            InputLayout, fields.get("input_layout", "frequency_major"), "input_layout", where
        ),
    )
    if kind is not Frontend.RAW:
        _require_unseen(fields, line, where)
    if kind is Frontend.MEL:
        config_versions.refuse_other_mel_edges(
            fields, lowest_hz=spec.fmin_hz, highest_hz=spec.fmax_hz, where=where
        )
    hop = fields.get("hop_length")
    if hop is not None and hop != spec.hop_samples:
        raise InputError(
            f"hop_length is {shown_value(hop)}",
            where=where,
            expected=f"{spec.hop_samples}, which is sample_rate * chunk_duration // spec_width",
        )
    if spec.hop_samples < 1:
        raise InputError(
            f"spec_width is {spec.spec_width}", where=where, expected=f"at most {window_samples} frames"
        )
    if spec.fft_length & (spec.fft_length - 1):
        raise InputError(f"fft_length is {spec.fft_length}", where=where, expected="a power of two")
    return _with_mixer(spec, fields, where, folder)


def contract_from_json(fields: Mapping[str, Any], *, where: str, folder: Path | None = None) -> ModelContract:
    """Read a whole configuration.

    Args:
        fields: the configuration.
        where: name of the configuration in errors.
        folder: folder of the file that the configuration may name.

    Raises:
        InputError: as :func:`spec_from_json`, or the class names do not fit ``num_classes``.
    """
    names = fields.get("class_names")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            "class_names is missing or not a list of names", where=where, expected="one per output"
        )
    labels = check_names(names, what="class_names", where=where)
    if fields.get("num_classes", len(labels)) != len(labels):
        raise InputError(
            f"num_classes is {fields['num_classes']} but class_names holds {len(labels)}", where=where
        )
    activation = fields.get("output_activation", "sigmoid")
    scale = fields.get("mag_scale", "none")
    return ModelContract(
        frontend=spec_from_json(fields, where=where, folder=folder),
        labels=labels,
        output_activation=choice_field(OutputActivation, activation, "output_activation", where),
        magnitude_scale=choice_field(MagnitudeScale, scale, "mag_scale", where),
        alpha=float(number_field({"alpha": 1.0, **fields}, "alpha", where, minimum=0.01)),
        depth_multiplier=whole_field({"depth_multiplier": 1, **fields}, "depth_multiplier", where, minimum=1),
        embedding_size=whole_field({"embeddings_size": 256, **fields}, "embeddings_size", where, minimum=1),
        architecture=architecture_from_json(fields, where),
    )


def read_contract(path: Path) -> ModelContract:
    """Read a ``*_model_config.json``, and the float front end that it may name.

    Args:
        path: the file.

    Raises:
        InputError: a file cannot be read, or a field is missing, wrong or contradicts another one.
    """
    return contract_from_json(read_json_object(path), where=str(path), folder=path.parent)


def _with_mixer(
    spec: FrontendSpec, fields: Mapping[str, Any], where: str, folder: Path | None
) -> FrontendSpec:
    name = fields.get(FLOAT_FRONT_END)
    if name is None:
        return spec
    if not isinstance(name, str) or Path(name).name != name or Path(name).suffix != ".npz":
        raise InputError(
            f"{FLOAT_FRONT_END} is {shown_value(name)}",
            where=where,
            expected="the name of an .npz file beside it",
        )
    if folder is None:
        raise InputError(f"{FLOAT_FRONT_END} names {name}, and this configuration has no folder", where=where)
    mixer = load_mixer(folder / name)
    try:
        return replace(spec, mixer=mixer)
    except InputError as error:
        raise InputError(error.what, where=folder / name, expected=error.expected) from error


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _require_unseen(fields: Mapping[str, Any], line: ConfigLine, where: str) -> None:
    """Refuse a spectrogram's configuration without a key that the network does not show."""
    if line is not ConfigLine.OF_0_9:
        config_versions.require_key(
            fields,
            "input_compression",
            where=where,
            choices=", ".join(Compression),
            means="the function that is applied to every spectrogram value before it is scaled to [0, 1]",
        )
    if line is ConfigLine.OWN:
        config_versions.require_key(
            fields,
            "input_layout",
            where=where,
            choices=", ".join(InputLayout),
            means="whether a row of the network's input is a frame or a frequency",
        )
