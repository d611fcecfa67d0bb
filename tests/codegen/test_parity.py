"""Generated C against LiteRT's reference kernels, under AddressSanitizer and UBSan: equal, bit by bit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph

NETWORKS = 60
WINDOWS = 16
WORKERS = 2

Int8 = npt.NDArray[np.int8]
Run = Callable[[Mapping[str, bytes], Int8], Int8]


def _labels(graph: Graph) -> list[str]:
    return [f"output {number}" for number in range(lower(graph).output.shape[-1])]


def _windows(shape: tuple[int, ...], seed: int) -> Int8:
    """All of the range, and its ends alone: what saturates must saturate alike."""
    windows = np.random.default_rng(seed).integers(-128, 128, size=(WINDOWS, *shape[1:])).astype(np.int8)
    windows[0], windows[1] = -128, 127
    return windows


@pytest.fixture(scope="session")
def random_networks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Quantized by the real converter, in processes of their own."""
    folder = tmp_path_factory.mktemp("networks")
    script = Path(__file__).with_name("random_networks.py")
    count = NETWORKS // WORKERS
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    programs = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", str(script), str(folder), str(worker * count), str(count)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for worker in range(WORKERS)
    ]
    for program in programs:
        _, errors = program.communicate(timeout=600)
        assert program.returncode == 0, errors.decode()[-3_000:]
    return sorted(folder.glob("*.tflite"), key=lambda path: int(path.stem))


@pytest.mark.slow
def test_random_networks_equal_the_reference(random_networks: list[Path], run_network: Run) -> None:
    def differing(path: Path) -> int:
        model = path.read_bytes()
        graph = read_graph(model, where=path.name)
        windows = _windows(lower(graph).input.shape, int(path.stem))
        found = run_network(generate_c(graph, labels=_labels(graph)), windows)
        expected = interpreter.run_from_int8(model, windows)
        return int(np.count_nonzero(found != expected.reshape(found.shape)))

    assert len(random_networks) == NETWORKS
    with ThreadPoolExecutor(WORKERS) as pool:
        counts = dict(
            zip([path.stem for path in random_networks], pool.map(differing, random_networks), strict=True)
        )
    assert {name: count for name, count in counts.items() if count} == {}


@pytest.mark.slow
def test_random_networks_hold_every_operator(random_networks: list[Path]) -> None:
    """A change of the converter must not quietly thin out what the test above proves."""
    functions, operators = set(), set()
    for path in random_networks:
        graph = read_graph(path.read_bytes(), where=path.name)
        functions.update(step.function for step in lower(graph).steps)
        operators.update(operator.name for operator in graph.operators)
    kernels = "add average_pool conv2d depthwise_conv2d fill fully_connected lookup max_pool maximum mean"
    kernels += " minimum multiply pointwise_conv2d pointwise_conv2d_add strided_copy subtract"
    assert functions == {f"birdnet_{name}" for name in kernels.split()}
    movers = "CONCATENATION STRIDED_SLICE TRANSPOSE PAD".split()
    assert operators.issuperset({*movers, "LOGISTIC", "TANH", "LOG", "RELU", "RELU_N1_TO_1", "LEAKY_RELU"})


@pytest.fixture(scope="session")
def published(shared: Path) -> bytes:
    return (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()


def _spectrograms(count: int) -> npt.NDArray[np.float32]:
    """Positive, mostly faint, one loud column: [count, 257, 256, 1], maximum 1."""
    rng = np.random.default_rng(11)
    values = rng.gamma(0.3, 0.05, size=(count, 257, 256, 1))
    values[:, :, 100] += rng.gamma(1.0, 0.2, size=(count, 257, 1))
    return (values / values.max(axis=(1, 2, 3), keepdims=True)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_model_equals_the_reference(published: bytes, run_network: Run) -> None:
    graph = read_graph(published, where="published")
    run = interpreter.run_int8(published, _spectrograms(4))
    files = generate_c(graph, labels=_labels(graph))
    assert np.array_equal(run_network(files, run.inputs), run.outputs)
    wild = _windows((1, 257, 256, 1), 5)[:4]
    assert np.array_equal(run_network(files, wild), interpreter.run_from_int8(published, wild))


@pytest.mark.shared
def test_the_published_model_in_float_equals_the_reference(
    published: bytes, build_network: Callable[[Mapping[str, bytes]], Path]
) -> None:
    """Quantize, invoke and dequantize as birdnet_network_run() does."""
    graph = read_graph(published, where="published")
    windows = _spectrograms(2)
    program = build_network(generate_c(graph, labels=_labels(graph)))
    run = subprocess.run([program, "float"], input=windows.tobytes(), capture_output=True, check=True)
    found = np.frombuffer(run.stdout, dtype=np.float32).reshape(2, -1)
    assert np.array_equal(found, interpreter.run(published, windows))


def test_a_graph_by_hand_runs_clean(small_graph: Graph, run_network: Run) -> None:
    """Under the sanitizers, with an arena of exactly the size promised."""
    files = generate_c(small_graph, labels=_labels(small_graph))
    outputs = run_network(files, _windows((1, 5, 7, 1), 2))
    assert outputs.shape == (WINDOWS, 4)
    assert len(np.unique(outputs, axis=0)) > WINDOWS // 2
