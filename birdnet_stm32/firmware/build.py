"""Compiles a rendered project and measures what came out against the board's memory."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from birdnet_stm32 import process
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Region
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.firmware.memory_use import MemoryUse, RegionUse, Section

CONFIGURE_TIMEOUT_S = 120.0
COMPILE_TIMEOUT_S = 900.0

# What the project's toolchain file and presets call, and the Debian package of each.
_TOOLS = {
    "cmake": "cmake",
    "ninja": "ninja-build",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-objcopy": "binutils-arm-none-eabi",
}
# CMake would take these from the user's environment into every build.
_NO_FLAGS = {"CFLAGS": "", "ASMFLAGS": "", "LDFLAGS": ""}
_REPORTED = re.compile(r"error|warning|undefined reference|/ld: ")
_OVERFLOW = re.compile(r"region `(\w+)' overflowed by (\d+) bytes")


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """The files of a build and their sizes; ``bin`` or ``hex`` is None where the board has no use for it."""

    elf: Path
    map: Path
    bin: Path | None
    hex: Path | None
    memory: MemoryUse

    def keep(self, folder: Path) -> None:
        """Copy the files as ``firmware.*`` into a new folder."""
        folder.mkdir(parents=True)
        for file in (self.elf, self.map, self.bin, self.hex):
            if file is not None:
                shutil.copyfile(file, folder / f"firmware{file.suffix}")


def build(
    project: Path, build_dir: Path, *, preset: str = "release", definitions: Mapping[str, str] | None = None
) -> BuildResult:
    """Compile a rendered project with its CMake preset.

    Args:
        project: root of the project.
        build_dir: folder for everything the compiler writes.
        preset: ``release`` or ``debug``.
        definitions: CMake variables, such as where ST's sources are.

    Raises:
        ToolError: a program is missing, or it does not compile; quotes the compiler.
        InputError: the firmware does not fit into the board's memory.
    """
    build_dir = build_dir.resolve()  # cmake starts in the project
    program = folders.read_program(project / folders.BOARD_FILE)
    tools = {name: process.find_program(name, package=package) for name, package in _TOOLS.items()}
    defined = [f"-D{name}={value}" for name, value in (definitions or {}).items()]
    process.run_program(
        [
            tools["cmake"],
            "--preset",
            preset,
            "-B",
            build_dir,
            "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON",
            *defined,
        ],
        cwd=project,
        env=_NO_FLAGS,
        timeout_s=CONFIGURE_TIMEOUT_S,
    )
    compiled = process.run_program(
        [tools["cmake"], "--build", build_dir], timeout_s=COMPILE_TIMEOUT_S, check=False
    )
    if compiled.exit_status != 0:
        raise _build_error(compiled.output, program.memory)
    elf = build_dir / "firmware.elf"
    sections = read_sections(elf)
    return BuildResult(
        elf=elf,
        map=build_dir / "firmware.map",
        bin=build_dir / "firmware.bin" if "bin" in program.artifacts else None,
        hex=build_dir / "firmware.hex" if "hex" in program.artifacts else None,
        memory=MemoryUse(regions=region_use(sections, program.memory), sections=sections),
    )


def _build_error(output: str, regions: Sequence[Region]) -> InputError | ToolError:
    lengths = {region.name: region.length_bytes for region in regions}
    overflows = [
        f"{name} needs {lengths[name] + int(excess):,} bytes and has {lengths[name]:,}"
        for name, excess in _OVERFLOW.findall(output)
        if name in lengths
    ]
    if overflows:
        return InputError(
            f"the firmware does not fit: {'; '.join(overflows)}",
            where="firmware.elf",
            remedy=("a smaller model (alpha, embeddings_size)", "fewer stored test windows"),
        )
    errors = [line for line in output.splitlines() if _REPORTED.search(line) and not line.startswith(": &&")]
    quoted = "\n    ".join((errors or output.splitlines())[-process.TAIL_LINES :])
    return ToolError(f"the firmware does not compile:\n    {quoted}", where="cmake --build")


def read_sections(elf: Path) -> tuple[Section, ...]:
    """Return the sections of ``elf`` that occupy memory, by address.

    Raises:
        InputError: it is not an ELF file.
    """
    try:
        with elf.open("rb") as stream:
            return _sections(ELFFile(stream))
    except ELFError as error:
        raise InputError(f"cannot be read as an ELF file: {error}", where=elf) from error


def _sections(elf: ELFFile) -> tuple[Section, ...]:
    segments = [segment.header for segment in elf.iter_segments() if segment.header.p_type == "PT_LOAD"]
    found = []
    for section in elf.iter_sections():
        header = section.header
        if not header.sh_flags & SH_FLAGS.SHF_ALLOC or header.sh_size == 0:
            continue
        shift = next(
            (
                segment.p_paddr - segment.p_vaddr
                for segment in segments
                if segment.p_vaddr <= header.sh_addr < segment.p_vaddr + segment.p_memsz
            ),
            0,
        )
        found.append(
            Section(
                name=section.name,
                address=header.sh_addr,
                load_address=header.sh_addr + shift,
                size_bytes=header.sh_size,
                loaded=header.sh_type != "SHT_NOBITS",
            )
        )
    return tuple(sorted(found, key=lambda section: section.address))


def region_use(sections: Sequence[Section], regions: Sequence[Region]) -> tuple[RegionUse, ...]:
    """Return how full each region is, from its start to the end of the last section in it, gaps included.

    Raises:
        InputError: a section lies outside every region or reaches behind the end of one.
    """
    used = dict.fromkeys((region.name for region in regions), 0)
    for section in sections:
        addresses = {section.address, *((section.load_address,) if section.loaded else ())}
        for address in addresses:
            region = _region_at(address, section, regions)
            used[region.name] = max(used[region.name], address + section.size_bytes - region.origin)
    return tuple(
        RegionUse(name=region.name, used_bytes=used[region.name], length_bytes=region.length_bytes)
        for region in regions
    )


def _region_at(address: int, section: Section, regions: Sequence[Region]) -> Region:
    for region in regions:
        if region.origin <= address and address + section.size_bytes <= region.end:
            return region
    raise InputError(
        f"section {section.name} occupies {address:#010x} to {address + section.size_bytes:#010x}",
        where="firmware.elf",
        expected="within "
        + ", ".join(f"{region.name} {region.origin:#010x} to {region.end:#010x}" for region in regions),
        remedy="a smaller model (alpha, embeddings_size)",
    )
