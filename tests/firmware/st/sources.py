"""Lays out stand-ins for ST's sources where STM32CubeN6 and ST Edge AI Core have theirs; nothing is ST's."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.boards import folders

HERE = Path(__file__).parent
_NPUS = [board.npu for board in folders.having("npu", folders.names()) if board.npu is not None]
INCLUDE = b'#include "ll_aton_version.h"\n#include "st.h"\n'

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
    *(f"{_BSP}/{npu.board_support}/{name}" for npu in _NPUS for name in npu.board_sources),
    f"{_BSP}/Components/Common/io.h",
    *(f"{_BSP}/Components/{name}/{name}.c" for npu in _NPUS for name in npu.components),
)
_CUBE_HEADERS = (
    f"{_HAL}/Inc/stm32n6xx_hal.h",
    *(
        f"{_BSP}/{npu.board_support}/{name}"
        for npu in _NPUS
        for name in (npu.board_header, npu.memory_header)
    ),
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


def write(cube: Path, core: Path, version: tuple[int, int, int, int], behaviour: int = 0) -> dict[str, str]:
    """Write both and return the variables that name them.

    Args:
        cube: becomes STM32CubeN6.
        core: becomes ST Edge AI Core; what is there already is kept but for the runtime's files.
        version: of the runtime.
        behaviour: what ``st.c`` says of ST_BEHAVIOUR.
    """
    header, source = ((HERE / name).read_bytes() for name in ("st.h", "st.c"))
    numbers = "".join(
        f"#define LL_ATON_VERSION_{name} ({number})\n"
        for name, number in zip(("MAJOR", "MINOR", "MICRO", "DEV"), version, strict=True)
    )
    of_cube = dict.fromkeys(_CUBE_EMPTY, b"") | dict.fromkeys(_CUBE_HEADERS, INCLUDE)
    of_core = dict.fromkeys(_CORE_EMPTY, b"") | dict.fromkeys(_CORE_HEADERS, INCLUDE)
    of_core |= {
        f"{_RUNTIME}/Inc/st.h": header,
        f"{_RUNTIME}/Npu/ll_aton/ll_aton_version.h": numbers.encode(),
        f"{_RUNTIME}/Npu/ll_aton/ll_aton_runtime.c": b"#define ST_BEHAVIOUR %d\n%s" % (behaviour, source),
        f"{_RUNTIME}/Lib/GCC/ARMCortexM55/NetworkRuntime1201_CM55_GCC.a": b"!<arch>\n",
        f"{_RUNTIME}/LICENSE.txt": b"terms of the runtime\n",
    }
    for root, files in ((cube, of_cube | {"LICENSE.md": b"terms of the rest\n"}), (core, of_core)):
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
    return {"STM32CUBE_N6_DIR": str(cube), "STEDGEAI_CORE_DIR": str(core)}
