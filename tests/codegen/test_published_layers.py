"""The published model on recordings of birds: every tensor that its generated C computes, bit by bit."""

from __future__ import annotations

import re
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend import spectrogram
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph

pytestmark = [pytest.mark.slow, pytest.mark.shared]

WINDOWS = 20
MODEL = "checkpoints/birdnet_stm32n6_100"
Build = Callable[[Path, str], list[str]]


@pytest.fixture(scope="session")
def model(shared: Path) -> bytes:
    return (shared / f"{MODEL}.tflite").read_bytes()


@pytest.fixture(scope="session")
def windows(shared: Path) -> npt.NDArray[np.float32]:
    """The features of the first window of as many recordings, of all species in turn."""
    spec = read_contract(shared / f"{MODEL}_model_config.json").frontend
    folders = sorted(path for path in (shared / "data" / "birds").iterdir() if path.is_dir())
    files = [sorted(folder.glob("*.flac")) for folder in folders]
    chosen = [species[turn] for turn in range(WINDOWS) for species in files if turn < len(species)]
    pcm = []
    for path in chosen[:WINDOWS]:
        decoded = decode(path, sample_rate_hz=spec.sample_rate_hz)
        assert not isinstance(decoded, Unusable)
        pcm.append(np.resize(decoded, spec.window_samples))
    assert len(pcm) == WINDOWS
    return spectrogram.features(np.stack(pcm), spec)


@pytest.fixture(scope="session")
def expected(model: bytes, windows: npt.NDArray[np.float32]) -> list[dict[int, Any]]:
    return [interpreter.tensors(model, window) for window in windows]


def _prepare(graph: Graph, quantized: list[Any], folder: Path) -> list[int]:
    """Write the network so that it reports each tensor; return which it reports."""
    program = lower(graph)
    files = generate_c(graph, labels=[""] * 100)
    outputs = [step.output for step in program.steps]
    sizes = iter(program.graph.tensors[output].elements for output in outputs)

    def reporting(call: re.Match[str]) -> str:
        return f"{call[0]}\n    layer_done({call[1]}, {next(sizes)});"

    code = files["birdnet_network.c"].decode()
    code = re.sub(r"status =\s+birdnet_\w+\(&layer_[^;]*?(&arena\[T\d+\])\);", reporting, code)
    assert next(sizes, None) is None
    files["birdnet_network.c"] = f'#include "layers_check.h"\n{code}'.encode()
    declarations = "#include <stdint.h>\nvoid layer_done(const int8_t *values, uint32_t elements);\n"
    files["layers_check.h"] = f"{declarations}#define WINDOWS {len(quantized)}\n".encode()
    files["windows.bin"] = b"".join(values.tobytes() for values in quantized)
    write_tree(folder, files)
    return outputs


def _agree(build: Build, model: bytes, expected: list[dict[int, Any]], folder: Path) -> None:
    graph = read_graph(model, where="published")
    entry = graph.operators[0].outputs[0]
    outputs = _prepare(graph, [tensors[entry] for tensors in expected], folder)
    run = subprocess.run(
        build(folder, "layers_check.c"), cwd=folder, capture_output=True, text=True, timeout=300, check=True
    )
    found = [[int(crc) for crc in line.split()] for line in run.stdout.splitlines()]
    names = [graph.tensors[output].short_name for output in outputs]
    for line, tensors in zip(found, expected, strict=True):
        wanted = [zlib.crc32(tensors[output].tobytes()) for output in outputs]
        assert list(zip(names, line, strict=True)) == list(zip(names, wanted, strict=True))


def test_every_tensor_agrees_on_the_host(
    on_the_host: Build, model: bytes, expected: list[dict[int, Any]], tmp_path: Path
) -> None:
    _agree(on_the_host, model, expected, tmp_path)


@pytest.mark.emulated
def test_every_tensor_agrees_on_the_core(
    on_the_core: Build, model: bytes, expected: list[dict[int, Any]], tmp_path: Path
) -> None:
    _agree(on_the_core, model, expected, tmp_path)
