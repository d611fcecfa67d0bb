"""How many bytes of code the kernels and a generated network take on the Cortex-M55."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.tflite.reader import read_graph

MOST_BYTES = 20_500
RELEASE = ["-std=c11", "-O3", "-DNDEBUG", "-ffp-contract=off"]
NOT_KERNELS = (
    "birdnet_frontend birdnet_fft birdnet_recording birdnet_ring birdnet_resample birdnet_wav birdnet_events "
    "birdnet_exponential birdnet_sun birdnet_species"
).split()
SECTION = re.compile(r"^(\.text|\.rodata)\S*\s+(\d+)", re.MULTILINE)


def _bytes_of(objects: list[Path], *kinds: str) -> int:
    command = ["arm-none-eabi-size", "-A", *map(str, objects)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(int(size) for kind, size in SECTION.findall(printed) if kind in kinds)


@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.shared
def test_all_kernels_and_the_published_network(shared: Path, tmp_path: Path) -> None:
    """Every kernel, whether the model has it or not; no weights, no parameters of layers, no C library."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    model = shared / "checkpoints" / "birdnet_stm32n6_100.tflite"
    contract = read_contract(model.with_name(f"{model.stem}_model_config.json"))
    graph = read_graph(model.read_bytes(), where=model.name)
    write_tree(tmp_path, generate_c(graph, labels=contract.labels))
    kernels = [
        path
        for path in sorted((tmp_path / "runtime").glob("*.c"))
        if not path.name.startswith(tuple(NOT_KERNELS))
    ]
    program = folders.find("mps3_an547").program
    command = ["arm-none-eabi-gcc", *RELEASE, *program.cpu_flags, "-I.", "-Iruntime", "-c"]
    sources = ["birdnet_network.c", *map(str, kernels)]
    subprocess.run([*command, *sources], cwd=tmp_path, check=True)
    of_kernels = _bytes_of([tmp_path / f"{path.stem}.o" for path in kernels], ".text", ".rodata")
    of_network = _bytes_of([tmp_path / "birdnet_network.o"], ".text")
    assert of_kernels > 0 < of_network
    assert of_kernels + of_network <= MOST_BYTES, (
        f"{of_kernels:,} bytes of kernels, {of_network:,} of the network"
    )
