"""Finds and reads the boards, each one folder of ``firmware_templates/boards/``.

A board folder holds, flat:

``board.toml``
    What :class:`~birdnet_stm32.boards.description.Board` documents, without the name.
``linker.ld`` or ``linker.ld.j2``
    Has to place the sections ``.birdnet_buffers*`` (the arena and the front end's buffers: not loaded, not
    zeroed), and to keep every output section inside a region of ``board.toml``.
``*.c *.h *.S``, plain or ``.j2``
    Startup, vector table, ``main``, ``console_write`` of ``app/console.h`` and whatever touches registers.
    All of them are compiled.
``board.cmake``, plain or ``.j2``, where there is more to build
    Included by the project's CMakeLists.txt after the target ``firmware``.
``usage.md.j2``
    How to run or flash the program, for the project's README, unless ``board.toml`` says it.
``npu/``, where the board has an NPU
    The same for the application whose network the NPU computes. Its files add to those above, and replace
    those of the same name; ``*.j2`` get ``npu``
    (:class:`~birdnet_stm32.firmware.npu_network.NpuNetwork`) too.

What boards share lies in folders of ``firmware_templates/board_parts/``, which ``parts`` names. A board has
the files of its parts, and its own files replace those of the same name. The ``part.toml`` of a part gives
keys of ``[program]``, and the board's own keys replace those.

``*.j2`` is rendered with ``board`` (:class:`~birdnet_stm32.boards.description.Board`), ``program``
(:class:`~birdnet_stm32.boards.description.Program`), ``memory`` (region by name) and ``settings``
(:class:`~birdnet_stm32.firmware.render.FirmwareSettings`); everything but descriptions and ``usage.md`` lands
in ``src/board/`` without the suffix.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from birdnet_stm32.boards.description import SPELLINGS, Board, Program
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.toml_file import read_toml
from birdnet_stm32.files.value_errors import first_problem
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.spelling import did_you_mean

BOARD_FILE = "board.toml"
PART_FILE = "part.toml"
USAGE = "usage.md.j2"
PROGRAM = "program"

_BOARDS = "boards"
_PARTS = "board_parts"
_BOARD = TypeAdapter(Board)
_PROGRAM = TypeAdapter(Program)

# A part of a board's description that may be missing.
Capability = Literal["emulator", "console", "flash", "npu"]
_IN_WORDS: dict[Capability, str] = {
    "emulator": "an emulator",
    "console": "a console",
    "flash": "a flash to boot from",
    "npu": "an NPU",
}

T = TypeVar("T")


def names() -> tuple[str, ...]:
    """Return the names of all boards, sorted."""
    return tuple(
        sorted(path.parent.name for path in (firmware_templates() / _BOARDS).glob(f"*/{BOARD_FILE}"))
    )


def find(name: str) -> Board:
    """Return the board ``name``.

    Raises:
        InputError: there is no such board, or its description is wrong.
    """
    known = names()
    if name not in known:
        raise InputError(
            f"there is no board {name!r}",
            where=firmware_templates() / _BOARDS,
            expected="one of " + ", ".join(known),
            remedy=did_you_mean(name, known) or (),
        )
    return _read_once(description_of(name))


@cache
def _read_once(path: Path) -> Board:
    """Return the board; a program asks for its boards many times, and their files stay the same."""
    return read(path)


def default_names() -> tuple[str, ...]:
    """Return the boards of a variant that does not list any: those that say ``default = true``.

    A description that cannot be read counts as one, so that whoever builds with it is told what is wrong.
    """
    return tuple(name for name in names() if _is_default(description_of(name)))


@cache
def _is_default(path: Path) -> bool:
    try:
        return read_toml(path)[0].get("default") is True
    except InputError:
        return True


def description_of(name: str) -> Path:
    """Return the file that describes a board; it need not exist."""
    return firmware_templates() / _BOARDS / name / BOARD_FILE


def having(capability: Capability, listed: Iterable[str]) -> tuple[Board, ...]:
    """Return those of the named boards that have a capability, in their order. Raises: InputError."""
    return tuple(board for board in map(find, listed) if getattr(board, capability) is not None)


def select(capability: Capability, name: str | None = None) -> Board:
    """Return the named board, or the first default board that has a capability.

    Raises:
        InputError: there is no such board, or it does not have the capability. Without a name: no default
            board has the capability.
    """
    if name is not None:
        board = find(name)
        require(getattr(board, capability), board, capability)
        return board
    return first(capability, default_names())


def first(capability: Capability, listed: Iterable[str]) -> Board:
    """Return the first of the named boards that has a capability.

    Raises:
        InputError: none of them has it, or one does not exist.
    """
    named = tuple(listed)
    found = having(capability, named)
    if not found:
        raise InputError(
            f"none of the boards {', '.join(named)} has {_IN_WORDS[capability]}",
            expected=_those_with(capability),
        )
    return found[0]


def template_folders(board: Board, *, npu: bool = False) -> tuple[str, ...]:
    """Return the folders whose files make a program of the board, as paths below ``firmware_templates``.

    Files of a later folder replace those of the same name in an earlier one.

    Args:
        board: the board.
        npu: of the program whose network the NPU computes.

    Raises:
        InputError: the board has no NPU.
    """
    own = (*(f"{_PARTS}/{part}" for part in board.parts), f"{_BOARDS}/{board.name}")
    if not npu:
        return own
    parts = require(board.npu, board, "npu").parts
    return (*own, *(f"{_PARTS}/{part}" for part in parts), f"{_BOARDS}/{board.name}/npu")


def require(value: T | None, board: Board, capability: Capability) -> T:
    """Return the capability of a board.

    Args:
        value: the board's field of that name.
        board: the board.
        capability: the field's name.

    Raises:
        InputError: the board does not have it.
    """
    if value is None:
        raise InputError(
            f"the board {board.name!r} has no {_IN_WORDS[capability].split(' ', 1)[1]}",
            expected=_those_with(capability),
        )
    return value


def _those_with(capability: Capability) -> str | None:
    found = [board.name for board in having(capability, names())]
    return "one of " + ", ".join(found) if found else None


def read(path: Path) -> Board:
    """Read the ``board.toml`` of a board's folder, with the parts that it names.

    Raises:
        InputError: a key is missing, unknown or out of range, or two regions overlap.
    """
    fields, _ = read_toml(path)
    fields = {**fields, "name": path.parent.name}
    parts = _names_in(fields.get("parts"))
    fields[PROGRAM] = _with_parts(fields.get(PROGRAM, {}), parts)
    npu = fields.get("npu")
    if isinstance(npu, dict):
        shared = (*parts, *_names_in(npu.get("parts")))
        fields["npu"] = {**npu, PROGRAM: _with_parts(npu.get(PROGRAM, {}), shared)}
    board = _validated(_BOARD, fields, path)
    for program in (board.program, *((board.npu.program,) if board.npu else ())):
        _check_memory(program, path)
    return board


def read_program(path: Path) -> Program:
    """Read the ``board.toml`` of a rendered project: how the program is compiled and linked.

    Raises:
        InputError: a key is missing, unknown or out of range, or two regions overlap.
    """
    program = _validated(_PROGRAM, read_toml(path)[0], path)
    _check_memory(program, path)
    return program


def _names_in(value: Any) -> Sequence[str]:
    """Return the texts of a list; what is none is left to the validation."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _with_parts(own: Any, parts: Iterable[str]) -> Any:
    """Return a table ``[program]`` with the keys that parts give."""
    shared: dict[str, Any] = {}
    for part in parts:
        folder = firmware_templates() / _PARTS / part
        if not folder.is_dir():
            raise InputError(
                f"there is no part {part!r}",
                where=folder.parent,
                expected="one of " + ", ".join(sorted(path.name for path in folder.parent.iterdir())),
            )
        if (folder / PART_FILE).is_file():
            shared |= read_toml(folder / PART_FILE)[0]
    return shared | own if isinstance(own, dict) else own


def _validated(adapter: TypeAdapter[T], fields: dict[str, Any], path: Path) -> T:
    try:
        # Through JSON, because strict validation takes a dataclass's fields only from there.
        return adapter.validate_json(json.dumps(fields))
    except ValidationError as error:
        problem = first_problem(error, SPELLINGS)
        raise InputError(
            f"{problem.key} is {problem.value}", where=path, expected=problem.expected
        ) from error


def _check_memory(program: Program, path: Path) -> None:
    ordered = sorted(program.memory, key=lambda region: region.origin)
    for low, high in itertools.pairwise(ordered):
        if low.end > high.origin:
            raise InputError(f"memory {low.name} reaches into {high.name}", where=path)
    for content, name in program.placement.items():
        if name not in program.regions:
            raise InputError(
                f"placement.{content} is {name!r}",
                where=path,
                expected="one of " + ", ".join(program.regions),
            )
