"""What keeps the package one piece: imports point down only, TensorFlow stays where it belongs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "birdnet_stm32"

# From the bottom to the top; what stands on one line must not import each other's packages.
LAYERS = [
    {"terminal_text"},
    {"errors"},
    {"regular_file"},
    {"text_file"},
    {"json_file"},
    {"toml_file"},
    {"text_types", "value_errors"},
    {"config", "paths"},
    {"idle_keys"},
    {"code", "disk", "native_output", "process", "process_guard", "progress", "store", "templating"},
    {"st_runtime"},
    {"variant_file"},
    {"build_lock", "doit_state", "interruption"},
    {"audio", "frontend"},
    {"model"},
    {"quant"},
    {"tflite"},
    {"codegen"},
    {"firmware", "npu"},
    {"release"},
    {"stage"},
    {"stages"},
    {"plan"},
    {"commands", "tasks"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
WITH_TENSORFLOW = {"model", "quant"}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


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
    here = part_of(path)
    for name in imported(path):
        head, *rest = name.split(".")
        if head == "birdnet_stm32" and rest and rest[0] != here:
            assert LEVEL[rest[0]] < LEVEL[here], f"{here} imports {name}, which is not below it"
        if head in {"tensorflow", "keras"}:
            assert here in WITH_TENSORFLOW, f"{here} imports {head}"


def test_listing_the_tasks_imports_nothing_heavy() -> None:
    script = (
        "import sys, birdnet_stm32.tasks.pipeline, birdnet_stm32.stages.catalog;"
        "heavy = {'tensorflow', 'keras', 'librosa', 'numpy', 'pyarrow', 'matplotlib'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    listed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert listed.stdout.strip() == "[]"


def test_no_module_is_a_heap_of_everything() -> None:
    long = {path.name for path in modules() if len(path.read_text(encoding="utf-8").splitlines()) > 450}
    assert long == set()
    assert {path.stem for path in modules()} & {"utils", "util", "helpers", "common", "misc"} == set()
