"""Print messages for people, with all characters made safe for a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from birdnet_stm32.terminal_text import printable


def print_warning(text: str) -> None:
    """Print a warning on standard error."""
    print(printable(text, keep="\n\t"), file=sys.stderr)


def print_message(text: str, json: Path | None = None) -> None:
    """Print a message on standard output.

    Args:
        text: one or more lines.
        json: the option ``--json``. If it is ``-``, standard output is for JSON, and the message goes to
            standard error.
    """
    shown = printable(text, keep="\n\t")  # the names in it may come from anybody
    print(shown, file=sys.stderr if str(json) == "-" else sys.stdout)
