"""The boards a project can be rendered for, each one folder of ``firmware_templates/boards/``.

A board folder holds, flat:

``board.toml``
    What :class:`Board` documents. It is copied to the root of the rendered project, where the build reads
    the memory from.
``linker.ld`` or ``linker.ld.j2``
    Has to place the sections ``.birdnet_buffers*`` (the arena and the front end's buffers: not loaded, not
    zeroed), and to keep every output section inside a region of ``board.toml``.
``*.c *.h *.S``, plain or ``.j2``
    Startup, vector table, ``main``, ``console_write`` of ``app/console.h`` and whatever touches registers.
    All of them are compiled.
``board.cmake``, plain or ``.j2``, where there is more to build
    Included by the project's CMakeLists.txt after the target ``firmware``.
``npu/``, where the board has an NPU
    The same for the application whose network the NPU computes. Its files add to those above, and replace
    those of the same name; ``*.j2`` get ``npu``
    (:class:`~birdnet_stm32.firmware.npu_network.NpuNetwork`) too.

``*.j2`` is rendered with ``board`` (:class:`Board`), ``memory`` (region by name) and ``settings``
(:class:`~birdnet_stm32.firmware.render.FirmwareSettings`); everything but ``board.toml`` lands in
``src/board/`` without the suffix.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.toml_file import read_toml
from birdnet_stm32.files.value_errors import first_problem
from birdnet_stm32.paths import firmware_templates

_STRICT = ConfigDict(extra="forbid", strict=True)
_WORD = r"^[A-Za-z][A-Za-z0-9_]*$"
_FLAG = r"^-[-A-Za-z0-9_=.,+]+$"
_MACRO = r"^[A-Z][A-Z0-9_]*(=[A-Za-z0-9_.+-]+)?$"
_ACCESS = "^(rx|rw|rwx)$"
_SPELLINGS = {
    _WORD: 'a name of letters, digits and _, such as "flash"',
    _FLAG: 'one flag of the compiler, such as "-mcpu=cortex-m55"',
    _MACRO: 'a macro, "NAME" or "NAME=VALUE"',
    _ACCESS: '"rx", "rw" or "rwx"',
}
_Word = Annotated[str, Field(pattern=_WORD)]
_Flag = Annotated[str, Field(pattern=_FLAG)]
_Macro = Annotated[str, Field(pattern=_MACRO)]


@dataclass(frozen=True, kw_only=True)
class Region:
    """Memory that the linker may fill.

    Args:
        name: the linker's name for it.
        origin: first address.
        length_bytes: size.
        access: ``rx``, ``rw`` or ``rwx``.
        holds: what goes there, for people.
    """

    __pydantic_config__ = _STRICT

    name: _Word
    origin: Annotated[int, Field(ge=0, lt=2**32)]
    length_bytes: Annotated[int, Field(gt=0, lt=2**32)]
    access: Annotated[str, Field(pattern=_ACCESS)]
    holds: str

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.origin + self.length_bytes


@dataclass(frozen=True, kw_only=True)
class Board:
    """What ``board.toml`` says.

    Args:
        title: the board's name for people.
        cpu_flags: compiler and linker flags that choose the core, e.g. ``-mcpu=cortex-m55``.
        memory: the regions, at least one.
        usage: Markdown for the project's README: how to run or flash it.
        defines: preprocessor macros, ``NAME`` or ``NAME=VALUE``.
        link_flags: more linker flags.
        artifacts: written beside the elf and its map; no ``bin`` where the regions lie far apart, as the file
            would span them.
        self_test: the board compiles ``app/self_test.c`` and needs stored windows from codegen.
    """

    __pydantic_config__ = _STRICT

    title: str
    cpu_flags: Annotated[tuple[_Flag, ...], Field(min_length=1)]
    memory: Annotated[tuple[Region, ...], Field(min_length=1)]
    usage: str
    defines: tuple[_Macro, ...] = ()
    link_flags: tuple[_Flag, ...] = ()
    artifacts: tuple[Literal["bin", "hex"], ...] = ("bin", "hex")
    self_test: bool = False

    @property
    def regions(self) -> dict[str, Region]:
        """The memory regions by name."""
        return {region.name: region for region in self.memory}


_BOARD = TypeAdapter(Board)


def folder(name: str, *, npu: bool = False) -> Path:
    """Return the template folder of the board ``name``, or its part for the NPU.

    Raises:
        InputError: there is no such board, or it has no NPU.
    """
    if name not in names():
        raise InputError(f"there is no board {name!r}", expected="one of " + ", ".join(names()))
    found = firmware_templates() / "boards" / name
    if npu and not (found / "npu").is_dir():
        raise InputError(f"the board {name!r} has no NPU")
    return found / "npu" if npu else found


def names() -> tuple[str, ...]:
    """Return the names of all boards, sorted."""
    return tuple(sorted(path.parent.name for path in (firmware_templates() / "boards").glob("*/board.toml")))


def read(path: Path) -> Board:
    """Read a ``board.toml``.

    Raises:
        InputError: a key is missing, unknown or out of range, or two regions overlap.
    """
    fields, _ = read_toml(path)
    try:
        # Through JSON, because strict validation takes a dataclass's fields only from there.
        board = _BOARD.validate_json(json.dumps(fields))
    except ValidationError as error:
        problem = first_problem(error, _SPELLINGS)
        raise InputError(
            f"{problem.key} is {problem.value}", where=path, expected=problem.expected
        ) from error
    ordered = sorted(board.memory, key=lambda region: region.origin)
    for low, high in itertools.pairwise(ordered):
        if low.end > high.origin:
            raise InputError(f"memory {low.name} reaches into {high.name}", where=path)
    return board
