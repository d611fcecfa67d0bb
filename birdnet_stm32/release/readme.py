"""Write the README.txt of a bundle: contents, how to check and flash it, gates, and what is not proven."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from birdnet_stm32.boards.description import Board
from birdnet_stm32.gates import Gate

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class FlashFile:
    """A file to be written to a board's flash.

    Args:
        path: name of the file in the bundle. The file is Intel HEX, which holds its own address.
        address: address in the flash.
        what: content of the file.
    """

    path: str
    address: int
    what: str


def readme_text(
    *,
    title: str,
    version: str,
    board: Board | None = None,
    flash_files: Sequence[FlashFile] = (),
    accuracy: Sequence[str] = (),
    contents: Sequence[tuple[str, str]] = (),
    rule: str = "",
    gates: Sequence[Gate] = (),
    learned: Sequence[str] = (),
    proven: Sequence[str] = (),
    unproven: Sequence[str] = (),
) -> str:
    """Return README.txt.

    Args:
        title: title of the variant.
        version: version of the variant.
        board: the board that is flashed; None for a release without such a board.
        flash_files: the files that are written to the flash of the board.
        accuracy: how well the model hears, a sentence each, the most important first.
        contents: folders and files of the bundle, with their content.
        rule: how windows become events, such as ``2 of 3 windows within 3.75 s``.
        gates: every gate of the release.
        learned: what the model learned from besides its recordings, a sentence each.
        proven: what was shown, a sentence each.
        unproven: what was not shown, a sentence each.
    """
    return (
        _environment()
        .get_template("README.txt.j2")
        .render(
            title=_flat(title),
            version=_flat(version),
            board=board,
            flash_files=sorted(flash_files, key=lambda file: file.address),
            accuracy=[_flat(sentence) for sentence in accuracy],
            contents=[(name, _flat(what)) for name, what in contents],
            rule=_flat(rule),
            gates=[_flat(gate.sentence) for gate in gates],
            learned=[_flat(sentence) for sentence in learned],
            proven=[_flat(sentence) for sentence in proven],
            unproven=[_flat(sentence) for sentence in unproven],
        )
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _item(text: str) -> str:
    return textwrap.fill(text, width=104, initial_indent="- ", subsequent_indent="  ", break_long_words=False)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["item"] = _item
    return environment
