import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.self_test_vectors import TestVectors, make_test_vectors, vector_files
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.quant.arithmetic.scheme import quantize
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import read_graph


@pytest.fixture
def published(shared: Path) -> tuple[bytes, ModelContract]:
    folder = shared / "checkpoints"
    contract = read_contract(folder / "birdnet_stm32n6_100_model_config.json")
    return (folder / "birdnet_stm32n6_100.tflite").read_bytes(), contract


@pytest.mark.parametrize(("elements", "differing"), [(10, 1), (100, 2), (65_792, 1_316)])
def test_a_few_inputs_may_be_off_by_one(elements: int, differing: int) -> None:
    vectors = TestVectors(
        pcm=np.zeros((1, 4), dtype=np.int16),
        quantized_input=np.zeros((1, elements), dtype=np.int8),
        output=np.zeros((1, 2), dtype=np.int8),
    )
    header = vector_files(vectors)["birdnet_test_vectors.h"].decode()
    assert f"#define BIRDNET_TEST_MAX_DIFFERING {differing}u" in header


@pytest.mark.shared
def test_expectations_are_those_of_front_end_and_reference(published: tuple[bytes, ModelContract]) -> None:
    model, contract = published
    pcm = np.random.default_rng(1).integers(-9_000, 9_000, (2, contract.frontend.window_samples))
    vectors = make_test_vectors(pcm.astype(np.int16), contract.frontend, model)
    values = features(vectors.pcm, contract.frontend)
    graph = read_graph(model, where="published")
    files = generate_c(graph, labels=contract.labels, contract=contract, vectors=vectors)
    entry = json.loads(files["network.json"])["input"]
    assert np.array_equal(vectors.quantized_input, quantize(values, entry["scale"], entry["zero_point"]))
    assert np.array_equal(vectors.output, interpreter.run_from_int8(model, vectors.quantized_input))


@pytest.mark.shared
def test_refuses_no_window(published: tuple[bytes, ModelContract]) -> None:
    model, contract = published
    with pytest.raises(InputError, match="no window"):
        make_test_vectors(
            np.zeros((0, contract.frontend.window_samples), dtype=np.int16), contract.frontend, model
        )


@pytest.mark.shared
def test_refuses_a_front_end_of_another_model(published: tuple[bytes, ModelContract]) -> None:
    model, contract = published
    spec = replace(contract.frontend, spec_width=100)
    with pytest.raises(InputError):
        make_test_vectors(np.zeros((1, spec.window_samples), dtype=np.int16), spec, model)
