"""Parts of two networks never become one program: neither a compiler nor a linker lets them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.self_test_vectors import TestVectors
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, ModelContract, OutputActivation
from birdnet_stm32.tflite.ir import Graph

LABELS = ("one", "two", "three", "four")
SPEC = FrontendSpec(
    kind=Frontend.MEL, sample_rate_hz=8_000, window_samples=560, fft_length=64, spec_width=5, num_mels=7
)
CONTRACT = ModelContract(frontend=SPEC, labels=LABELS, output_activation=OutputActivation.SIGMOID)
VECTORS = TestVectors(
    pcm=np.arange(1_120, dtype=np.int16).reshape(2, 560),
    quantized_input=np.arange(-35, 35, dtype=np.int8).reshape(2, 5, 7, 1),
    output=np.arange(8, dtype=np.int8).reshape(2, 4),
)
COMPILERS = {
    "gcc": ("gcc", []),
    "arm-none-eabi-gcc": (
        "arm-none-eabi-gcc",
        "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard --specs=nano.specs --specs=nosys.specs".split(),
    ),
}
HEADERS = ("birdnet_network.h", "birdnet_weights.h", "birdnet_frontend_config.h", "birdnet_test_vectors.h")
OBJECTS = tuple(
    f"birdnet_{part}.o" for part in ("network", "weights", "labels", "frontend_config", "test_vectors")
)
# One statement for each name that belongs to a network.
USES = {
    "birdnet_network_init": "birdnet_network_init(&network, 0, 0);",
    "birdnet_network_input": "birdnet_network_input(&network);",
    "birdnet_network_input_place": "birdnet_network_input_place(1);",
    "birdnet_network_set_input": "birdnet_network_set_input(&network, 0);",
    "birdnet_network_get_input": "birdnet_network_get_input(&network, 0);",
    "birdnet_network_output": "birdnet_network_output(&network);",
    "birdnet_network_embedding": "birdnet_network_embedding(&network);",
    "birdnet_network_quantize": "birdnet_network_quantize(&network, 0);",
    "birdnet_network_invoke": "birdnet_network_invoke(&network);",
    "birdnet_network_dequantize": "birdnet_network_dequantize(&network, 0);",
    "birdnet_network_run": "birdnet_network_run(&network, 0, 0);",
    "birdnet_frontend_feed": "birdnet_frontend_feed(&network, 0, 0);",
    "birdnet_frontend_config": "sum += (int)birdnet_frontend_config.rows;",
    "birdnet_labels": "sum += birdnet_labels[0][0];",
    "birdnet_test_vectors": "sum += birdnet_test_vectors[0].pcm[0];",
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two networks in folders ``a`` and ``b`` as sources, objects and static libraries.

    Args:
        folder: holds both.
        compiler: the command with the flags of its target.
        digests: of both, by name.
    """

    folder: Path
    compiler: tuple[str, ...]
    digests: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self.compiler, "-std=c11", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def user(self, network: str, *names: str) -> str:
        """Return the object of a file that uses these names of a network, through its headers."""
        stem = f"use_{network}_{'_'.join(names)}"[:100]
        statements = "\n    ".join(USES[name] for name in names)
        (self.folder / f"{stem}.c").write_text(
            "".join(f'#include "{header}"\n' for header in HEADERS)
            + f"int use_{network}(void);\nint use_{network}(void) {{\n"
            f"    birdnet_network_t network = {{0}};\n    int sum = 0;\n    (void)network;\n"
            f"    {statements}\n    return sum;\n}}\n"
        )
        done = self.run(f"-I{network}", f"-I{network}/runtime", "-c", f"{stem}.c")
        assert done.returncode == 0, done.stderr
        return f"{stem}.o"

    def main(self, *networks: str) -> str:
        """Return the object of a program that calls the users of these networks."""
        stem = f"main_{''.join(networks)}"
        declared = "".join(f"int use_{network}(void);\n" for network in networks)
        called = " + ".join(f"use_{network}()" for network in networks)
        (self.folder / f"{stem}.c").write_text(f"{declared}int main(void) {{\n    return {called};\n}}\n")
        assert self.run("-c", f"{stem}.c").returncode == 0
        return f"{stem}.o"

    def link(self, *inputs: str) -> subprocess.CompletedProcess[str]:
        return self.run(*inputs, "-lm", "-o", "program")


def _networks(graph: Graph) -> dict[str, dict[str, bytes]]:
    """Return the C of two networks that differ in their weights only."""
    changed = tuple(
        tensor if tensor.dtype != "int8" or tensor.data is None else replace(tensor, data=tensor.data // 2)
        for tensor in graph.tensors
    )
    graphs = {"a": graph, "b": replace(graph, tensors=changed)}
    return {
        name: generate_c(each, labels=LABELS, contract=CONTRACT, vectors=VECTORS)
        for name, each in graphs.items()
    }


@pytest.fixture(params=sorted(COMPILERS), scope="module")
def pair(
    request: pytest.FixtureRequest, small_graph: Graph, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    program, flags = COMPILERS[request.param]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("pair")
    digests = {}
    archiver = program.replace("gcc", "ar") if program != "gcc" else "ar"
    for name, files in _networks(small_graph).items():
        write_tree(folder / name, files)
        header = files["birdnet_network_id.h"].decode()
        digests[name] = header.split('#define BIRDNET_NETWORK_DIGEST "')[1][:16]
        sources = [file for file in files if file.endswith(".c")]
        command = [program, *flags, "-std=c11", "-O1", "-I.", "-Iruntime", "-c", *sources]
        subprocess.run(command, cwd=folder / name, check=True)
        objects = [f"{Path(source).stem}.o" for source in sources]
        subprocess.run([archiver, "rcs", f"../lib{name}.a", *objects], cwd=folder / name, check=True)
    return Pair(folder=folder, compiler=(program, *flags), digests=digests)


def _objects(network: str, names: Sequence[str]) -> list[str]:
    return [f"{network}/{name}" for name in names]


@pytest.mark.slow
def test_one_network_links_as_objects_and_as_a_library(pair: Pair) -> None:
    inputs = (pair.main("a"), pair.user("a", *USES))
    for done in (pair.link(*inputs, "liba.a"), pair.link(*inputs, *_objects("a", OBJECTS), "liba.a")):
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_two_libraries_do_not_link(pair: Pair, order: str) -> None:
    libraries = [f"lib{name}.a" for name in order]
    users = [pair.user(name, "birdnet_network_init", "birdnet_network_run") for name in order]
    done = pair.link(pair.main("a", "b"), *users, *libraries)
    assert done.returncode != 0
    assert "multiple definition of `birdnet_one_network_in_a_program'" in done.stderr
    grouped = ["-Wl,--start-group", *libraries, "-Wl,--end-group"]
    assert pair.link(pair.main("a", "b"), *users, *grouped).returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_no_name_of_one_library_serves_beside_another(pair: Pair, order: str) -> None:
    libraries = [f"lib{name}.a" for name in order]
    first = pair.user("a", "birdnet_network_init")
    for name in USES:
        done = pair.link(pair.main("a", "b"), first, pair.user("b", name), *libraries)
        assert done.returncode != 0, name
        assert "birdnet_one_network_in_a_program" in done.stderr, name


@pytest.mark.slow
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_objects_of_two_networks_do_not_link(pair: Pair, order: str) -> None:
    users = [pair.user(name, "birdnet_network_init") for name in order]
    objects = [file for name in order for file in _objects(name, OBJECTS)]
    done = pair.link(pair.main("a", "b"), *users, *objects, "liba.a")
    assert done.returncode != 0
    assert "multiple definition of `birdnet_one_network_in_a_program'" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", USES)
def test_a_header_with_another_networks_library_does_not_link(pair: Pair, name: str) -> None:
    done = pair.link(pair.main("a"), pair.user("a", name), "libb.a")
    assert done.returncode != 0
    assert f"undefined reference to `{name}_of_network_{pair.digests['a']}'" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("stale", OBJECTS)
def test_one_object_of_another_network_does_not_link(pair: Pair, stale: str) -> None:
    own = [name for name in OBJECTS if name != stale]
    runtime = [path.relative_to(pair.folder).as_posix() for path in _runtime_objects(pair)]
    inputs = (pair.main("a"), pair.user("a", *USES))
    done = pair.link(*inputs, *_objects("a", own), *_objects("b", [stale]), *runtime)
    assert done.returncode != 0
    assert f"_of_network_{pair.digests['a']}'" in done.stderr


def _runtime_objects(pair: Pair) -> list[Path]:
    return sorted(path for path in (pair.folder / "a").glob("*.o") if path.name not in OBJECTS)


@pytest.mark.slow
@pytest.mark.parametrize("first", HEADERS)
@pytest.mark.parametrize("second", HEADERS)
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_headers_of_two_networks_do_not_compile_in_one_file(
    pair: Pair, first: str, second: str, order: str
) -> None:
    text = f'#include "{order[0]}/{first}"\n#include "{order[1]}/{second}"\nint unused;\n'
    (pair.folder / "both.c").write_text(text)
    for language in ("c", "c++"):
        done = pair.run("-fsyntax-only", "-w", "-x", language, "-Wno-error", "both.c")
        if language == "c++" and "cannot execute" in done.stderr:
            continue  # without the compiler for C++
        assert done.returncode != 0
        assert f"network {pair.digests[order[1]]} after another in one file" in done.stderr
        assert all(f"birdnet_network_{digest}" in done.stderr for digest in pair.digests.values())


def test_the_digest_is_that_of_all_c_but_the_runtime(small_graph: Graph) -> None:
    def digest(**changes: object) -> str:
        arguments = {"labels": LABELS, "contract": CONTRACT, "vectors": VECTORS, **changes}
        return generate_c(small_graph, **arguments)["birdnet_network_id.h"].decode()  # type: ignore[arg-type]

    other_rate = replace(CONTRACT, frontend=replace(SPEC, sample_rate_hz=8_001))
    found = {
        digest(),
        digest(),
        digest(labels=(*LABELS[:3], "five")),
        digest(contract=other_rate),
        digest(vectors=None),
    }
    assert len(found) == 4


def test_every_public_name_belongs_to_its_network(
    small_graph: Graph, declared: Callable[[str], set[str]]
) -> None:
    files = generate_c(small_graph, labels=LABELS, contract=CONTRACT, vectors=VECTORS)
    shared = {"birdnet_one_network_in_a_program"}
    names = {name for header in HEADERS for name in declared(files[header].decode())} - shared
    renamed = files["birdnet_network_id.h"].decode() + files["birdnet_weights.h"].decode()
    assert names >= set(USES)
    assert all(f"#define {name} BIRDNET_OF_NETWORK({name})\n" in renamed for name in names)


@pytest.fixture
def declared() -> Callable[[str], set[str]]:
    """Return a function that finds what a header declares for the linker."""

    def names(header: str) -> set[str]:
        code = re.sub(r"/\*.*?\*/|^#.*?$", "", header, flags=re.DOTALL | re.MULTILINE)
        functions = re.findall(r"^[a-z][\w ]*[ *](birdnet_\w+)\(", code, flags=re.MULTILINE)
        return {*functions, *re.findall(r"^extern [\w *]*?(birdnet_\w+)(?:\[[^\n]*\])?;", code, re.MULTILINE)}

    return names
