"""The same C for the cores without Helium that people have: Cortex-M4F and Cortex-M7."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph

STRICT = [
    "-std=c11",
    "-O3",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffp-contract=off",
    "-mthumb",
    "-mfloat-abi=hard",
]
CORES = {
    "cortex-m4f": ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"],
    "cortex-m7": ["-mcpu=cortex-m7", "-mfpu=fpv5-d16"],
}

pytestmark = [
    pytest.mark.emulated,
    pytest.mark.slow,
    pytest.mark.parametrize("core", CORES.values(), ids=CORES.keys()),
]


@pytest.fixture
def compiles(tmp_path: Path) -> Callable[[Mapping[str, bytes], list[str]], None]:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")

    def check(files: Mapping[str, bytes], core: list[str]) -> None:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        sources = [name for name in files if name.endswith(".c")]
        command = ["arm-none-eabi-gcc", *STRICT, *core, "-I.", "-Iruntime", "-c", *sources]
        built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
        assert not built.stderr

    return check


def test_a_small_network_builds(
    small_graph: Graph, core: list[str], compiles: Callable[[Mapping[str, bytes], list[str]], None]
) -> None:
    compiles(generate_c(small_graph, labels=("a", "b", "c", "d")), core)


@pytest.mark.shared
def test_the_published_model_and_its_front_end_build(
    shared: Path, core: list[str], compiles: Callable[[Mapping[str, bytes], list[str]], None]
) -> None:
    model = shared / "checkpoints" / "birdnet_stm32n6_100.tflite"
    contract = read_contract(model.with_name(f"{model.stem}_model_config.json"))
    graph = read_graph(model.read_bytes(), where=model.name)
    compiles(generate_c(graph, labels=contract.labels, contract=contract), core)
