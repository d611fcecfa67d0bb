"""The commands, and the parser of each one's options."""

from __future__ import annotations

import argparse
import importlib
import re
from typing import NoReturn

from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import printable

COMMANDS = {
    "board": "listen to a board: its self-test, then its answers against the reference",
    "check": "read all that was published and say what is damaged; or verify a bundle",
    "codegen": "generate C from a .tflite",
    "completion": "print the script that lets a shell complete commands, options and variants",
    "convert": "quantize a checkpoint and verify the result",
    "doctor": "say why an int8 model misses its gate, and what to do about it",
    "deploy": "build, flash and question a board in one go",
    "emulate": "run a .tflite as firmware on an emulated Cortex-M55 and compare it with the references",
    "evaluate": "score a model on a folder of labelled recordings",
    "flash": "write a release into a board's flash, or print how",
    "frontend": "show every stage of the front end for a recording",
    "image": "pack a firmware binary with its boot header",
    "layers": "say where int8 hurts, tensor by tensor",
    "lint": "find what is known to go wrong with a .tflite on the STM32N6's NPU",
    "npu": "compile a .tflite for the NPU with ST's tool and check the result",
    "profile": "count the instructions of every operator of a .tflite on an emulated Cortex-M55",
    "train": "train a model on a folder of labelled recordings",
    "why": "say why a stage of the pipeline would run",
}
_LONGEST_MESSAGE = 500  # characters
EXIT_CODES = """\
exit codes:
  0  done
  1  a gate was missed or a comparison failed
  2  bad input: a file, an option, a variant
  3  a program that this needs is missing or failed
"""


class Parser(argparse.ArgumentParser):
    """Shows of a wrong option's value what fits into a line."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message, with the option that may have been meant, and end with 2."""
        unknown = re.search(r"^unrecognized arguments: (--[^\s=]+)", message)
        meant = did_you_mean(unknown[1], self._option_string_actions) if unknown else ""
        message += f"; {meant}" if meant else ""
        super().error(printable(message, longest=_LONGEST_MESSAGE, keep="\n"))


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command's options."""
    command = importlib.import_module(f"birdnet_stm32.commands.{name}")
    own = Parser(
        prog=f"birdnet-stm32 {name}",
        description=command.__doc__,
        epilog=f"example:\n  {command.EXAMPLE}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(own)
    own.add_argument(
        "--overwrite", action="store_true", help="replace files too that this command did not make"
    )
    own.set_defaults(command=name)
    return own
