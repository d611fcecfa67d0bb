"""What a ``board.toml`` says of a board: its core, its programs and what it can do, as frozen types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

MAX_APPLICATION_BYTES = 0x10_0000  # of an STM32N6: it runs from AXISRAM1, which is 1 MiB

STRICT = ConfigDict(extra="forbid", strict=True)
_WORD = r"^[A-Za-z][A-Za-z0-9_]*$"
_FLAG = r"^-[-A-Za-z0-9_=.,+]+$"
_MACRO = r"^[A-Z][A-Z0-9_]*(=[A-Za-z0-9_.+-]+)?$"
_ACCESS = "^(rx|rw|rwx)$"
_FILE = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
SPELLINGS = {
    _WORD: 'a name of letters, digits and _, such as "flash"',
    _FLAG: 'one flag of the compiler, such as "-mcpu=cortex-m55"',
    _MACRO: 'a macro, "NAME" or "NAME=VALUE"',
    _ACCESS: '"rx", "rw" or "rwx"',
    _FILE: "the name of a file or folder: letters, digits, _ . and -",
}
_Word = Annotated[str, Field(pattern=_WORD)]
_Flag = Annotated[str, Field(pattern=_FLAG)]
_Macro = Annotated[str, Field(pattern=_MACRO)]
_File = Annotated[str, Field(pattern=_FILE)]
_Address = Annotated[int, Field(ge=0, lt=2**32)]
_Size = Annotated[int, Field(gt=0, lt=2**32)]


@dataclass(frozen=True, kw_only=True)
class Region:
    """Memory that the linker may fill.

    Args:
        name: the linker's name for the region.
        origin: first address.
        length_bytes: size.
        access: ``rx``, ``rw`` or ``rwx``.
        holds: what goes there, for people.
    """

    __pydantic_config__ = STRICT

    name: _Word
    origin: _Address
    length_bytes: _Size
    access: Annotated[str, Field(pattern=_ACCESS)]
    holds: str

    @property
    def end(self) -> int:
        """First address after the region."""
        return self.origin + self.length_bytes


@dataclass(frozen=True, kw_only=True)
class HeadPlace:
    """Where a head lies that can be replaced without the rest of the program.

    Args:
        address: of its first byte, a multiple of the parts in which this memory is erased.
        length_bytes: size; nothing else lies in this memory.
    """

    __pydantic_config__ = STRICT

    address: _Address
    length_bytes: _Size


@dataclass(frozen=True, kw_only=True)
class Program:
    """How a program for the board is compiled and linked; the rendered project keeps it as ``board.toml``.

    Args:
        title: what the program is and runs on, for people.
        cpu_flags: compiler and linker flags that choose the core, e.g. ``-mcpu=cortex-m55``.
        memory: the regions, at least one.
        usage: Markdown for the project's README: how to run or flash the program.
        placement: region for each kind of content, for linker scripts that several boards share.
        defines: preprocessor macros, ``NAME`` or ``NAME=VALUE``.
        link_flags: more linker flags.
        artifacts: files that are written beside the elf and its map. A ``bin`` makes no sense where the
            regions lie far apart, because the file would span them.
        self_test: whether the program compiles ``app/self_test.c`` and needs stored windows from codegen.
        head: where a head lies that can be replaced, for a board that is not flashed.
    """

    __pydantic_config__ = STRICT

    title: str
    cpu_flags: Annotated[tuple[_Flag, ...], Field(min_length=1)]
    memory: Annotated[tuple[Region, ...], Field(min_length=1)]
    usage: str = ""
    placement: Mapping[_Word, _Word] = field(default_factory=dict)
    defines: tuple[_Macro, ...] = ()
    link_flags: tuple[_Flag, ...] = ()
    artifacts: tuple[Literal["bin", "hex"], ...] = ("bin", "hex")
    self_test: bool = False
    head: HeadPlace | None = None

    @property
    def regions(self) -> dict[str, Region]:
        """The memory regions by name."""
        return {region.name: region for region in self.memory}


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """The QEMU machine that stands for the board. Its programs use semihosting to reach files of the host.

    Args:
        machine: QEMU's name for it, as ``-M`` takes it.
        systick_hz: frequency at which the system timer counts when it runs on the processor's clock.
    """

    __pydantic_config__ = STRICT

    machine: _File
    systick_hz: Annotated[int, Field(ge=1_000, le=1_000_000_000)]

    @property
    def instructions_per_tick(self) -> float:
        """Instructions in one tick of the system timer, with ``-icount shift=0``: one each nanosecond."""
        return 1_000_000_000 / self.systick_hz


@dataclass(frozen=True, kw_only=True)
class Console:
    """The serial port on which the firmware speaks and answers windows of a host.

    Args:
        baud: bits each second, 8N1.
    """

    __pydantic_config__ = STRICT

    baud: Annotated[int, Field(ge=1_200, le=10_000_000)]


@dataclass(frozen=True, kw_only=True)
class Flash:
    """The external flash that the board boots from, and where each part of a release lies in it.

    Args:
        chip: name of the chip, for people.
        address: of its first byte, as the processor sees it; the first-stage loader lies there.
        size_bytes: size.
        sector_bytes: what the weights' address has to be a multiple of.
        application_address: where the first-stage loader looks for the application.
        weights_address: where the weights of a network for the NPU lie unless the variant says otherwise.
        boot_header: the format of the header that every program in the flash begins with.
        external_loader: file of ST's STM32CubeProgrammer that can write this flash.
        development_boot: how a person sets the board so that its flash can be written: what goes after "put".
        flash_boot: how a person sets the board so that it starts from its flash; likewise.
    """

    __pydantic_config__ = STRICT

    chip: str
    address: _Address
    size_bytes: _Size
    sector_bytes: _Size
    application_address: _Address
    weights_address: _Address
    boot_header: Literal["STM32N6"]
    external_loader: _File
    development_boot: str
    flash_boot: str

    @property
    def end(self) -> int:
        """First address after the flash."""
        return self.address + self.size_bytes

    @property
    def weights_places(self) -> range:
        """Where weights may begin: at a sector, far enough for the largest application before them."""
        return range(self.application_address + MAX_APPLICATION_BYTES, self.end, self.sector_bytes)

    @property
    def head_place(self) -> HeadPlace:
        """Where a head lies that can be replaced: in the sector after the largest application."""
        return HeadPlace(
            address=self.application_address + MAX_APPLICATION_BYTES, length_bytes=self.sector_bytes
        )

    @property
    def weights_places_in_words(self) -> str:
        """The same for people."""
        places = self.weights_places
        return f"a multiple of 0x{places.step:X} from 0x{places[0]:08X} to 0x{places[-1]:08X}"


@dataclass(frozen=True, kw_only=True)
class Npu:
    """The NPU, and what of ST's sources its program is built from.

    Args:
        program: how the program is built whose network the NPU computes.
        board_support: folder of ST's board support below ``Drivers/BSP`` of STM32CubeN6.
        board_sources: its files to compile. The first one's header says the version, the last one drives the
            external memories.
        components: folders of drivers below ``Drivers/BSP/Components``, such as that of the flash chip.
        external_ram_bytes: size of the external RAM that a network may use; 0 where there is none.
        parts: folders of ``firmware_templates/board_parts/`` that this program has beyond the board's.
    """

    __pydantic_config__ = STRICT

    program: Program
    board_support: _File
    board_sources: Annotated[tuple[_File, ...], Field(min_length=1)]
    components: Annotated[tuple[_File, ...], Field(min_length=1)]
    external_ram_bytes: Annotated[int, Field(ge=0, lt=2**32)] = 0
    parts: tuple[_Word, ...] = ()

    @property
    def board_header(self) -> str:
        """Header of the board support as a whole."""
        return self.board_sources[0].removesuffix(".c") + ".h"

    @property
    def memory_header(self) -> str:
        """Header of the external memories."""
        return self.board_sources[-1].removesuffix(".c") + ".h"


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board: everything that code knows of it.

    Args:
        name: the folder in ``firmware_templates/boards/``, which variants name.
        product: what the maker calls the board.
        core: the processor's core, for people, e.g. ``Cortex-M55``.
        helium: whether the core has Helium (MVE). Without it, the scalar kernels are compiled.
        program: how its firmware is built.
        default: whether a variant that does not list boards has it.
        parts: folders of ``firmware_templates/board_parts/`` whose files it shares with other boards.
        emulator: the QEMU machine; None for a board that exists only as hardware.
        console: the serial port; None where there is none.
        flash: the flash it boots from; None where nothing is flashed.
        npu: the NPU; None where there is none.
    """

    __pydantic_config__ = STRICT

    name: str
    product: str
    core: str
    helium: bool
    program: Program
    default: bool = False
    parts: tuple[_Word, ...] = ()
    emulator: Emulator | None = None
    console: Console | None = None
    flash: Flash | None = None
    npu: Npu | None = None

    @property
    def head_place(self) -> HeadPlace | None:
        """Where a head lies that can be replaced without the rest of the program; None where none can."""
        return self.flash.head_place if self.flash is not None else self.program.head
