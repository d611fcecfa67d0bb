"""ST's programmer is not available to tests: a stand-in takes its place, strict about the command line."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.errors import ToolError
from birdnet_stm32.firmware import programmer
from birdnet_stm32.firmware.programmer import PROGRAM, Programmer

BOARD = folders.find("stm32n6570_dk")
FLASH = folders.require(BOARD.flash, BOARD, "flash")
STAND_IN = """#!{python}
# A stand-in for ST's STM32_Programmer_CLI: it checks its arguments and prints what is asked for.
import pathlib, sys
a = sys.argv[1:]
loader = str(pathlib.Path(__file__).parent / "ExternalLoader" / "MX66UW1G45G_STM32N6570-DK.stldr")
assert a[:6] == ["-c", "port=SWD", "mode=HOTPLUG", "ap=1", "-el", loader], a
assert a[6:8] == ["-hardRst", "-w"] and len(a) == 9 and a[8].endswith(".hex"), a
print("Opening and parsing file: " + pathlib.Path(a[8]).name)
behaviour = pathlib.Path(__file__).with_name("behaviour.txt").read_text().split("|")
print(behaviour[1])
sys.exit(int(behaviour[0]))
"""
GOOD = "0|File download complete"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    folder = tmp_path / "cubeprogrammer" / "bin"
    (folder / "ExternalLoader").mkdir(parents=True)
    (folder / "ExternalLoader" / "MX66UW1G45G_STM32N6570-DK.stldr").touch()
    (folder / PROGRAM).write_text(STAND_IN.format(python=sys.executable))
    (folder / PROGRAM).chmod(stat.S_IRWXU)
    (folder / "behaviour.txt").write_text(GOOD)
    return folder


def found(folder: Path) -> Programmer:
    tool = programmer.find(FLASH, {"PATH": str(folder)})
    assert tool is not None
    return tool


def test_it_is_found_by_variable_and_on_the_path(installed: Path) -> None:
    assert programmer.find(FLASH, {"STM32_PROGRAMMER_DIR": str(installed), "PATH": ""}) == found(installed)


def test_it_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programmer, "_INSTALLED", (str(tmp_path / "*"),))
    assert programmer.find(FLASH, {"PATH": str(tmp_path)}) is None


def test_it_is_found_where_installers_put_it(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programmer, "_INSTALLED", (str(tmp_path / "cube*" / "bin"),))
    assert programmer.find(FLASH, {"PATH": ""}) == found(installed)


def test_a_wrong_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=f"holds no {PROGRAM}"):
        programmer.find(FLASH, {"STM32_PROGRAMMER_DIR": str(tmp_path)})


def test_a_version_that_does_not_know_the_board_is_refused(installed: Path) -> None:
    next((installed / "ExternalLoader").iterdir()).unlink()
    with pytest.raises(ToolError, match="there is no MX66UW1G45G"):
        found(installed)


def test_files_are_written_in_order_and_the_output_kept(installed: Path, tmp_path: Path) -> None:
    files, log, announced = [tmp_path / "weights.hex", tmp_path / "application.hex"], tmp_path / "log", []
    programmer.write(found(installed), files, log=log, on_file=announced.append)
    assert announced == files
    text = log.read_text()
    assert text.index("parsing file: weights.hex") < text.index("parsing file: application.hex")


@pytest.mark.parametrize(
    ("behaviour", "message", "remedy"),
    [
        ("1|Error: No STM32 target found!", "No STM32 target found", "development boot"),
        ("0|\x1b[31mError: failed to erase memory\nFile download complete", "failed to erase", "development"),
        ("0|Warning: nothing", "did not say 'File download complete'", "power"),
        ("3|File download complete", "exit status 3", "power"),
    ],
)
def test_failures_stop_at_once(
    installed: Path, tmp_path: Path, behaviour: str, message: str, remedy: str
) -> None:
    (installed / "behaviour.txt").write_text(behaviour)
    announced: list[Path] = []
    files = [tmp_path / "weights.hex", tmp_path / "application.hex"]
    with pytest.raises(ToolError, match=message) as caught:
        programmer.write(found(installed), files, log=tmp_path / "log", on_file=announced.append)
    assert announced == files[:1]
    assert remedy in str(caught.value)
