"""Find out which version of BirdNET-STM32 wrote a configuration, and what that version leaves out.

The shapes of a network do not show the compression, and they do not show the layout of a square input. Both
are therefore read from the configuration or known from its version. They are never guessed.

- Version **0.9** has none of the keys that came later. It compresses nothing, and its rows are frequencies.
- Version **1.x** has at least one of ``KEYS_OF_1_X``. Its rows are frequencies too.
- **This project** writes ``input_layout`` and ``keep_nyquist`` into every configuration. ``stage_depths`` is
  there where a model has other depths than the default.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import shown_value

OWN_KEYS = frozenset({"input_layout", "keep_nyquist", "stage_depths"})
KEYS_OF_1_X = frozenset(
    "input_compression output_activation dropout_rate head_pooling dw_kernel_size stage_widths raw_magnitude "
    "raw_overlap raw_bank raw_split_axis raw_exposure_gain raw_exposure_mode".split()
)
KEYS_OF_0_9 = frozenset(
    "sample_rate num_mels spec_width fft_length chunk_duration hop_length audio_frontend mag_scale "
    "embeddings_size alpha depth_multiplier num_classes class_names frontend_trainable".split()
)

# Keys that a configuration may have for the edges of the mel filter bank, which are fixed.
_LOWEST_HZ = frozenset({"fmin", "f_min", "fmin_hz", "mel_fmin"})
_HIGHEST_HZ = frozenset({"fmax", "f_max", "fmax_hz", "mel_fmax"})

# A key counts as misspelt if it resembles a missing key at least this much.
_ALIKE = 0.85


class ConfigLine(StrEnum):
    """The version of BirdNET-STM32 that wrote a configuration."""

    OF_0_9 = "0.9"
    OF_1_X = "1.x"
    OWN = "own"


def config_line(fields: Mapping[str, Any]) -> ConfigLine:
    """Return the version whose keys ``fields`` has."""
    of_1_x = any(key in fields for key in KEYS_OF_1_X)
    # The published versions call mel bands librosa or precomputed, and have no float front end.
    own = fields.get("audio_frontend") == "mel" or "float_front_end" in fields
    if any(key in fields for key in OWN_KEYS) or (of_1_x and own):
        return ConfigLine.OWN
    return ConfigLine.OF_1_X if of_1_x else ConfigLine.OF_0_9


def require_key(fields: Mapping[str, Any], key: str, *, where: str, choices: str, means: str) -> None:
    """Refuse a configuration without a key whose value nothing else shows.

    Args:
        fields: the configuration.
        key: the key that must be there.
        where: name of the file in errors.
        choices: the allowed values, for the error.
        means: what the key decides, for the error.

    Raises:
        InputError: the key is missing.
    """
    if key not in fields:
        raise InputError(
            f"{key} is missing, and the network does not show it",
            where=where,
            expected=f"one of {choices}: {means}",
            remedy=(
                f'add "{key}" as the model was trained; a wrong value changes results without an error',
                "take the *_model_config.json that was written with the model",
            ),
        )


def refuse_misspelt_keys(fields: Mapping[str, Any], *, where: str) -> None:
    """Refuse a key that is probably a misspelt known key, because the known key would then count as missing.

    Args:
        fields: the configuration.
        where: name of the file in errors.

    Raises:
        InputError: names the key and the known key that it resembles.
    """
    known = OWN_KEYS | KEYS_OF_1_X | KEYS_OF_0_9 | {"float_front_end"}
    missing = sorted(known - fields.keys())
    for key in fields:
        if key in known:
            continue
        folded = str(key).lower().replace("-", "_")
        alike = difflib.get_close_matches(folded, missing, n=1, cutoff=_ALIKE)
        if alike:
            raise InputError(
                f"{str(key)[:80]!r} is not a known key, and {alike[0]} is missing",
                where=where,
                expected=alike[0],
                remedy=f"did you mean {alike[0]}?",
            )


def refuse_other_mel_edges(
    fields: Mapping[str, Any], *, lowest_hz: float, highest_hz: float, where: str
) -> None:
    """Refuse mel filter bank edges that differ from those that the front end uses.

    Args:
        fields: the configuration.
        lowest_hz: lower edge of the filter bank, in Hz.
        highest_hz: upper edge of the filter bank, in Hz.
        where: name of the file in errors.

    Raises:
        InputError: names the key.
    """
    for names, edge_hz, otherwise in ((_LOWEST_HZ, lowest_hz, 0), (_HIGHEST_HZ, highest_hz, highest_hz)):
        for key in sorted(names & fields.keys()):
            value = otherwise if fields[key] is None else fields[key]
            if value != edge_hz:
                raise InputError(
                    f"{key} is {shown_value(fields[key])}",
                    where=where,
                    expected=f"{edge_hz:g} Hz: the mel filter bank has fixed edges",
                    remedy='a model that mixes its own bands: audio_frontend = "hybrid"',
                )
