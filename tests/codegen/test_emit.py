import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.emit import HeadSplit, generate_c
from birdnet_stm32.codegen.self_test_vectors import TestVectors
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, ModelContract, OutputActivation
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.tflite.ir import Graph

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("Great Tit", "Höckerschwan", 'a "quoted" \\ name', "background")
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
CROSS = ["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"]
SPEC = FrontendSpec(
    kind=Frontend.MEL, sample_rate_hz=8_000, window_samples=560, fft_length=64, spec_width=5, num_mels=7
)
CONTRACT = ModelContract(frontend=SPEC, labels=LABELS, output_activation=OutputActivation.SIGMOID)
VECTORS = TestVectors(
    pcm=np.arange(1_120, dtype=np.int16).reshape(2, 560),
    quantized_input=np.arange(-35, 35, dtype=np.int8).reshape(2, 5, 7, 1),
    output=np.arange(8, dtype=np.int8).reshape(2, 4),
)
SPLIT_VECTORS = replace(VECTORS, backbone_output=np.arange(6, dtype=np.int8).reshape(2, 3))

RUNTIME = firmware_templates() / "runtime"
NETWORK = ("birdnet_labels.c", "birdnet_network.c", "birdnet_weights.c")

AssertGolden = Callable[[str, str], None]


def _write(files: dict[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize(
    "name",
    [
        "birdnet_network_id.h",
        "birdnet_network.h",
        "birdnet_network.c",
        "birdnet_weights.h",
        "birdnet_weights.c",
        "birdnet_labels.c",
    ],
)
def test_golden(small_graph: Graph, assert_golden: AssertGolden, name: str) -> None:
    assert_golden(f"codegen/{name}", generate_c(small_graph, labels=LABELS)[name].decode())


def test_golden_of_the_rest(small_graph: Graph, assert_golden: AssertGolden) -> None:
    files = generate_c(small_graph, labels=LABELS, contract=CONTRACT, vectors=VECTORS)
    for name in ("birdnet_test_vectors.h", "birdnet_test_vectors.c", "CMakeLists.txt", "README.md"):
        assert_golden(f"codegen/{name}", files[name].decode())


def test_golden_of_a_head_of_its_own(small_graph: Graph, assert_golden: AssertGolden) -> None:
    files = generate_c(
        small_graph, labels=LABELS, contract=CONTRACT, vectors=SPLIT_VECTORS, split=HeadSplit(max_classes=9)
    )
    assert "birdnet_labels.c" not in files
    for name in (
        "birdnet_network.h",
        "birdnet_network.c",
        "birdnet_head_image.c",
        "birdnet_test_vectors.h",
        "birdnet_test_vectors.c",
        "CMakeLists.txt",
        "README.md",
        "head.json",
    ):
        assert_golden(f"codegen/split_head/{name}", files[name].decode())


def test_the_same_model_gives_the_same_bytes(small_graph: Graph) -> None:
    first = generate_c(small_graph, labels=LABELS, contract=CONTRACT, vectors=VECTORS)
    assert first == generate_c(small_graph, labels=LABELS, contract=CONTRACT, vectors=VECTORS)
    assert list(first) == sorted(first)


@pytest.mark.parametrize("split", [None, HeadSplit()], ids=["whole", "split"])
def test_generated_c_is_as_clang_format_writes_it(
    small_graph: Graph, tmp_path: Path, split: HeadSplit | None
) -> None:
    _need("clang-format-14")
    labels = (*LABELS[:3], "x" * (300 if split is None else 200))
    vectors = VECTORS if split is None else SPLIT_VECTORS
    files = generate_c(small_graph, labels=labels, contract=CONTRACT, vectors=vectors, split=split)
    _write(files, tmp_path)
    (tmp_path / ".clang-format").write_bytes((ROOT / ".clang-format").read_bytes())
    sources = [name for name in files if name.endswith((".c", ".h"))]
    check = ["clang-format-14", "--dry-run", "-Werror", *sources]
    run = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("split", [None, HeadSplit()], ids=["whole", "split"])
@pytest.mark.parametrize("compiler", ["gcc", "arm-none-eabi-gcc"])
def test_generated_c_has_no_warning(
    small_graph: Graph, tmp_path: Path, compiler: str, split: HeadSplit | None
) -> None:
    _need(compiler)
    vectors = VECTORS if split is None else SPLIT_VECTORS
    files = generate_c(small_graph, labels=LABELS, contract=CONTRACT, vectors=vectors, split=split)
    _write(files, tmp_path)
    target = CROSS if compiler.startswith("arm") else []
    sources = [name for name in files if name.endswith(".c")]
    command = [compiler, *STRICT, *target, "-I.", "-Iruntime", "-c", *sources]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_the_library_builds_with_cmake(small_graph: Graph, tmp_path: Path) -> None:
    _need("cmake")
    _need("gcc")
    _write(generate_c(small_graph, labels=LABELS, contract=CONTRACT), tmp_path)
    for command in (["cmake", "-S", ".", "-B", "build"], ["cmake", "--build", "build"]):
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "build" / "libbirdnet_network.a").is_file()


@pytest.mark.slow
def test_a_project_in_cpp_alone_links_the_library(small_graph: Graph, tmp_path: Path) -> None:
    """The library is C: its folder enables the language, and asks the project for no feature of it."""
    for program in ("cmake", "g++"):
        _need(program)
    write = generate_c(small_graph, labels=LABELS, contract=CONTRACT, vectors=VECTORS)
    _write({f"birdnet/{name}": content for name, content in write.items()}, tmp_path)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(listener LANGUAGES CXX)\n"
        "set(CMAKE_CXX_STANDARD 11)\nset(CMAKE_CXX_EXTENSIONS OFF)\n"
        "add_subdirectory(birdnet)\nadd_executable(listener main.cpp)\n"
        "target_compile_options(listener PRIVATE -Wall -Wextra -Wpedantic -Werror)\n"
        "target_link_libraries(listener PRIVATE birdnet_network)\n"
    )
    (tmp_path / "main.cpp").write_text(
        '#include "birdnet_frontend_config.h"\n#include "birdnet_network.h"\n'
        '#include "birdnet_test_vectors.h"\n'
        "alignas(BIRDNET_ARENA_ALIGNMENT) static int8_t arena[BIRDNET_ARENA_BYTES];\n"
        "static double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];\n"
        "int main() {\n    birdnet_network_t network;\n"
        "    return birdnet_network_init(&network, arena, sizeof arena) +\n"
        "           birdnet_frontend_feed(&network, birdnet_test_vectors[0].pcm, scratch) +\n"
        "           birdnet_network_invoke(&network);\n}\n"
    )
    for command in (["cmake", "-S", ".", "-B", "build"], ["cmake", "--build", "build"], ["build/listener"]):
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.slow
def test_labels_come_out_as_they_are(small_graph: Graph, tmp_path: Path) -> None:
    _need("gcc")
    labels = ('"; system("x"); /*', "*/ int main() { % \\n \\", "two\nlines\t🐦??/", "ä" * 150)
    _write(generate_c(small_graph, labels=labels), tmp_path)
    (tmp_path / "main.c").write_text(
        '#include "birdnet_network.h"\n#include <stdio.h>\n'
        "int main(void) {\n"
        "    for (size_t i = 0; i < BIRDNET_OUTPUT_ELEMENTS; ++i) {\n"
        "        fwrite(birdnet_labels[i], 1, __builtin_strlen(birdnet_labels[i]) + 1, stdout);\n"
        "    }\n    return 0;\n}\n"
    )
    sources = ["main.c", *NETWORK, *(f"runtime/{path.name}" for path in sorted(RUNTIME.glob("*.c")))]
    command = ["gcc", "-std=c11", "-I.", *sources, "-lm", "-o", "labels"]
    subprocess.run(command, cwd=tmp_path, check=True)
    output = subprocess.run([tmp_path / "labels"], capture_output=True, check=True).stdout
    assert tuple(output.decode().split("\0")[:-1]) == labels


@pytest.mark.slow
def test_bad_arguments_give_a_status(small_graph: Graph, tmp_path: Path) -> None:
    _need("gcc")
    files = generate_c(small_graph, labels=LABELS)
    _write(files, tmp_path)
    (tmp_path / "main.c").write_text(
        '#include "birdnet_network.h"\n#include "runtime/birdnet_kernels.h"\n#include <assert.h>\n'
        "static _Alignas(BIRDNET_ARENA_ALIGNMENT) int8_t arena[BIRDNET_ARENA_BYTES + 1];\n"
        "int main(void) {\n"
        "    birdnet_network_t network = {0};\n"
        "    float output[BIRDNET_OUTPUT_ELEMENTS];\n"
        "    assert(birdnet_network_init(0, arena, sizeof arena) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_init(&network, 0, sizeof arena) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_init(&network, arena + 1, BIRDNET_ARENA_BYTES) ==\n"
        "           BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_init(&network, arena, BIRDNET_ARENA_BYTES - 1) ==\n"
        "           BIRDNET_ERROR_MEMORY);\n"
        "    assert(birdnet_network_invoke(&network) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_input(&network) == 0 && birdnet_network_input(0) == 0);\n"
        "    assert(birdnet_network_output(&network) == 0 && birdnet_network_output(0) == 0);\n"
        "    assert(birdnet_network_dequantize(&network, output) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_dequantize(0, output) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_get_input(&network, arena) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_set_input(&network, arena) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_quantize(&network, output) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_run(&network, output, output) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_run(0, output, output) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_init(&network, arena, BIRDNET_ARENA_BYTES) == BIRDNET_OK);\n"
        "    assert(birdnet_network_run(&network, 0, output) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_conv2d(0, arena, arena) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_set_input(&network, 0) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_get_input(0, arena) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_quantize(&network, 0) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_dequantize(&network, 0) == BIRDNET_ERROR_ARGUMENT);\n"
        "    assert(birdnet_network_invoke(&network) == BIRDNET_OK);\n"
        "    return 0;\n}\n"
    )
    sources = sorted(name for name in files if name.endswith(".c"))
    command = ["gcc", *STRICT, "-I.", "main.c", *sources, "-lm", "-o", "arguments"]
    subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "arguments"], check=True)


@pytest.mark.slow
def test_an_input_can_lie_in_another_order(builder: Any, tmp_path: Path) -> None:
    """[3, 5, 2] stored as [5, 3, 2]."""
    _need("gcc")
    source = builder.tensor((1, 3, 5, 2), dtype="float32", scale=None)
    entry = builder.operator("QUANTIZE", [source], [builder.tensor((1, 3, 5, 2), scale=1.0)])
    turned = builder.tensor((1, 5, 3, 2), scale=1.0)
    builder.operator("TRANSPOSE", [entry, builder.constant([0, 2, 1, 3], "int32")], [turned])
    result = builder.operator("RELU", [turned], [builder.tensor((1, 5, 3, 2), scale=1.0)])
    output = builder.tensor((1, 5, 3, 2), dtype="float32", scale=None)
    builder.operator("DEQUANTIZE", [result], [output])
    files = generate_c(builder.graph([source], [output]), labels=[""] * 30)
    _write(files, tmp_path)
    sources = [name for name in files if name.endswith(".c") and "frontend" not in name]
    check = str(Path(__file__).with_name("input_order_check.c"))
    command = ["gcc", *STRICT, "-I.", check, *sources, "-lm", "-o", "order"]
    subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "order"], check=True)


def test_the_description_agrees_with_the_files(small_graph: Graph) -> None:
    files = generate_c(small_graph, labels=LABELS)
    description = json.loads(files.pop("network.json"))
    assert description["sha256"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert description["macs"] == sum(operator["macs"] for operator in description["operators"]) == 444
    assert description["output"]["labels"] == list(LABELS)
    assert description["input"] == {
        "name": "quantized features",
        "shape": [1, 5, 7, 1],
        "elements": 35,
        "scale": float(np.float32(0.02)),
        "zero_point": -128,
    }
    arena = description["arena"]
    ends = [tensor["offset_bytes"] + tensor["size_bytes"] for tensor in arena["tensors"]]
    assert max(ends) <= arena["size_bytes"]
    assert f"#define BIRDNET_ARENA_BYTES {arena['size_bytes']}u" in files["birdnet_network.h"].decode()


def test_refuses_labels_that_do_not_fit(small_graph: Graph) -> None:
    with pytest.raises(InputError, match="3 labels for 4 outputs"):
        generate_c(small_graph, labels=LABELS[:3])


def test_refuses_a_front_end_of_another_size(small_graph: Graph) -> None:
    contract = replace(CONTRACT, frontend=replace(SPEC, num_mels=8))
    with pytest.raises(InputError, match=r"the front end gives \[5, 8, 1\]"):
        generate_c(small_graph, labels=LABELS, contract=contract)


def test_refuses_a_contract_with_another_output(small_graph: Graph) -> None:
    contract = replace(CONTRACT, output_activation=OutputActivation.LOGIT)
    with pytest.raises(InputError, match="the network gives probabilities"):
        generate_c(small_graph, labels=LABELS, contract=contract)


def test_refuses_vectors_without_a_contract_or_of_another_size(small_graph: Graph) -> None:
    with pytest.raises(InputError, match="need the front end"):
        generate_c(small_graph, labels=LABELS, vectors=VECTORS)
    other = replace(VECTORS, pcm=VECTORS.pcm[:, :500])
    with pytest.raises(InputError, match=r"the test vectors' sizes are \(35, 4, 500\)"):
        generate_c(small_graph, labels=LABELS, contract=CONTRACT, vectors=other)
