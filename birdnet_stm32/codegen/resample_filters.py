"""Write the filters that convert sample rates as C."""

from __future__ import annotations

from collections.abc import Iterable

from birdnet_stm32.audio.decoding.polyphase import design_filter
from birdnet_stm32.templating import render_template

HEADER, SOURCE = "birdnet_resample_filters.h", "birdnet_resample_filters.c"


def resample_files(input_rates_hz: Iterable[int], sample_rate_hz: int) -> dict[str, bytes]:
    """Return the C of the filters to a sample rate, content by name.

    Args:
        input_rates_hz: rates to convert from; the model's own rate needs no filter and is left out.
        sample_rate_hz: the model's rate.

    Returns:
        The header alone if there are no filters.

    Raises:
        InputError: a rate cannot be converted to the model's.
    """
    rates_hz = sorted(set(input_rates_hz) - {sample_rate_hz})
    context = {"filters": [design_filter(rate_hz, sample_rate_hz) for rate_hz in rates_hz]}
    names = (HEADER, SOURCE) if rates_hz else (HEADER,)
    return {name: render_template(f"resample/{name}.j2", context).encode() for name in names}
