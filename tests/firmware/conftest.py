"""A hand-written model small enough to compile in a second, and projects made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.render import FirmwareSettings, render_project
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import c_string

STANDIN = Path(__file__).parent / "standin"
ST = Path(__file__).parent / "st"
SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title="A stand-in", version="1.2.3")

ModelFiles = dict[str, bytes]


@pytest.fixture(scope="session")
def standin() -> Callable[..., ModelFiles]:
    """Return the stand-in's C folder with the given names and compiler definitions."""

    def files(labels: tuple[str, ...] = ("first", "opposite", "largest"), *definitions: str) -> ModelFiles:
        found = {
            path.relative_to(STANDIN).as_posix(): path.read_bytes()
            for path in sorted(STANDIN.rglob("*"))
            if path.is_file()
        }
        for name in ("birdnet_recording.h", "birdnet_recording.c"):  # the same for all models
            found[f"runtime/{name}"] = (firmware_templates() / "runtime" / name).read_bytes()
        names = "".join(f"    {c_string(label)},\n" for label in labels)
        found["birdnet_labels.c"] = (
            '#include "birdnet_network.h"\n\n'
            f"const char *const birdnet_labels[BIRDNET_OUTPUT_ELEMENTS] = {{\n{names}}};\n"
        ).encode()
        for definition in definitions:
            found["CMakeLists.txt"] += (
                f"target_compile_definitions(birdnet_network PRIVATE {definition})\n".encode()
            )
        return found

    return files


@pytest.fixture(scope="session")
def write() -> Callable[[Mapping[str, bytes], Path], Path]:
    """Return a function that writes files below a folder and returns the folder."""

    def write_files(files: Mapping[str, bytes], folder: Path) -> Path:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return write_files


# What of ST's sources is compiled, and which of their headers is included: all empty but for what st/ holds.
_HAL = "Drivers/STM32N6xx_HAL_Driver"
_BSP = "Drivers/BSP"
_DEVICE = "Drivers/CMSIS/Device/ST/STM32N6xx"
_RUNTIME = "Middlewares/ST/AI"
_HAL_SOURCES = (
    "hal hal_bsec hal_cacheaxi hal_cortex hal_exti hal_gpio hal_i2c hal_i2c_ex hal_pwr hal_pwr_ex hal_ramcfg "
    "hal_rcc hal_rcc_ex hal_rif hal_uart hal_uart_ex hal_xspi"
).split()
_RUNTIME_SOURCES = (
    "ecloader ll_aton ll_aton_cipher ll_aton_dbgtrc ll_aton_debug ll_aton_lib ll_aton_lib_sw_operators "
    "ll_aton_util ll_sw_float ll_sw_integer ll_aton_stai_internal"
).split()
_CUBE_EMPTY = (
    "Drivers/CMSIS/Core/Include/core_cm55.h",
    "Drivers/CMSIS/Core/Include/cmsis_version.h",
    f"{_DEVICE}/Include/stm32n6xx.h",
    f"{_DEVICE}/Source/Templates/system_stm32n6xx_fsbl.c",
    *(f"{_HAL}/Src/stm32n6xx_{name}.c" for name in _HAL_SOURCES),
    *(f"{_BSP}/STM32N6570-DK/stm32n6570_discovery{name}.c" for name in ("", "_bus", "_xspi")),
    f"{_BSP}/Components/Common/io.h",
    f"{_BSP}/Components/mx66uw1g45g/mx66uw1g45g.c",
    f"{_BSP}/Components/aps256xx/aps256xx.c",
)
_CUBE_HEADERS = (
    f"{_HAL}/Inc/stm32n6xx_hal.h",
    f"{_BSP}/STM32N6570-DK/stm32n6570_discovery.h",
    f"{_BSP}/STM32N6570-DK/stm32n6570_discovery_xspi.h",
)
_CORE_EMPTY = (
    *(f"{_RUNTIME}/Npu/ll_aton/{name}.c" for name in _RUNTIME_SOURCES),
    *(f"{_RUNTIME}/Npu/Devices/STM32N6xx/{name}_cache.c" for name in ("mcu", "npu")),
)
_CORE_HEADERS = (
    *(f"{_RUNTIME}/Npu/Devices/STM32N6xx/{name}_cache.h" for name in ("mcu", "npu")),
    *(
        f"{_RUNTIME}/Npu/ll_aton/{name}.h"
        for name in ("ll_aton", "ll_aton_NN_interface", "ll_aton_runtime", "ll_aton_platform")
    ),
)


@pytest.fixture(scope="session")
def st_sources(
    write: Callable[[Mapping[str, bytes], Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., dict[str, str]]:
    """Return a function that makes stand-ins for ST's sources and returns the variables that name them.

    ``version`` is that of the runtime, ``behaviour`` what ``st/st.c`` says.
    """

    def make(version: tuple[int, int, int, int] = (1, 1, 3, 275), behaviour: int = 0) -> dict[str, str]:
        root = tmp_path_factory.mktemp("st")
        header, source = ((ST / name).read_bytes() for name in ("st.h", "st.c"))
        include = b'#include "st.h"\n'
        cube = dict.fromkeys(_CUBE_EMPTY, b"") | dict.fromkeys(_CUBE_HEADERS, include)
        numbers = "".join(
            f"#define LL_ATON_VERSION_{name} ({number})\n"
            for name, number in zip(("MAJOR", "MINOR", "MICRO", "DEV"), version, strict=True)
        )
        core = dict.fromkeys(_CORE_EMPTY, b"") | dict.fromkeys(_CORE_HEADERS, include)
        core |= {
            f"{_RUNTIME}/Inc/st.h": header,
            f"{_RUNTIME}/Npu/ll_aton/ll_aton_version.h": numbers.encode(),
            f"{_RUNTIME}/Npu/ll_aton/ll_aton_runtime.c": b"#define ST_BEHAVIOUR %d\n%s" % (behaviour, source),
            f"{_RUNTIME}/Lib/GCC/ARMCortexM55/NetworkRuntime1201_CM55_GCC.a": b"!<arch>\n",
            f"{_RUNTIME}/LICENSE.txt": b"terms of the runtime\n",
        }
        write(cube | {"LICENSE.md": b"terms of the rest\n"}, root / "cube")
        write(core, root / "core")
        return {"STM32CUBE_N6_DIR": str(root / "cube"), "STEDGEAI_CORE_DIR": str(root / "core")}

    return make


@pytest.fixture
def compiled(
    standin: Callable[..., ModelFiles], write: Callable[[Mapping[str, bytes], Path], Path], tmp_path: Path
) -> Callable[..., Path]:
    """Return a function that compiles the stand-in's firmware for the emulated board: the elf."""

    def compile_standin(*args: object, settings: FirmwareSettings = SETTINGS) -> Path:
        project = write(render_project("mps3_an547", standin(*args), settings), tmp_path / "project")
        return build(project, tmp_path / "build").elf

    return compile_standin
