"""Print lines for people."""

from __future__ import annotations

import sys
from pathlib import Path

from birdnet_stm32.terminal_text import printable


def print_warning(text: str) -> None:
    """Print lines for people on standard error."""
    print(printable(text, keep="\n\t"), file=sys.stderr)


def print_message(text: str, json: Path | None = None) -> None:
    """Print lines for people: on standard error where standard output is taken by ``--json -``."""
    shown = printable(text, keep="\n\t")  # the names in it are not ours
    print(shown, file=sys.stderr if str(json) == "-" else sys.stdout)
