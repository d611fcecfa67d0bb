"""Read the recording that an option names, and print the notes about it on standard error."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable, decode_with_notes
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.commands.shared.checked_options import positive_integer
from birdnet_stm32.commands.shared.messages import print_warning
from birdnet_stm32.terminal_text import printable


def add_channel_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the channel of a recording."""
    parser.add_argument(
        "--channel",
        type=_channel,
        default=MIX,
        metavar="N",
        help="channel of a recording, counted from 1, or mix; default: mix, the average of all channels",
    )


def _channel(text: str) -> int:
    return MIX if text == "mix" else positive_integer(text)


def decode_recording(path: Path, *, sample_rate_hz: int, channel: int = MIX) -> NDArray[np.int16] | Unusable:
    """Return a recording as mono PCM, and print the notes about it."""
    found = decode_with_notes(path, sample_rate_hz=sample_rate_hz, channel=channel)
    if isinstance(found, Unusable):
        return found
    for note in found.notes:
        print_warning(printable(f"{path}: {note}"))
    return found.pcm
