"""Make the command lines of ``stedgeai``: the command first, all paths absolute, all options given.

The name of the network is always ``network``, because ST's validation firmware requires it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NAME = "network"
BAUD = 921_600  # ST's firmware for the board uses this rate; the default of validate is 115200
SERIAL = f"serial:{BAUD}"

IoType = Literal["float32", "int8", "uint8"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to compile a model.

    Args:
        model: path of the .tflite.
        output: folder for the generated files.
        workspace: folder for the files of the compiler.
        profile: ``name@file`` of the compiler's options; None for the default of the tool.
        input_type: element type of the inputs; None for the type in the model.
        output_type: element type of the outputs; None for the type in the model.
    """

    model: Path
    output: Path
    workspace: Path
    profile: str | None
    input_type: IoType | None = None
    output_type: IoType | None = None


def analyze(request: Request) -> list[str]:
    """Return the arguments to compile for the report only."""
    return ["analyze", *_common(request)]


def generate(request: Request) -> list[str]:
    """Return the arguments to compile and write C."""
    return ["generate", *_common(request)]


def validate(
    request: Request, *, mode: Literal["host", "target"], inputs: Path, descriptor: str = SERIAL
) -> list[str]:
    """Return the arguments to compare the compiled network with the model.

    The types of inputs and outputs are those of ``request``, and must be the same as for ``generate``.

    Args:
        request: the request that was compiled.
        mode: ``host`` for this machine, ``target`` for a board with ST's validation firmware.
        inputs: .npz, .npy or .csv file with the inputs. The default of the tool is random numbers.
        descriptor: connection to the board, ``serial[:PORT]:BAUD``.
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
