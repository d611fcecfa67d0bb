"""Finding ST's sources, in a hand-made tree of empty files with the versions that the real headers have."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.errors import GateError, ToolError
from birdnet_stm32.firmware import vendor

BOARD = folders.find("stm32n6570_dk")
NPU = folders.require(BOARD.npu, BOARD, "npu")
CUBE = {
    "LICENSE.md": "all of it",
    "Drivers/CMSIS/Core/Include/core_cm55.h": "",
    "Drivers/CMSIS/Core/Include/cmsis_version.h": "#define __CM_CMSIS_VERSION_MAIN  ( 5U) /* */\n"
    "#define __CM_CMSIS_VERSION_SUB   ( 6U)\n",
    "Drivers/CMSIS/Device/ST/STM32N6xx/Include/stm32n6xx.h": "",
    "Drivers/CMSIS/Device/ST/STM32N6xx/Source/Templates/system_stm32n6xx_fsbl.c": "",
    "Drivers/STM32N6xx_HAL_Driver/LICENSE.md": "the HAL",
    "Drivers/STM32N6xx_HAL_Driver/Src/stm32n6xx_hal_xspi.c": "",
    "Drivers/STM32N6xx_HAL_Driver/Inc/stm32n6xx_hal.h": "#define __STM32N6xx_HAL_VERSION_MAIN   (0x01U)\n"
    "#define __STM32N6xx_HAL_VERSION_SUB1   (0x02U)\n#define __STM32N6xx_HAL_VERSION_SUB2   (0x10U)\n",
    "Drivers/BSP/STM32N6570-DK/stm32n6570_discovery_xspi.c": "",
    "Drivers/BSP/STM32N6570-DK/stm32n6570_discovery.h": "",
    "Drivers/BSP/Components/Common/io.h": "",
    "Drivers/BSP/Components/mx66uw1g45g/mx66uw1g45g.c": "",
    "Drivers/BSP/Components/aps256xx/aps256xx.c": "",
}
RUNTIME = {
    "Inc/stai.h": "",
    **{f"Npu/ll_aton/{name}.c": "" for name in ("ll_aton", "ll_aton_lib", "ll_aton_runtime", "ecloader")},
    "Npu/ll_aton/ll_aton_version.h": "#define LL_ATON_VERSION_MAJOR (1)\n#define LL_ATON_VERSION_MINOR (1)\n"
    "#define LL_ATON_VERSION_MICRO (3)\n#define LL_ATON_VERSION_DEV   (275)\n",
    **{
        f"Npu/Devices/STM32N6xx/{name}_cache.{suffix}": "" for name in ("mcu", "npu") for suffix in ("c", "h")
    },
    "Lib/GCC/ARMCortexM55/NetworkRuntime1201_CM55_GCC.a": "",
    "Lib/GCC/ARMCortexM55/NetworkRuntime1201_CM55_GCC_PIC.a": "",
}
MAIN = "Middlewares/ST/AI"


def make(root: Path, files: dict[str, str], below: str = "") -> Path:
    for name, text in files.items():
        path = root / below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    make(tmp_path / "cube", CUBE)
    make(tmp_path / "core", RUNTIME, MAIN)
    return {"STM32CUBE_N6_DIR": str(tmp_path / "cube"), "STEDGEAI_CORE_DIR": str(tmp_path / "core")}


def test_everything_is_listed_with_version_and_licence(environment: dict[str, str]) -> None:
    found = vendor.find(NPU, environment=environment)
    assert found.definitions == environment
    assert found.runtime_version == (1, 1, 3, 275)
    assert vendor.licence_list(found).splitlines()[4:] == [
        "CMSIS core 5.6: Apache-2.0",
        "CMSIS device STM32N6: Apache-2.0",
        "STM32N6 HAL 1.2.16: BSD-3-Clause",
        "BSP STM32N6570-DK: BSD-3-Clause",
        "BSP common: BSD-3-Clause",
        "MX66UW1G45G driver: BSD-3-Clause",
        "APS256XX driver: BSD-3-Clause",
        "ll_aton 1.1.3-275: SLA0104, terms not found",
        "NetworkRuntime 1201: SLA0104, terms not found",
    ]
    terms = {one.name: one.terms for one in found.components}
    assert terms["STM32N6 HAL"] == found.cube_dir / "Drivers/STM32N6xx_HAL_Driver/LICENSE.md"
    assert terms["BSP common"] == found.cube_dir / "LICENSE.md"
    assert all(path.is_file() for path in found.version_headers.values())


@pytest.mark.parametrize(
    "layout", ["Middlewares/stedgeai-lib", "Middlewares/AI_Runtime", "Lib/AI_Runtime", "."]
)
def test_the_runtime_of_application_packages_is_found_too(
    environment: dict[str, str], tmp_path: Path, layout: str
) -> None:
    core = make(tmp_path / "package", {**RUNTIME, "LICENSE.txt": "terms"}, layout)
    found = vendor.find(NPU, core, environment)
    assert found.runtime_dir == core / layout
    assert found.components[-1].terms == core / layout / "LICENSE.txt"


def test_the_runtime_of_a_project_of_ai_studio_is_found(environment: dict[str, str], tmp_path: Path) -> None:
    """Sources flat in Npu, the library in a folder of its own name, the NPU's cache in the application."""
    places = {"ll_aton": "Npu", "STM32N6xx": "Npu", "ARMCortexM55": "Lib/NetworkRuntime1201_CM55_GCC.a"}
    for name, text in RUNTIME.items():
        path = Path(name)
        if path.name.endswith("_PIC.a"):
            continue
        place = f"{MAIN}/{places.get(path.parent.name, path.parent)}"
        place = "Appli/AI/App" if path.name.startswith("npu_cache") else place
        make(tmp_path / "project", {f"{place}/{path.name}": text})
    found = vendor.find(NPU, tmp_path / "project", environment)
    assert found.runtime_dir == tmp_path / "project" / MAIN
    assert found.version_headers["version of ll_aton"].is_file()


@pytest.mark.parametrize("variable", ["STM32CUBE_N6_DIR", "STEDGEAI_CORE_DIR"])
@pytest.mark.parametrize(
    ("value", "message"), [(None, "is not set"), ("", "is not set"), ("/nowhere", "does not exist")]
)
def test_an_unset_or_wrong_variable_is_named(
    environment: dict[str, str], variable: str, value: str | None, message: str
) -> None:
    changed = {name: text for name, text in environment.items() if name != variable}
    with pytest.raises(ToolError, match=rf"{variable}[\s\S]*{message}"):
        vendor.find(NPU, environment=changed if value is None else {**changed, variable: value})


def test_everything_that_is_missing_is_named_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    for name in (
        "Drivers/BSP/Components/Common/io.h",
        "Drivers/STM32N6xx_HAL_Driver/Src/stm32n6xx_hal_xspi.c",
    ):
        (tmp_path / "cube" / name).unlink()
    with pytest.raises(ToolError, match=r"hal_xspi\.c, .*io\.h[\s\S]*submodule update") as caught:
        vendor.find(NPU, environment=environment)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Npu/ll_aton/ll_aton_version.h", "lacks the runtime"),
        ("Npu/ll_aton/ll_aton_runtime.c", r"lacks ll_aton_runtime\.c in "),
        ("Lib/GCC/ARMCortexM55/NetworkRuntime1201_CM55_GCC.a", "NetworkRuntime"),
    ],
)
def test_an_incomplete_runtime_is_refused(
    environment: dict[str, str], tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "core" / MAIN / name).unlink()
    with pytest.raises(ToolError, match=message):
        vendor.find(NPU, environment=environment)


def test_two_libraries_are_refused(environment: dict[str, str], tmp_path: Path) -> None:
    make(tmp_path / "core", {"Lib/GCC/ARMCortexM55/NetworkRuntime1100_CM55_GCC.a": ""}, MAIN)
    with pytest.raises(ToolError, match="where 2 lie"):
        vendor.find(NPU, environment=environment)


def test_a_header_without_version_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    make(tmp_path / "core", {"Npu/ll_aton/ll_aton_version.h": "#define LL_ATON_VERSION_MAJOR (1)\n"}, MAIN)
    with pytest.raises(ToolError, match="does not say which version"):
        vendor.find(NPU, environment=environment)


def test_the_runtime_has_to_be_the_networks(environment: dict[str, str]) -> None:
    found = vendor.find(NPU, environment=environment)
    vendor.check_runtime(found, (1, 1, 3, 275))
    with pytest.raises(GateError, match=r"the runtime is ll_aton 1\.1\.3\.275[\s\S]*1\.1\.3\.8"):
        vendor.check_runtime(found, (1, 1, 3, 8))
