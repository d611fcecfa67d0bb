"""Runs a .tflite as firmware on an emulated board and compares it with the references.

The command generates the C, builds the firmware of the board, and runs it under QEMU over every window of the
recordings. It compares the front end with NumPy, every network output with LiteRT's reference kernels for the
same quantized input, and the events with the definition of decisions. The exit code is 1 if any output or
event differs, or if the front end differs by more than its tolerance.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.audio_files import scan_audio_files
from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.boards import folders
from birdnet_stm32.commands.shared.checked_options import add_board, checked_table, positive_integer
from birdnet_stm32.commands.shared.emulation import emulate_model, generate_library
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.recording_option import add_channel_option, decode_recording
from birdnet_stm32.config.variant import EmulateTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.firmware import parity
from birdnet_stm32.firmware.emulator import Place, describe_emulation
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted

EXAMPLE = "birdnet-stm32 emulate model.tflite --audio recordings --json parity.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("model", type=Path, metavar="MODEL.tflite")
    parser.add_argument(
        "--audio",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of recordings, which may lie at any depth",
    )
    parser.add_argument(
        "--model-config", type=Path, metavar="FILE", help="*_model_config.json; default: beside the model"
    )
    parser.add_argument(
        "--most", type=positive_integer, metavar="N", help="use at most N recordings, spread over the folder"
    )
    add_channel_option(parser)
    add_board(parser, "that QEMU emulates")
    parser.add_argument("--timeout", type=float, default=EmulateTable().timeout_s, metavar="SECONDS")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the result to this file; - for standard output"
    )


def run(options: argparse.Namespace) -> None:
    """Build the firmware, run it, and compare it."""
    timeout_s = checked_table(
        EmulateTable, options={"timeout_s": "--timeout"}, timeout_s=options.timeout
    ).timeout_s
    writer_of(options).check(options.json)
    board = folders.select("emulator", options.board)
    model = read_bytes(options.model)
    contract = contract_of(options.model, options.model_config)
    library = generate_library(model, contract, where=str(options.model))
    recordings = _recordings(options.audio, contract.frontend.sample_rate_hz, options.most, options.channel)
    with track("windows") as report:
        ran, result = emulate_model(
            model,
            contract,
            library,
            recordings,
            board=board,
            title=options.model.stem,
            timeout_s=timeout_s,
            report=report,
        )
    places = [Place(path=name) for name in ran.recordings]
    described = describe_emulation(ran, result, places, contract.frontend.sample_rate_hz)
    writer_of(options).write_document(options.json, described)
    print_message(
        f"{counted(result.windows, 'window')}, {result.outputs_differing} of "
        f"{counted(result.outputs_compared, 'output')} differ, "
        f"front end within {result.front_end_max_relative_error:.1e}, "
        f"{result.events_differing} of {counted(result.events_compared, 'event')} differ",
        options.json,
    )
    parity.require(result)


def _recordings(
    root: Path, sample_rate_hz: int, most: int | None, channel: int
) -> dict[str, NDArray[np.int16]]:
    """Return the usable recordings below ``root`` by path. Name the others on standard error.

    Raises:
        InputError: there is no folder, or nothing usable in it.
    """
    if not root.is_dir():
        raise InputError("is not a folder", where=root, expected="a folder of recordings")
    files = scan_audio_files(root)
    for file in files:
        if file.problem:
            print_warning(f"left out {file.path}: {file.problem}")
    names = [file.path for file in files if not file.problem]
    if most is not None and most < len(names):
        names = [names[len(names) * position // most] for position in range(most)]
    decoded: dict[str, NDArray[np.int16]] = {}
    with track("decode") as report:
        for done, name in enumerate(names, start=1):
            pcm = decode_recording(root / name, sample_rate_hz=sample_rate_hz, channel=channel)
            if isinstance(pcm, Unusable):
                print_warning(f"left out {name}: {pcm.reason}")
            else:
                decoded[name] = pcm
            report(done, len(names))
    if not decoded:
        raise InputError(
            f"none of {counted(len(files), 'recording')} can be used",
            where=root,
            expected="wav, flac, ogg or mp3 files",
        )
    return decoded
