"""Where each part of a release lies in the flash of a board with an STM32N6.

The chip has no internal flash. The boot ROM loads the first-stage loader from the start of the octo-SPI NOR;
that loader copies the application into RAM without looking at its size; weights of a network compiled for the
NPU stay in the flash. A part that reaches into the next one corrupts it without any message, so sizes are
checked before anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from birdnet_stm32.boards.description import Flash
from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware.image import ImageKind, parse
from birdnet_stm32.firmware.intel_hex import intel_hex


@dataclass(frozen=True, kw_only=True)
class FlashSlot:
    """A part of the flash that is programmed at once.

    Args:
        name: ``fsbl``, ``application``, ``head`` or ``weights``.
        address: its first byte, as the CPU sees it.
        length_bytes: up to the next slot.
    """

    name: str
    address: int
    length_bytes: int


def flash_map(
    flash: Flash, weights_address: int | None = None, *, has_head: bool = False
) -> dict[str, FlashSlot]:
    """Return the slots by name, in order of address; they do not overlap and fill the flash.

    Args:
        flash: of the board.
        weights_address: where the network's weights were compiled to lie; None for the board's usual place.
            Weights inside the application, as the portable backend has them, leave that slot empty.
        has_head: whether the release has a head of its own.

    Raises:
        InputError: that address is not after the application's, not in the flash, or not on a sector.
    """
    weights = flash.weights_address if weights_address is None else weights_address
    application = flash.application_address
    if not application < weights < flash.end or weights % flash.sector_bytes:
        raise InputError(
            f"the weights' address is 0x{weights:08X}",
            expected=f"a multiple of 0x{flash.sector_bytes:X} above 0x{application:08X} "
            f"and below 0x{flash.end:08X}",
            remedy=f"compile the network for 0x{flash.weights_address:08X}",
        )
    starts = {"fsbl": flash.address, "application": application}
    if has_head:
        starts["head"] = flash.head_place.address
    starts["weights"] = weights
    ends = [*list(starts.values())[1:], flash.end]
    return {
        name: FlashSlot(name=name, address=start, length_bytes=stop - start)
        for (name, start), stop in zip(starts.items(), ends, strict=True)
    }


def flash_files(contents: Mapping[str, bytes], slots: Mapping[str, FlashSlot]) -> dict[str, str]:
    """Return each part as Intel HEX at its slot's address, after checking that all of them fit.

    Args:
        contents: bytes by the name of the slot; ``fsbl`` and ``application`` with their boot header.
        slots: from :func:`flash_map`.

    Raises:
        InputError: there is no such slot, a part is empty or would reach into the next slot, or a program
            has no valid header of its kind.
    """
    for name, data in contents.items():
        if name not in slots:
            raise InputError(f"there is no flash slot {name!r}", expected="one of " + ", ".join(slots))
        slot = slots[name]
        if not 0 < len(data) <= slot.length_bytes:
            raise InputError(
                f"{name} is {len(data)} bytes long",
                expected=f"1 to {slot.length_bytes} bytes, from 0x{slot.address:08X}",
                remedy="a smaller model, or weights compiled for a higher address",
            )
        if name in tuple(ImageKind):
            kind = parse(data, where=name).kind
            if kind is not ImageKind(name):
                raise InputError(f"is an image of the kind {kind}", where=name, expected=name)
    return {name: intel_hex(data, slots[name].address) for name, data in contents.items()}
