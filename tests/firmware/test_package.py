"""The package builds and proves itself with a compiler and CMake alone, and fits other build systems."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32 import api
from birdnet_stm32.audio.windows.window_positions import window_starts
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.self_test_vectors import make_test_vectors
from birdnet_stm32.config.detect_table import DetectTable, SpeciesRuleTable
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.rules import Rules, make_rules
from birdnet_stm32.evaluate.score import int8_scorer
from birdnet_stm32.firmware.package import PackageSettings, render_package
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.tflite.reader import read_graph

pytestmark = [pytest.mark.shared, pytest.mark.slow]

SETTINGS = PackageSettings(
    name="forest-2",
    title='Birds of "my" /* forest',
    version="1.2.3-rc.1",
    model_sha256="ab" * 32,
    input_rates_hz=(44_100, 48_000),
)
RECORDINGS_APART = 4
STRICT = "-Wall -Wextra -Wconversion -Werror"
CORES = {
    "cortex-m4f": "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16",
    "cortex-m7": "-mcpu=cortex-m7 -mfpu=fpv5-d16",
    "cortex-m33": "-mcpu=cortex-m33 -mfpu=fpv5-sp-d16",
    "cortex-m55": "-mcpu=cortex-m55",
}
# What Zephyr's own CMake functions do, as its documentation says.
ZEPHYR = """\
cmake_minimum_required(VERSION 3.20)
project(application LANGUAGES C)
macro(zephyr_library_named name)
    set(ZEPHYR_CURRENT_LIBRARY ${name})
    add_library(${name} STATIC)
endmacro()
function(zephyr_library_sources)
    target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_compile_options)
    target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_include_directories)
    foreach(path ${ARGN})
        cmake_path(ABSOLUTE_PATH path NORMALIZE)
        include_directories(${path})
        target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${path})
    endforeach()
endfunction()
set(CONFIG_BIRDNET_FOREST_2 y)
add_subdirectory(package/zephyr)
"""
CONSUMER = """\
cmake_minimum_required(VERSION 3.21)
project(listener LANGUAGES C)
find_package(birdnet_forest_2 1.2 CONFIG REQUIRED)
add_executable(listener package/examples/minimal/main.c)
target_link_libraries(listener PRIVATE birdnet_forest_2::birdnet_forest_2)
"""
ARDUINO = """\
#include <cstdint>
struct Port {
    void begin(int) {}
    void print(float, int) {}
    void print(const char *) {}
    void println(const char *) {}
};
static Port Serial;
"""

Write = Callable[[Mapping[str, bytes], Path], Path]


@pytest.fixture(scope="module")
def rules(shared: Path) -> Rules:
    contract = read_contract(shared / "checkpoints" / "birdnet_stm32n6_100_model_config.json")
    table = DetectTable(species={contract.labels[3]: SpeciesRuleTable(need=1, threshold=0.2)})
    return make_rules(table, contract.labels, (0.3,) * len(contract.labels), contract.frontend.window_shape)


def render(shared: Path, rules: Rules) -> dict[str, bytes]:
    model = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    contract = read_contract(shared / "checkpoints" / "birdnet_stm32n6_100_model_config.json")
    pcm = np.random.default_rng(1).integers(-9_000, 9_000, (1, contract.frontend.window_samples))
    files = generate_c(
        read_graph(model, where="published"),
        labels=contract.labels,
        contract=contract,
        vectors=make_test_vectors(pcm.astype(np.int16), contract.frontend, model),
    )
    return render_package(files, contract, rules, SETTINGS)


@pytest.fixture(scope="module")
def files(shared: Path, rules: Rules) -> dict[str, bytes]:
    return render(shared, rules)


@pytest.fixture(scope="module")
def built(files: dict[str, bytes], write: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built and installed as its README says."""
    if shutil.which("cmake") is None or shutil.which("gcc") is None:
        pytest.skip("cmake or gcc is not installed")
    folder = write(files, tmp_path_factory.mktemp("package"))
    cmake(folder, "-S", ".", "-B", "build", "-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_C_FLAGS={STRICT}")
    cmake(folder, "--build", "build", "--parallel", "2")
    cmake(folder, "--install", "build", "--prefix", "installed")
    return folder


def run(command: Sequence[object], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def cmake(folder: Path, *arguments: str, **environment: str) -> str:
    return run(["cmake", *arguments], folder, **environment)


def test_the_stored_windows_prove_the_port(built: Path) -> None:
    assert "100% tests passed" in run(["ctest", "--test-dir", "build"], built)
    assert "100 outputs equal" in run(["build/check_vectors"], built)


def test_a_wrong_network_is_noticed(files: dict[str, bytes], write: Write, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    text = files["src/birdnet_test_vectors.c"].decode()
    start = text.index("{", text.index("output"))
    first = text[start + 1 :].split(",", 1)[0]
    other = str(-int(first) - 1)
    changed = text[: start + 1] + text[start + 1 :].replace(first, f"\n    {other}", 1)
    folder = write({**files, "src/birdnet_test_vectors.c": changed.encode()}, tmp_path)
    sources = [*sorted(folder.glob("src/*.c")), *sorted(folder.glob("src/runtime/*.c"))]
    run(["gcc", "-std=c11", "-O1", "-ffp-contract=off", "-Isrc", "-Isrc/runtime", "tests/check_vectors.c",
         *sources, "-lm", "-o", "check"], folder)  # fmt: skip
    done = subprocess.run([folder / "check"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "output 0 is" in done.stdout


def test_a_recording_gives_the_events_of_the_host(built: Path, shared: Path, rules: Rules) -> None:
    model = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    contract = read_contract(shared / "checkpoints" / "birdnet_stm32n6_100_model_config.json")
    shape = contract.frontend.window_shape
    rate = shape.sample_rate_hz
    count = 0
    for recording in sorted((shared / "data" / "birds").rglob("*.*"))[::RECORDINGS_APART]:
        if recording.suffix not in (".flac", ".wav", ".ogg", ".mp3"):
            continue
        pcm = api.read_recording(recording, contract)
        soundfile.write(built / "a.wav", pcm, rate, subtype="PCM_16")
        starts = np.array(window_starts(len(pcm), shape.window_samples, shape.hop_samples))
        scores = int8_scorer(model, contract)(api.cut_windows(pcm, contract))
        wanted = [
            f'{one.start_samples / rate:.3f},{one.end_samples / rate:.3f},"{one.label}",{one.score:.4f}'
            for one in find_events(scores, starts, rules, samples=len(pcm))
        ]
        printed = run(["build/wav_to_table", "a.wav"], built).splitlines()
        assert printed[0] == "start_s,end_s,species,probability"
        assert sorted(printed[1:]) == sorted(wanted)
        count += len(wanted)
    assert count


def test_examples_run(built: Path) -> None:
    assert run(["build/minimal"], built).startswith('Birds of "my" /* forest 1.2.3-rc.1, network ')
    assert run(["build/ring_buffer"], built).endswith("heard 4 windows\n")
    refused = subprocess.run(
        [built / "build/wav_to_table", built / "LICENSE"], capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert "LICENSE: " in refused.stderr


def test_an_installed_package_is_found(built: Path, tmp_path: Path) -> None:
    (tmp_path / "package").symlink_to(built)
    (tmp_path / "CMakeLists.txt").write_text(CONSUMER)
    cmake(tmp_path, "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={built / 'installed'}")
    cmake(tmp_path, "--build", "build")
    assert "network" in run(["build/listener"], tmp_path)


def test_zephyr_finds_a_module(files: dict[str, bytes], write: Write, tmp_path: Path) -> None:
    if shutil.which("cmake") is None or shutil.which("gcc") is None:
        pytest.skip("cmake or gcc is not installed")
    write(files, tmp_path / "package")
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR)
    cmake(tmp_path, "-S", ".", "-B", "build")
    cmake(tmp_path, "--build", "build", "--parallel", "2")
    assert list((tmp_path / "build").rglob("libbirdnet_forest_2.a"))
    assert "config BIRDNET_FOREST_2" in files["zephyr/Kconfig"].decode()
    assert files["zephyr/module.yml"].decode().splitlines()[1] == "name: birdnet_forest_2"


@pytest.mark.parametrize("core", CORES.values(), ids=CORES.keys())
def test_it_builds_for_microcontrollers(
    files: dict[str, bytes], write: Write, tmp_path: Path, core: str
) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    folder = write(files, tmp_path)
    sources = [*sorted(folder.glob("src/*.c")), *sorted(folder.glob("src/runtime/*.c"))]
    flags = f"-std=c11 -O2 -ffp-contract=off -mthumb -mfloat-abi=hard {core} {STRICT}".split()
    specs = ["--specs=nano.specs", "--specs=nosys.specs", "-Wl,--gc-sections", "-Wl,--no-warnings"]
    sections = ["-ffunction-sections", "-fdata-sections", "-Isrc", "-Isrc/runtime"]
    command = ["arm-none-eabi-gcc", *flags, *sections, *specs, "examples/minimal/main.c", *sources]
    run([*command, "-lm", "-o", "minimal.elf"], folder)


def test_headers_are_c_plus_plus_and_arduino_finds_the_library(
    files: dict[str, bytes], write: Write, tmp_path: Path
) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    folder = write(files, tmp_path)
    headers = [*sorted(folder.glob("src/*.h")), *sorted(folder.glob("src/runtime/*.h"))]
    public = [path for path in headers if "_mve" not in path.name and 'extern "C"' in path.read_text()]
    assert {"birdnet.h", "birdnet_rules.h", "birdnet_ring.h", "birdnet_wav.h"} <= {
        path.name for path in public
    }
    includes = "".join(f'#include "{path.relative_to(folder / "src")}"\n' for path in public)
    (folder / "all.cpp").write_text(f"{includes}int main() {{ return 0; }}\n")
    flags = ["-std=c++17", *STRICT.split(), "-pedantic"]
    run(["g++", *flags, "-Isrc", "-fsyntax-only", "all.cpp"], folder)
    # The folder src is all that Arduino adds to the include path.
    sketch = ARDUINO + files["examples/Listen/Listen.ino"].decode()
    (folder / "sketch.cpp").write_text(f"{sketch}int main() {{ setup(); loop(); }}\n")
    run(["g++", "-std=c++17", "-Isrc", "-fsyntax-only", "sketch.cpp"], folder)
    run(["gcc", "-std=c11", "-Isrc", "-c", *sorted(folder.glob("src/*.c"))], folder)
    properties = dict(line.split("=", 1) for line in files["library.properties"].decode().splitlines())
    assert properties["name"] == "birdnet_forest_2"
    assert properties["includes"] == "birdnet.h"
    described = json.loads(files["library.json"])
    assert (described["name"], described["version"]) == ("birdnet_forest_2", "1.2.3-rc.1")


def test_every_source_says_its_licence(files: dict[str, bytes]) -> None:
    lines = {
        name: text.split(b"\n", 1)[0].decode() for name, text in files.items() if name.endswith((".c", ".h"))
    }
    assert lines["src/birdnet.c"] == "/* SPDX-License-Identifier: MIT */"
    assert lines["src/birdnet_weights.c"] == "/* SPDX-License-Identifier: LicenseRef-Model */"
    assert lines["src/birdnet_test_vectors.c"] == "/* SPDX-License-Identifier: LicenseRef-Recordings */"
    assert all(line.startswith("/* SPDX-License-Identifier: ") for line in lines.values())


def test_the_same_bytes_every_time_and_c_is_formatted(
    shared: Path, rules: Rules, files: dict[str, bytes], write: Write, tmp_path: Path
) -> None:
    assert render(shared, rules) == files
    if shutil.which("clang-format") is None:
        pytest.skip("clang-format is not installed")
    write({"a/" + name: text for name, text in files.items()}, tmp_path)
    shutil.copy(Path(__file__).parents[2] / ".clang-format", tmp_path)
    names = [
        "src/birdnet.h",
        "src/birdnet.c",
        "src/birdnet_rules.h",
        "src/birdnet_rules.c",
        "src/birdnet_resample_filters.h",
        "src/birdnet_resample_filters.c",
        "tests/check_vectors.c",
    ]
    names += [name for name in files if name.startswith("examples/") and name.endswith(".c")]
    run(["clang-format", "--dry-run", "-Werror", *(f"a/{name}" for name in names)], tmp_path)
