"""The program ``birdnet-stm32``: single steps on single files, for those who do not need the pipeline."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from birdnet_stm32.config.text_types import names_a_file
from birdnet_stm32.errors import BirdnetError, InputError
from birdnet_stm32.files.regular_file import refused_by_the_system
from birdnet_stm32.native_output import diverted
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import printable

COMMANDS = {
    "board": "listen to a board: its self-test, then its answers against the reference",
    "check": "read all that was published and say what is damaged; or verify a bundle",
    "codegen": "generate C from a .tflite",
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


class _Parser(argparse.ArgumentParser):
    """Shows of a wrong option's value what fits into a line."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message, with the option that may have been meant, and end with 2."""
        unknown = re.search(r"^unrecognized arguments: (--[^\s=]+)", message)
        meant = did_you_mean(unknown[1], self._option_string_actions) if unknown else ""
        message += f"; {meant}" if meant else ""
        super().error(printable(message, longest=_LONGEST_MESSAGE, keep="\n"))


def _command(name: str) -> str:
    """Return the name of a command. Raises: ArgumentTypeError where there is none of that name."""
    if name in COMMANDS:
        return name
    meant = did_you_mean(name, COMMANDS)
    shown = printable(name, longest=60)
    raise argparse.ArgumentTypeError(f"there is no command {shown!r}" + (f"; {meant}" if meant else ""))


class _ShowVersions(argparse.Action):
    """Prints what is installed, and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print the versions and end with 0."""
        versions = importlib.import_module("birdnet_stm32.commands.shared.installed_versions")
        print("\n".join(versions.version_lines()))
        parser.exit()


def _check_paths(options: argparse.Namespace) -> None:
    """Refuse a path that no system takes, before a command meets it somewhere. Raises: InputError."""
    for value in vars(options).values():
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, Path):
                try:
                    names_a_file(str(path))
                except ValueError as error:
                    given = printable(path, longest=60)
                    raise InputError(f"the path {given!r} {error}") from error


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command's options."""
    command = importlib.import_module(f"birdnet_stm32.commands.{name}")
    own = _Parser(
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    listed = "\n".join(f"  {name:<10} {what}" for name, what in COMMANDS.items())
    parser = _Parser(
        prog="birdnet-stm32",
        usage="birdnet-stm32 [--version] COMMAND ...",
        description="Single steps on single files. The whole pipeline is doit's: doit list.",
        epilog=f"commands:\n{listed}\n\nEach has --help with an example.\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version",
        action=_ShowVersions,
        nargs=0,
        help="show the versions of this package, of its libraries and of the programs that it finds",
    )
    parser.add_argument("command", type=_command, metavar="COMMAND", help=argparse.SUPPRESS)
    name = parser.parse_args(arguments[:1]).command
    own = parser_of(name)
    options = own.parse_args(arguments[1:])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal's encoding lacks
    try:
        _check_paths(options)
        with tempfile.TemporaryDirectory(prefix="birdnet-") as folder, diverted(Path(folder) / "native.log"):
            importlib.import_module(f"birdnet_stm32.commands.{name}").run(options)
            sys.stdout.flush()  # here, where a reader that has gone is noticed
    except BirdnetError as error:
        print(f"birdnet-stm32 {name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"birdnet-stm32 {name}: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; what Python still flushes at its end goes nowhere.
        _print_nowhere()
        return 141
    except OSError as error:
        refused = refused_by_the_system(error)
        if refused is None:
            raise
        if error.filename is None:  # of standard output, which Python tries once more at its end
            _print_nowhere()
        print(f"birdnet-stm32 {name}: {refused}", file=sys.stderr)
        return refused.exit_code
    return 0


def _print_nowhere() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
