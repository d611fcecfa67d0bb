"""What a release writes into the flash, as the file ``flash.json`` beside the parts says it.

Application, weights and runtime are made for each other: the application of one release with the weights of
another runs, reports nothing and computes nonsense. So a plan names every part's digest, and is checked whole
before anything is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from birdnet_stm32.boards.description import Flash
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_text
from birdnet_stm32.files.json_file import read_json_object
from birdnet_stm32.files.value_errors import first_problem
from birdnet_stm32.firmware.flash_layout import FlashSlot, flash_files, flash_map
from birdnet_stm32.firmware.image import parse
from birdnet_stm32.firmware.intel_hex import read_intel_hex

# A loader without its application starts nothing; an application must not start before its weights and its
# head are there.
WRITING_ORDER = ("fsbl", "weights", "head", "application")
_STRICT = ConfigDict(extra="forbid", strict=True)
_DIGEST = r"^[0-9a-f]{64}$"


@dataclass(frozen=True, kw_only=True)
class FlashPart:
    """One part: a file of Intel HEX and what it holds.

    Args:
        name: of its slot, ``application``, ``head`` or ``weights``.
        file: its name beside the plan.
        address: of its first byte.
        size_bytes: of what is written.
        sha256: of what is written.
    """

    __pydantic_config__ = _STRICT

    name: Annotated[str, Field(max_length=100)]
    file: Annotated[str, Field(min_length=1, max_length=200)]
    address: Annotated[int, Field(ge=0, lt=2**32)]
    size_bytes: Annotated[int, Field(ge=0, lt=2**32)]
    sha256: Annotated[str, Field(pattern=_DIGEST)]


@dataclass(frozen=True, kw_only=True)
class FlashPlan:
    """All parts of one release, and what the firmware says of itself when it runs.

    Args:
        title: the firmware's title.
        version: its version.
        model: digest of the generated C in it.
        parts: in the order they are written.
    """

    FILE: ClassVar[str] = "flash.json"
    VERSION: ClassVar[int] = 1
    __pydantic_config__ = _STRICT

    title: str
    version: str
    model: str
    parts: Annotated[tuple[FlashPart, ...], Field(min_length=1, max_length=len(WRITING_ORDER))]


_FLASH_PLAN = TypeAdapter(FlashPlan)


def release_files(
    contents: Mapping[str, bytes], slots: Mapping[str, FlashSlot], *, title: str, version: str, model: str
) -> dict[str, bytes]:
    """Return the parts of a release as Intel HEX and their plan, by file name.

    Args:
        contents: bytes by the name of the slot.
        slots: from :func:`birdnet_stm32.firmware.flash_layout.flash_map`.
        title: the firmware's title.
        version: its version.
        model: digest of the generated C in it.

    Raises:
        InputError: a part does not fit its slot, or is no image of its kind.
    """
    addresses = {name: slot.address for name, slot in slots.items()}
    plan = make_plan(contents, addresses, title=title, version=version, model=model)
    files = {f"{name}.hex": text.encode("ascii") for name, text in flash_files(contents, slots).items()}
    return {**files, FlashPlan.FILE: document_text(plan).encode()}


def make_plan(
    contents: Mapping[str, bytes], addresses: Mapping[str, int], *, title: str, version: str, model: str
) -> FlashPlan:
    """Describe the parts of a release.

    Args:
        contents: bytes by the name of the slot.
        addresses: of the slots.
        title: the firmware's title.
        version: its version.
        model: digest of the generated C in it.
    """
    parts = tuple(
        FlashPart(
            name=name,
            file=f"{name}.hex",
            address=addresses[name],
            size_bytes=len(contents[name]),
            sha256=hashlib.sha256(contents[name]).hexdigest(),
        )
        for name in WRITING_ORDER
        if name in contents
    )
    return FlashPlan(title=title, version=version, model=model, parts=parts)


def read_plan(folder: Path, flash: Flash) -> FlashPlan:
    """Read and check the plan of a release and every file that it names.

    Args:
        folder: with the plan and the files.
        flash: of the board that the release is for.

    Raises:
        InputError: there is none, it is malformed, or a part is not what the plan says: another release's,
            edited, cut off, at another address.
    """
    path = folder / FlashPlan.FILE
    try:
        # Through JSON, because strict validation takes a dataclass's fields only from there.
        plan = _FLASH_PLAN.validate_json(json.dumps(read_json_object(path)))
    except ValidationError as error:
        problem = first_problem(error, {_DIGEST: "a SHA-256, 64 hexadecimal digits"})
        raise InputError(
            f"is no flash plan: {problem.key or 'it'} is "
            + {"missing": "missing", "extra_forbidden": "not known"}.get(problem.kind, problem.value),
            where=path,
            expected=problem.expected or "what the stage image publishes",
        ) from error
    addresses = {part.name: part.address for part in plan.parts}
    slots = flash_map(flash, addresses.get("weights"), has_head="head" in addresses)
    for part in plan.parts:
        slot = slots.get(part.name)
        if slot is None or part.address != slot.address or Path(part.file).name != part.file:
            raise InputError(
                f"the part {part.name!r} in {part.file!r} for 0x{part.address:08X} is in no slot",
                where=path,
                expected=", ".join(f"{name} at 0x{one.address:08X}" for name, one in slots.items()),
            )
        _check(part, folder / part.file, slot.length_bytes)
    return plan


def _check(part: FlashPart, path: Path, slot_bytes: int) -> None:
    pieces = read_intel_hex(path)
    found = [(address, hashlib.sha256(data).hexdigest()) for address, data in pieces]
    if found != [(part.address, part.sha256)]:
        raise InputError(
            "holds something else than the release's plan says",
            where=path,
            expected=f"{part.size_bytes:,} bytes at 0x{part.address:08X} with the SHA-256 {part.sha256}",
            remedy="write parts of one release only: build the image again, or unpack the bundle again",
        )
    data = pieces[0][1]
    if len(data) > slot_bytes:
        raise InputError(
            f"{part.name} has {len(data):,} bytes and would reach into the next part of the flash",
            where=path,
            expected=f"at most {slot_bytes:,} bytes",
        )
    if part.name == "application":
        parse(data, where=str(path))
