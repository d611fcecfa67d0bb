import subprocess
import sys
from pathlib import Path

from birdnet_stm32.commands.shared.installed_versions import version_lines


def program(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def rows(environment: dict[str, str]) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in version_lines(environment))


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    found = rows({"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert found["Python"].startswith("3.11.")
    assert found["TensorFlow"].startswith("2.")
    for name in ("gcc", "qemu-system-arm", "stedgeai", "STM32_Programmer_CLI", "STM32_SigningTool_CLI"):
        assert found[name] == "not found"


def test_programs_say_their_version_and_place(tmp_path: Path) -> None:
    folder = tmp_path / "st"
    program(folder / "Utilities" / "linux", "stedgeai", "echo; echo 'ST Edge AI Core v4.0.1-20581 0ffb1c2'")
    program(folder, "STM32_Programmer_CLI", "echo '  ----'; echo '  STM32CubeProgrammer version: 2.19.0'")
    program(folder, "STM32_SigningTool_CLI", "echo 'STM32 Signing Tool v2.19.0'; exit 1")
    named = {"STEDGEAI_CORE_DIR": str(folder), "STM32_PROGRAMMER_DIR": str(folder)}
    found = rows({"PATH": str(tmp_path), "HOME": str(tmp_path), **named})
    assert found["stedgeai"] == f"ST Edge AI Core v4.0.1-20581 0ffb1c2, {folder}/Utilities/linux/stedgeai"
    assert found["STM32_Programmer_CLI"] == (
        f"STM32CubeProgrammer version: 2.19.0, {folder}/STM32_Programmer_CLI"
    )
    assert found["STM32_SigningTool_CLI"] == f"STM32 Signing Tool v2.19.0, {folder}/STM32_SigningTool_CLI"


def test_a_variable_that_names_a_wrong_folder_is_named(tmp_path: Path) -> None:
    found = rows({"PATH": str(tmp_path), "HOME": str(tmp_path), "STEDGEAI_CORE_DIR": str(tmp_path)})
    assert found["stedgeai"].startswith(
        f"not found: {tmp_path}: STEDGEAI_CORE_DIR is a folder without stedgeai"
    )


def test_no_heavy_library_is_imported() -> None:
    script = (
        "import sys\nfrom birdnet_stm32.cli import main\n"
        "try: main(['--version'])\nexcept SystemExit as end: assert not end.code\n"
        "print(sorted({'tensorflow', 'keras', 'numpy', 'matplotlib'} & sys.modules.keys()))"
    )
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert shown.startswith("birdnet-stm32 ")
    assert shown.endswith("[]\n")
