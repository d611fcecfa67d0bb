"""The scripts of ``birdnet-stm32 completion``: the options of every parser, rendered for a shell."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path

import jinja2

from birdnet_stm32.commands.shared.command_parsers import COMMANDS, parser_of

SHELLS = ("bash", "zsh", "fish")
_TEMPLATES = Path(__file__).with_name("shell_completion")


@dataclass(frozen=True, kw_only=True)
class Value:
    """The value that an option or a command takes.

    Args:
        words: the values that are allowed; empty where there are too many to list.
        is_file: whether it is a file or folder.
        is_variant: whether it may be the name of a variant.
    """

    words: tuple[str, ...] = ()
    is_file: bool = False
    is_variant: bool = False


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option: its names, its description, and the value that it takes, or None."""

    names: tuple[str, ...]
    what: str
    value: Value | None


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: its name, its description, its options, and the value that it takes besides them."""

    name: str
    what: str
    options: tuple[Option, ...]
    value: Value


def describe(name: str) -> Command:
    """Return a command with the options of its parser."""
    parser = parser_of(name)
    options, positional = [], Value()
    for action in parser._actions:
        if action.option_strings:
            options.append(_option(action, parser))
        else:
            positional = _value(action)
    return Command(name=name, what=COMMANDS[name], options=tuple(options), value=positional)


def _option(action: argparse.Action, parser: argparse.ArgumentParser) -> Option:
    what = parser._get_formatter()._expand_help(action) if action.help else ""
    value = None if action.nargs == 0 else _value(action)
    return Option(names=tuple(action.option_strings), what=" ".join(what.split()), value=value)


def _value(action: argparse.Action) -> Value:
    shown = str(action.metavar or "")
    return Value(
        words=tuple(map(str, action.choices or ())),
        is_file=action.type is Path or any(word in shown for word in ("FILE", "DIR", "AUDIO", "MODEL")),
        is_variant="VARIANT" in shown,
    )


def script(shell: str) -> str:
    """Return the completion script for a shell.

    Args:
        shell: one of ``SHELLS``.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - a shell's script, not HTML: every text passes a filter for quotes
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(quoted=shlex.quote, fish_quoted=_fish_quoted, zsh_text=_zsh_text)
    return environment.get_template(f"{shell}.j2").render(commands=[describe(name) for name in COMMANDS])


def _fish_quoted(text: str) -> str:
    """Return a text in quotes for fish, which has its own rule for quotes within them."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _zsh_text(text: str) -> str:
    """Return a text with a backslash before every character that ``_arguments`` of zsh would obey."""
    return "".join(f"\\{character}" if character in "\\:[]" else character for character in text)
