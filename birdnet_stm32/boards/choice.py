"""What a variant may say about boards: their names, and what has to fit them.

Everything here raises ``ValueError``, which becomes a message with the line of the variant file.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import GetPydanticSchema
from pydantic_core import core_schema

from birdnet_stm32.boards import folders

# One of the folders that are there: a literal, so that the JSON schema lists the values.
BoardName = Annotated[
    str, GetPydanticSchema(lambda _source, _handler: core_schema.literal_schema(list(folders.names())))
]


def check_boards(listed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the boards of a release. Raises: ValueError where one is named twice, or two are flashed."""
    flashed = [board.name for board in folders.having("flash", listed)]
    if len(set(listed)) < len(listed):
        raise ValueError("names a board twice")
    if len(flashed) > 1:
        raise ValueError(f"names {' and '.join(flashed)}: a release is flashed to one kind of board")
    return listed


def check_weights_address(address: int | None) -> int | None:
    """Return where weights lie, or None. Raises: ValueError where no board's flash has room for them."""
    boards = folders.having("flash", folders.names())
    flashes = [board.flash for board in boards if board.flash is not None]
    if address is not None and not any(address in flash.weights_places for flash in flashes):
        places = sorted({flash.weights_places_in_words for flash in flashes})
        raise ValueError(f"should be {' or '.join(places)}")
    return address


def check_external_memory(listed: tuple[str, ...], *, weights_address: int | None, hyperram: bool) -> None:
    """Refuse a use of external memories that the flashed board does not allow.

    Args:
        listed: the boards of a release.
        weights_address: where the weights lie; None for the board's usual place.
        hyperram: whether activations may spill into the external RAM.

    Raises:
        ValueError: the flash has no room for weights there, or there is no external RAM.
    """
    for board in folders.having("flash", listed):
        flash = folders.require(board.flash, board, "flash")
        if weights_address is not None and weights_address not in flash.weights_places:
            places = flash.weights_places_in_words
            raise ValueError(f"[npu] weights_address should be {places} for the board {board.name}")
        if hyperram and (board.npu is None or not board.npu.external_ram_bytes):
            raise ValueError(f"[npu] hyperram needs an external RAM, and the board {board.name} has none")
