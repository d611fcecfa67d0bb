"""The program ``birdnet-stm32``: single steps on single files, for users who do not need the pipeline."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from birdnet_stm32.commands.shared.command_parsers import COMMANDS, EXIT_CODES, Parser, parser_of
from birdnet_stm32.config.text_types import names_a_file
from birdnet_stm32.errors import BirdnetError, InputError
from birdnet_stm32.files.regular_file import refused_by_the_system
from birdnet_stm32.native_output import divert_native_output
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import printable


def _command(name: str) -> str:
    """Return the name of a command. Raises: ArgumentTypeError if there is no such command."""
    if name in COMMANDS:
        return name
    meant = did_you_mean(name, COMMANDS)
    shown = printable(name, longest=60)
    raise argparse.ArgumentTypeError(f"there is no command {shown!r}" + (f"; {meant}" if meant else ""))


class _ShowVersions(argparse.Action):
    """Print what is installed, and end."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print the versions and end with 0."""
        versions = importlib.import_module("birdnet_stm32.commands.shared.installed_versions")
        print("\n".join(versions.version_lines()))
        parser.exit()


def _check_paths(options: argparse.Namespace) -> None:
    """Refuse a path that no system accepts, before a command uses it. Raises: InputError."""
    for value in vars(options).values():
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, Path):
                try:
                    names_a_file(str(path))
                except ValueError as error:
                    given = printable(path, longest=60)
                    raise InputError(f"the path {given!r} {error}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    listed = "\n".join(f"  {name:<10} {what}" for name, what in COMMANDS.items())
    parser = Parser(
        prog="birdnet-stm32",
        usage="birdnet-stm32 [--version] COMMAND ...",
        description="Run single steps on single files. doit runs the whole pipeline: doit list.",
        epilog=f"commands:\n{listed}\n\nEach command has --help with an example.\n\n{EXIT_CODES}",
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
            stream.reconfigure(errors="backslashreplace")  # for characters that the terminal does not have
    try:
        _check_paths(options)
        with (
            tempfile.TemporaryDirectory(prefix="birdnet-") as folder,
            divert_native_output(Path(folder) / "native.log"),
        ):
            importlib.import_module(f"birdnet_stm32.commands.{name}").run(options)
            sys.stdout.flush()  # here, so that a reader that has ended is noticed
    except BirdnetError as error:
        print(f"birdnet-stm32 {name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stopped:
        print(f"birdnet-stm32 {name}: stopped {stopped}".rstrip(), file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has ended. Output that Python flushes at its end must go nowhere.
        _print_nowhere()
        return 141
    except OSError as error:
        refused = refused_by_the_system(error)
        if refused is None:
            raise
        if error.filename is None:  # standard output failed, and Python flushes it again at its end
            _print_nowhere()
        print(f"birdnet-stm32 {name}: {refused}", file=sys.stderr)
        return refused.exit_code
    return 0


def _print_nowhere() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
