"""What keeps the package one piece: imports point down only, TensorFlow stays where it belongs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.cli import COMMANDS
from birdnet_stm32.stages.catalog import STAGES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "birdnet_stm32"

# From the bottom to the top; what stands on one line must not import each other's packages.
# A room that stands on a line of its own, such as ``stages.inputs``, is a part of its own.
LAYERS = [
    {"pcm", "spelling", "terminal_text"},
    {"errors"},
    {"gates"},
    {"files"},
    {"paths"},
    {"boards"},
    {"config"},
    {"disk", "native_output", "process", "process_guard", "progress", "templating"},
    {"audio"},
    {"audio.annotations"},
    {"audio.containers"},
    {"audio.recorders"},
    {"audio.decoding"},
    {"audio.splits"},
    {"audio.index"},
    {"audio.windows", "audio.mixing"},
    {"audio.shards"},
    {"frontend"},
    {"tflite"},
    {"model"},
    {"detect"},
    {"evaluate"},
    {"quant"},
    {"codegen"},
    {"api"},
    {"npu"},
    {"firmware"},
    {"engine"},
    {"stages.inputs"},
    {"release", "selection"},
    {"stages"},
    {"tasks"},
    {"commands.shared"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
WITH_TENSORFLOW = {"api", "model", "quant"}  # api: for its types alone, see test_api


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part_of(name: str) -> str:
    """Return the line of ``LAYERS`` that the dotted name of something below the package belongs to."""
    first_two = ".".join(name.split(".")[:2])
    return first_two if first_two in LEVEL else name.split(".")[0]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    here = part_of(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    for name in imported(path):
        head, _, below = name.partition(".")
        there = part_of(below)
        if head == "birdnet_stm32" and below and there != here:
            assert LEVEL[there] < LEVEL[here], f"{here} imports {name}, which is not below it"
        if head in {"tensorflow", "keras"}:
            assert here in WITH_TENSORFLOW, f"{here} imports {head}"


def test_stages_holds_stages_and_commands_holds_commands() -> None:
    stages = {path.stem for path in (PACKAGE / "stages").glob("*.py")} - {"__init__", "catalog"}
    assert stages == {stage.name for stage in STAGES}
    commands = {path.stem for path in (PACKAGE / "commands").glob("*.py")} - {"__init__"}
    assert commands == set(COMMANDS)


def test_listing_the_tasks_imports_nothing_heavy() -> None:
    script = (
        "import sys, birdnet_stm32.tasks.pipeline, birdnet_stm32.stages.catalog;"
        "heavy = {'tensorflow', 'keras', 'librosa', 'numpy', 'pyarrow', 'matplotlib'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    listed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert listed.stdout.strip() == "[]"


# What is no board's: the path of a file in a repository of ST.
CITED = {"npu/conditions/convolution.py"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_knows_a_board_by_name(path: Path) -> None:
    """What code knows of a board stands in the board's own folder."""
    boards = [folders.find(name) for name in folders.names()]
    emulators = [board.emulator.machine for board in boards if board.emulator is not None]
    named = [plain(name) for board in boards for name in (board.name, board.product)]
    if path.relative_to(PACKAGE).as_posix() not in CITED:
        text = plain(path.read_text(encoding="utf-8"))
        assert [name for name in (*named, *map(plain, emulators)) if name in text] == []


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9\n]", "", text.lower())


def test_no_module_is_a_heap_of_everything() -> None:
    long = {path.name for path in modules() if len(path.read_text(encoding="utf-8").splitlines()) > 450}
    assert long == set()
    assert {path.stem for path in modules()} & {"utils", "util", "helpers", "common", "misc"} == set()
