from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from birdnet_stm32 import process
from birdnet_stm32.boards.description import Region
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.firmware.build import build, read_sections, region_use
from birdnet_stm32.firmware.memory_use import Section
from birdnet_stm32.firmware.render import FirmwareSettings, render_project

SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title="A stand-in", version="1.2.3")
Standin = Callable[..., dict[str, bytes]]
Write = Callable[[Mapping[str, bytes], Path], Path]

RAM = Region(name="RAM", origin=0x1000, length_bytes=0x100, access="rw", holds="")
ROM = Region(name="ROM", origin=0x8000, length_bytes=0x100, access="rx", holds="")


def section(address: int, size_bytes: int, load_address: int | None = None, loaded: bool = True) -> Section:
    return Section(
        name=".x",
        address=address,
        load_address=address if load_address is None else load_address,
        size_bytes=size_bytes,
        loaded=loaded,
    )


def test_use_counts_gaps_and_where_content_is_stored() -> None:
    use = region_use(
        [section(0x1010, 0x20, load_address=0x8000), section(0x1040, 8, loaded=False)], [RAM, ROM]
    )
    assert [(one.name, one.used_bytes) for one in use] == [("RAM", 0x48), ("ROM", 0x20)]


@pytest.mark.parametrize("address", [0xFFF, 0x1100, 0x10FF, 0x5000])
def test_sections_outside_are_refused(address: int) -> None:
    with pytest.raises(InputError, match=r"\.x occupies"):
        region_use([section(address, 2)], [RAM, ROM])


def test_a_file_that_is_no_elf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "firmware.elf"
    path.write_bytes(b"not an elf")
    with pytest.raises(InputError, match="ELF"):
        read_sections(path)


@pytest.mark.emulated
@pytest.mark.usefixtures("fresh_objects")
@pytest.mark.slow
def test_another_folder_and_the_commands_of_the_readme_give_the_same_bytes(
    standin: Standin, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = render_project("mps3_an547", standin(), SETTINGS)
    monkeypatch.setenv("CFLAGS", "-O0 -DNOBODY_ASKED")
    result = build(write(files, tmp_path / "one"), tmp_path / "out")
    monkeypatch.delenv("CFLAGS")
    other = write(files, tmp_path / "another" / "deeper")
    commands = [line.strip() for line in files["README.md"].decode().split("\n") if "    cmake " in line]
    assert len(commands) == 2
    for command in commands:
        process.run_program(command.split(), cwd=other, timeout_s=60)
    elf = result.elf.read_bytes()
    assert elf == (other / "build" / "release" / "firmware.elf").read_bytes()
    assert str(tmp_path).encode() not in elf
    assert result.hex is not None
    assert result.hex.read_bytes() == (other / "build" / "release" / "firmware.hex").read_bytes()
    assert result.bin is None
    assert result.map.is_file()
    assert all(0 < use.used_bytes < use.length_bytes for use in result.memory.regions)


@pytest.mark.emulated
@pytest.mark.slow
def test_too_large_a_model_is_refused_with_the_numbers(
    standin: Standin, write: Write, tmp_path: Path
) -> None:
    files = standin()
    files["birdnet_network.h"] = files["birdnet_network.h"].replace(
        b"ARENA_BYTES 80u", b"ARENA_BYTES 8000000u"
    )
    project = write(render_project("mps3_an547", files, SETTINGS), tmp_path / "project")
    with pytest.raises(InputError, match=r"SRAM needs 8,00\d,\d+ bytes and has 4,194,304"):
        build(project, tmp_path / "out")


@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize("code", [b"int broken(\n", b"static int unused;\n"], ids=["error", "warning"])
def test_what_does_not_compile_or_warns_is_quoted(
    standin: Standin, write: Write, tmp_path: Path, code: bytes
) -> None:
    files = standin()
    files["birdnet_network.c"] += code
    project = write(render_project("mps3_an547", files, SETTINGS), tmp_path / "project")
    with pytest.raises(ToolError, match=r"birdnet_network\.c:\d+.*error"):
        build(project, tmp_path / "out")
