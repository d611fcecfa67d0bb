"""Which line of BirdNET-STM32 wrote a configuration, and what that line leaves out because it has only one.

Compression and layout cannot be seen in a network: another square root or a transposed square has the same
shapes. They are therefore taken from the configuration, or known from its line, and never guessed.

- The **0.9** line has none of the keys that came later. It compresses nothing, and its rows are frequencies.
- The **1.x** line has at least one of its keys below. Its rows are frequencies too.
- **This project** writes ``input_layout`` and ``keep_nyquist`` into every configuration.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import shown_value

OWN_KEYS = frozenset({"input_layout", "keep_nyquist"})
KEYS_OF_1_X = frozenset(
    "input_compression output_activation dropout_rate head_pooling dw_kernel_size stage_widths raw_magnitude "
    "raw_overlap raw_bank raw_split_axis raw_exposure_gain raw_exposure_mode".split()
)
KEYS_OF_0_9 = frozenset(
    "sample_rate num_mels spec_width fft_length chunk_duration hop_length audio_frontend mag_scale "
    "embeddings_size alpha depth_multiplier num_classes class_names frontend_trainable".split()
)

# What the front end computes in one way only, by the names that a configuration may have for it.
_LOWEST_HZ = frozenset({"fmin", "f_min", "fmin_hz", "mel_fmin"})
_HIGHEST_HZ = frozenset({"fmax", "f_max", "fmax_hz", "mel_fmax"})

# How alike a key must be to one that is missing to be that one, written wrongly.
_ALIKE = 0.85


class ConfigLine(StrEnum):
    """Who wrote a configuration."""

    OF_0_9 = "0.9"
    OF_1_X = "1.x"
    OWN = "own"


def config_line(fields: Mapping[str, Any]) -> ConfigLine:
    """Return which line has the keys of ``fields``."""
    of_1_x = any(key in fields for key in KEYS_OF_1_X)
    # Upstream calls mel bands librosa or precomputed, and has no float front end.
    own = fields.get("audio_frontend") == "mel" or "float_front_end" in fields
    if any(key in fields for key in OWN_KEYS) or (of_1_x and own):
        return ConfigLine.OWN
    return ConfigLine.OF_1_X if of_1_x else ConfigLine.OF_0_9


def require_key(fields: Mapping[str, Any], key: str, *, where: str, choices: str, means: str) -> None:
    """Refuse a configuration that leaves out what nothing else says. Raises: InputError."""
    if key not in fields:
        raise InputError(
            f"{key} is missing, and the network does not show it",
            where=where,
            expected=f"one of {choices}: {means}",
            remedy=(
                f'add "{key}" as the model was trained; with another, other birds are heard without an error',
                "take the *_model_config.json that was written with the model",
            ),
        )


def refuse_misspelt_keys(fields: Mapping[str, Any], *, where: str) -> None:
    """Refuse a key that looks like one that is missing, which would then be taken as left out.

    Raises:
        InputError: names both.
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
                f"{str(key)[:80]!r} is no known key, and {alike[0]} is missing",
                where=where,
                expected=alike[0],
                remedy=f"did you mean {alike[0]}?",
            )


def refuse_other_mel_edges(
    fields: Mapping[str, Any], *, lowest_hz: float, highest_hz: float, where: str
) -> None:
    """Refuse edges of the mel bank other than those that are computed.

    Args:
        fields: the configuration.
        lowest_hz: of the bank.
        highest_hz: of the bank.
        where: the file.

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
                    expected=f"{edge_hz:g} Hz, the only mel bank that is computed",
                    remedy='a model that mixes its own bands: audio_frontend = "hybrid"',
                )
