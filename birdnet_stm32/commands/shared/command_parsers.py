"""The list of commands, and the parser for the options of each."""

from __future__ import annotations

import argparse
import importlib
import re
from typing import NoReturn

from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import printable

COMMANDS = {
    "board": "compare a board with the reference: its self-test, then its answers",
    "check": "read all files that were published and name the damaged ones, or verify a bundle",
    "codegen": "generate C from a .tflite",
    "completion": "print the script that lets a shell complete commands, options and variants",
    "convert": "quantize a checkpoint and verify the result",
    "detect": "hear recordings and write which species were heard when, as tables of many formats",
    "doctor": "find out why an int8 model misses its gate, and what helps",
    "deploy": "build a release, flash a board and compare it, with one command",
    "emulate": "run a .tflite as firmware on an emulated board and compare it with the references",
    "evaluate": "score a model on a folder of labelled recordings",
    "flash": "write a release into the flash of a board, or print the commands",
    "frontend": "show every step of the front end for a recording",
    "head": "build, check or show an update of the classes of a firmware: a few kB instead of all of it",
    "image": "put the boot header before a firmware binary",
    "layers": "measure for every tensor how much int8 costs",
    "lint": "find what is known to go wrong with a .tflite on the NPU of the STM32N6",
    "npu": "compile a .tflite for the NPU with ST's tool and check the result",
    "profile": "count the instructions of every operator of a .tflite on an emulated board",
    "sizes": "say what the networks of variants cost, before anything is trained",
    "soundscape": "mix recordings into backgrounds, with a table of the calls",
    "species": "add a species to a trained model, or take one away",
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
    """A parser whose messages shorten the values of wrong options."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message, with the option that may have been meant, and end with 2."""
        unknown = re.search(r"^unrecognized arguments: (--[^\s=]+)", message)
        meant = did_you_mean(unknown[1], self._option_string_actions) if unknown else ""
        message += f"; {meant}" if meant else ""
        super().error(printable(message, longest=_LONGEST_MESSAGE, keep="\n"))


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser for the options of one command."""
    command = importlib.import_module(f"birdnet_stm32.commands.{name}")
    own = Parser(
        prog=f"birdnet-stm32 {name}",
        description=command.__doc__,
        epilog=f"example:\n  {command.EXAMPLE}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(own)
    own.add_argument(
        "--overwrite", action="store_true", help="also replace files that this command did not write"
    )
    own.set_defaults(command=name)
    return own
