"""Shows the result of every step of the front end for a recording.

Windows are cut as in deployment. For each window and step, the command writes the shape, the sum, the
extremes and the first values. With --compare it compares them with such a file. The exit code is 1 if a step
differs by more than 1e-4 of its maximum.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.recording_option import add_channel_option, decode_recording
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.files.json_file import json_object, read_json_object
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.frontend.contract import spec_from_json
from birdnet_stm32.frontend.reference_vectors import compare_documents, describe_recording

EXAMPLE = "birdnet-stm32 frontend song.wav --model-config model_config.json --json stages.json"
TOLERANCE = 1e-4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("audio", type=Path, metavar="AUDIO", help="wav, flac, ogg or mp3")
    parser.add_argument(
        "--model-config", type=Path, required=True, metavar="FILE", help="*_model_config.json"
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=Path("-"),
        metavar="FILE",
        help="file for the result; default: standard output",
    )
    add_channel_option(parser)
    parser.add_argument("--compare", type=Path, metavar="FILE", help="result to compare with")


def run(options: argparse.Namespace) -> None:
    """Describe the front end's steps for a recording."""
    writer_of(options).check(options.json)
    content = read_bytes(options.audio)
    fields = read_json_object(options.model_config)
    # A document of this command contains the configuration with which it was made.
    spec = spec_from_json(
        json_object(fields.get("config", fields), where=options.model_config),
        where=str(options.model_config),
        folder=options.model_config.parent,
    )
    pcm = decode_recording(options.audio, sample_rate_hz=spec.sample_rate_hz, channel=options.channel)
    if isinstance(pcm, Unusable):
        raise InputError(pcm.reason, where=options.audio, expected="a recording that can be used")
    starts = spec.window_shape.starts(len(pcm))
    document = describe_recording(
        pcm, spec, starts, audio=options.audio.name, audio_sha256=hashlib.sha256(content).hexdigest()
    )
    writer_of(options).write_json(options.json, document)
    if options.compare:
        wanted = read_json_object(options.compare)
        try:
            errors = compare_documents(wanted, document)
        except (KeyError, TypeError) as error:
            raise InputError("is not what this command writes", where=options.compare) from error
        wrong = [f"{stage} by {error:.1e}" for stage, error in errors if not error <= TOLERANCE]
        if wrong:
            raise GateError(
                "differs in " + ", ".join(wrong),
                where=options.compare,
                expected=f"at most {TOLERANCE:g} of the maximum of a step",
            )
