"""Random networks against LiteRT's reference kernels: not one value may differ.

The generated C runs on the host under the sanitizers, and on the emulated core with the Helium kernels inside
guard bytes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.lowering import SUPPORTED, lower
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.templating import c_array
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.single_operator import evaluate_graph

NETWORKS = 300
SOME = 40  # each kind of operator comes first once
CASES = 6
WORKERS = 2

Int8 = npt.NDArray[np.int8]
Build = Callable[[Path, str], list[str]]


def _cases(graph: Graph, seed: int) -> tuple[Int8, Int8]:
    """All of the range, and its ends alone; and what the reference makes of it."""
    count = graph.tensors[graph.inputs[0]].elements
    inputs = np.random.default_rng(seed).integers(-128, 128, (CASES, count)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    return inputs, np.stack([evaluate_graph(graph, values).reshape(-1) for values in inputs])


def _rows(name: str, values: Int8) -> str:
    rows = "".join(f"    {{\n{c_array(row)}\n    }},\n" for row in values)
    return f"static const int8_t {name}[{len(values)}][{values.shape[1]}] = {{\n{rows}}};\n"


def _write(graph: Graph, seed: int, folder: Path) -> None:
    inputs, outputs = _cases(graph, seed)
    files = generate_c(graph, labels=[""] * outputs.shape[1])
    cases = f"#define NETWORK_CASES {CASES}u\n{_rows('network_inputs', inputs)}"
    cases += _rows("network_outputs", outputs)
    write_tree(folder, {**files, "network_cases.h": cases.encode()})


def _differing(build: Build, graph: Graph, seed: int, folder: Path) -> str | None:
    """Return what a network's program says if it is not that all values agree."""
    _write(graph, seed, folder)
    run = subprocess.run(
        build(folder, "network_check.c"), cwd=folder, capture_output=True, text=True, timeout=120
    )
    said = run.stdout + run.stderr[-2_000:]
    return None if (run.returncode, said) == (0, "0 differ\n") else said


def _all_agree(
    build: Build, random_network: Callable[[int], Graph], seeds: Iterable[int], folder: Path
) -> None:
    def check(seed: int) -> tuple[int, str | None]:
        return seed, _differing(build, random_network(seed), seed, folder / str(seed))

    with ThreadPoolExecutor(WORKERS) as pool:
        found = dict(pool.map(check, seeds))
    assert {seed: said for seed, said in found.items() if said is not None} == {}


def test_the_networks_hold_every_operator(random_network: Callable[[int], Graph]) -> None:
    """And every kernel that there is."""
    functions, operators = set(), set()
    for seed in range(120):
        graph = random_network(seed)
        operators.update(operator.name for operator in graph.operators)
        functions.update(step.function for step in lower(graph).steps)
    # DEQUANTIZE is the end of a network.
    assert operators == set(SUPPORTED) - {"DEQUANTIZE"}
    kernels = "add average_pool channel_lookup conv2d depthwise_conv2d fill fully_connected lookup max_pool"
    kernels += " maximum mean minimum multiply pointwise_conv2d pointwise_conv2d_add strided_copy subtract"
    assert functions == {f"birdnet_{kernel}" for kernel in kernels.split()}


@pytest.mark.slow
def test_some_agree_on_the_host(
    on_the_host: Build, random_network: Callable[[int], Graph], tmp_path: Path
) -> None:
    _all_agree(on_the_host, random_network, range(SOME), tmp_path)


@pytest.mark.slow
@pytest.mark.emulated
def test_some_agree_on_the_core(
    on_the_core: Build, random_network: Callable[[int], Graph], tmp_path: Path
) -> None:
    _all_agree(on_the_core, random_network, range(SOME), tmp_path)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_all_agree_on_the_host(
    on_the_host: Build, random_network: Callable[[int], Graph], tmp_path: Path
) -> None:
    _all_agree(on_the_host, random_network, range(SOME, NETWORKS), tmp_path)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.emulated
def test_all_agree_on_the_core(
    on_the_core: Build, random_network: Callable[[int], Graph], tmp_path: Path
) -> None:
    _all_agree(on_the_core, random_network, range(SOME, NETWORKS), tmp_path)
