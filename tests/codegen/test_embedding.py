"""The embedding in the arena is what LiteRT's reference kernels feed to the last layer."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.codegen.compiled_network import CompiledNetwork, compile_network, find_compiler
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.files.document import parse_document
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import read_graph


@pytest.mark.shared
@pytest.mark.slow
def test_the_embedding_of_the_published_model(shared: Path, tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("no C compiler is installed")
    model = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    graph = read_graph(model, where="published")
    dense = next(one for one in reversed(graph.operators) if one.name == "FULLY_CONNECTED")
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    inputs = np.random.default_rng(2).uniform(0, 1, (3, *shape)).astype(np.float32)
    expected = [values.reshape(-1) for (values,) in interpreter.trace(model, inputs, [dense.inputs[0]])]

    library = compile_network(model, compiler, tmp_path)
    network = CompiledNetwork(library)
    described = library.with_suffix(".json")
    document = parse_document(NetworkDocument, described.read_bytes(), where=described)
    embedding = ctypes.CDLL(str(library))[f"birdnet_network_embedding_of_network_{document.digest}"]
    embedding.restype = ctypes.POINTER(ctypes.c_int8)
    for window, wanted in zip(inputs, expected, strict=True):
        network.run(window[np.newaxis])
        found = np.ctypeslib.as_array(embedding(network._network), (len(wanted),))
        assert np.array_equal(found, wanted)
        assert len(set(wanted.tolist())) > 5
