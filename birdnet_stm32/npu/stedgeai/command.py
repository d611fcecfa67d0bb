"""The command lines of ``stedgeai``: the command first, every path absolute, nothing left to its defaults.

The network's name stays ``network``: ST's validation firmware knows no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NAME = "network"
BAUD = 921_600  # validate's own default of 115200 is not what ST's firmware for the board speaks
SERIAL = f"serial:{BAUD}"

IoType = Literal["float32", "int8", "uint8"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is compiled, and how.

    Args:
        model: the .tflite.
        output: folder for the generated files.
        workspace: folder for the compiler's own files.
        profile: ``name@file`` of the compiler's options; None for the tool's built-in default.
        input_type: element type of the inputs; None as the model has it.
        output_type: likewise of the outputs.
    """

    model: Path
    output: Path
    workspace: Path
    profile: str | None
    input_type: IoType | None = None
    output_type: IoType | None = None


def analyze(request: Request) -> list[str]:
    """Return the arguments that compile for the report alone."""
    return ["analyze", *_common(request)]


def generate(request: Request) -> list[str]:
    """Return the arguments that compile and write C."""
    return ["generate", *_common(request)]


def validate(
    request: Request, *, mode: Literal["host", "target"], inputs: Path, descriptor: str = SERIAL
) -> list[str]:
    """Return the arguments that compare the compiled network with the model.

    The types of inputs and outputs are those of ``request``, as they were at ``generate``.

    Args:
        request: what was compiled.
        mode: on this machine, or on a board that runs ST's validation firmware.
        inputs: .npz, .npy or .csv to feed, as the tool's own are random numbers.
        descriptor: how the board is reached, ``serial[:PORT]:BAUD``.
    """
    arguments = ["validate", *_common(request), "--mode", mode, "--valinput", str(inputs)]
    return [*arguments, "--desc", descriptor] if mode == "target" else arguments


def _common(request: Request) -> list[str]:
    profile = [] if request.profile is None else [request.profile]
    arguments = ["--model", str(request.model), "--type", "tflite", "--target", "stm32n6"]
    arguments += ["--st-neural-art", *profile, "--name", NAME]
    arguments += ["--output", str(request.output), "--workspace", str(request.workspace)]
    arguments += ["--verbosity", "1", "--quiet"]
    for option, kind in (
        ("--input-data-type", request.input_type),
        ("--output-data-type", request.output_type),
    ):
        arguments += [option, kind] if kind is not None else []
    return arguments
