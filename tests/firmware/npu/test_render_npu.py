"""The project whose network the NPU computes, as it is rendered."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from birdnet_stm32 import process
from birdnet_stm32.codegen.source_list import cmake_listing
from birdnet_stm32.errors import GateError, InputError, ToolError
from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.npu_network import NpuMemory, NpuNetwork, NpuPort
from birdnet_stm32.firmware.render import FirmwareSettings, model_digest, npu_digest, render_project

Files = dict[str, bytes]
Network = Callable[..., NpuNetwork]

BOARD = "stm32n6570_dk"
SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title="A stand-in", version="1.2.3")
FLOAT = NpuPort(dtype="float32", size_bytes=256, scale=None, zero_point=None)


def project(model: Files, network: NpuNetwork) -> Files:
    return render_project(BOARD, model, SETTINGS, npu=network)


def test_the_npu_takes_the_place_of_the_networks_c(model: Files, network: Network) -> None:
    files = project(model, network())
    plain = render_project(BOARD, model, SETTINGS)
    assert {"src/board/npu_network.c", "src/network/network.c", "src/network/LICENSE.txt"} <= files.keys()
    assert {"src/board/startup.c", "src/board/faults.c", "src/app/self_test.c"} <= files.keys() & plain.keys()
    gone = {"src/model/birdnet_network.c", "src/model/birdnet_weights.c"}
    assert gone <= plain.keys()
    assert not gone & files.keys()
    assert b"birdnet_weights.c" not in files["src/model/CMakeLists.txt"]
    assert b"runtime/birdnet_quantize.c" in files["src/model/CMakeLists.txt"]
    assert files["src/board/main.c"] != plain["src/board/main.c"]
    assert not [name for name in plain if "npu" in name or "hal" in name]
    assert files == project(model, network())


def test_what_the_compiler_said_is_in_the_configuration(model: Files, network: Network) -> None:
    text = project(model, network())["src/board/npu_config.h"].decode()
    for line in (
        "#define NPU_SYMBOL Default",
        "#define NPU_INPUT_BYTES 64u",
        "#define NPU_INPUT_SCALE 0.0078125f",
        "#define NPU_OUTPUT_ZERO_POINT (-128)",
        "#define NPU_USES_HYPERRAM 0",
        "#define NPU_WEIGHTS_ADDRESS 0x70400000u",
        "#define NPU_WEIGHTS_BYTES 9u",
        "#define NPU_WEIGHTS_CRC 0xCBF43926u",  # the standard's check value of "123456789"
    ):
        assert f"{line}\n" in text
    assert "STAI" not in text
    assert zlib.crc32(b"123456789") == 0xCBF4_3926


def test_the_listing_is_that_of_the_model_without_the_network(model: Files, network: Network) -> None:
    names = [*model, "birdnet_network.c", "birdnet_network.c.txt", "runtime/birdnet_network.c"]
    kept = {name: model[name] for name in ("birdnet_network.h", "birdnet_frontend_config.h")}
    emptied = dict.fromkeys(names, b"") | kept
    generated = {**model, **emptied, "CMakeLists.txt": cmake_listing(names)}
    listing = project(generated, network())["src/model/CMakeLists.txt"].decode()
    left_out = ("    birdnet_network.c\n", "    birdnet_weights.c\n")
    whole = generated["CMakeLists.txt"].decode()
    assert all(line in whole and line not in listing for line in left_out)
    assert [line for line in whole.splitlines(True) if line not in left_out] == listing.splitlines(True)


def test_memories_behind_the_npus_cache_are_named_and_adjacent_ones_joined(
    model: Files, network: Network
) -> None:
    memories = (
        NpuMemory(name="hyperRAM", address=0x9000_0000, size_bytes=0x200_0000, npu_cached=True),
        NpuMemory(name="npuRAM4", address=0x3427_0000, size_bytes=0x7_0000, npu_cached=True),
        NpuMemory(name="npuRAM3", address=0x3420_0000, size_bytes=0x7_0000, npu_cached=True),
        NpuMemory(name="cpuRAM2", address=0x3410_0000, size_bytes=0x8_0000),
    )
    text = project(model, network(memories=memories))["src/board/npu_config.h"].decode()
    assert (
        "#define NPU_CACHED(range) range(0x34200000u, 0x342E0000u) range(0x90000000u, 0x92000000u)\n" in text
    )
    assert "#define NPU_CACHED(range) /* none */\n" in (
        project(model, network())["src/board/npu_config.h"].decode()
    )


@pytest.mark.parametrize(
    ("cycles", "timeout_ms"), [(None, 2_000), (9_000_000, 2_000), (240_000_001, 3_001), (10**12, 28_000)]
)
def test_the_time_out_is_ten_times_the_estimate_within_what_the_watchdog_counts(
    model: Files, network: Network, cycles: int | None, timeout_ms: int
) -> None:
    text = project(model, network(cycles=cycles))["src/board/npu_config.h"].decode()
    assert f"#define NPU_TIMEOUT_MS {timeout_ms}u\n" in text


def test_weights_without_an_address_get_that_of_the_flash(model: Files, network: Network) -> None:
    source = b"/* x */\nextern unsigned char _mem_pool_xSPI2_bird[]; /* [1]; */\n"
    cmake = project(model, network(files={"network.c": source}))["src/board/board.cmake"].decode()
    assert "-Wl,--defsym=_mem_pool_xSPI2_bird=0x70400000)" in cmake
    assert "defsym" not in project(model, network())["src/board/board.cmake"].decode()
    other = {"network.c": source.replace(b"xSPI2", b"AXISRAM5")}
    with pytest.raises(GateError, match=r'leaves the address of _mem_pool_AXISRAM5_bird[\s\S]*"absolute"'):
        project(model, network(files=other))


def test_the_second_interface_is_offered_where_it_was_generated(model: Files, network: Network) -> None:
    plain, named = project(model, network()), project(model, network(symbol="bird", has_stai=True))
    assert "src/board/npu_runtime_stai.c" in named.keys() - plain.keys()
    assert b"ll_aton stai)" not in plain["src/board/board.cmake"]
    assert b"ll_aton stai)" in named["src/board/board.cmake"]
    assert b'#define NPU_STAI_HEADER "stai_bird.h"' in named["src/board/npu_config.h"]
    assert b"#define NPU_STAI(name) STAI_BIRD_##name" in named["src/board/npu_config.h"]


def test_other_weights_are_another_model(model: Files, network: Network) -> None:
    digests = {model_digest(model), npu_digest(model, network()), npu_digest(model, network(weights=b"1"))}
    assert len(digests) == 3
    assert npu_digest(model, network()).encode() in project(model, network())["src/app/app_config.h"]


def test_c_is_formatted_as_the_project_says(model: Files, network: Network, tmp_path: Path) -> None:
    (tmp_path / ".clang-format").write_bytes((Path(__file__).parents[3] / ".clang-format").read_bytes())
    files = []
    for name, content in project(model, network(symbol="network", has_stai=True)).items():
        if name.startswith(("src/app/", "src/board/")) and name.endswith((".c", ".h")):
            files.append(tmp_path / name.replace("/", "_"))
            files[-1].write_bytes(content)
    found = subprocess.run(
        ["clang-format", "--dry-run", "--Werror", *files], capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": (FLOAT,)}, r"the network's input is float32[\s\S]*io = \"int8\""),
        ({"outputs": (FLOAT,)}, "the network's output is float32"),
        ({"outputs": ()}, "the network has 0 outputs"),
        ({"inputs": (FLOAT, FLOAT)}, "the network has 2 inputs"),
        (
            {"memories": (NpuMemory(name="cpuRAM2", address=0x3410_0000, size_bytes=0x10_0000),)},
            r"0x34100000 to 0x34200000 \(cpuRAM2\)",
        ),
        ({"memories": (NpuMemory(name="x", address=0x3400_0000, size_bytes=0x401),)}, "0x34000401"),
    ],
)
def test_what_the_firmware_cannot_run_is_refused(
    model: Files, network: Network, change: dict[str, object], message: str
) -> None:
    with pytest.raises(GateError, match=message):
        project(model, network(**change))


def test_a_network_in_an_external_ram_that_the_board_lacks_is_refused(model: Files, network: Network) -> None:
    with pytest.raises(GateError, match="uses the external RAM, and the board has none"):
        render_project("nucleo_n657x0_q", model, SETTINGS, npu=network(uses_hyperram=True))
    board = render_project("nucleo_n657x0_q", model, SETTINGS, npu=network())
    assert b"external_ram_init(void) {" not in board["src/board/memories.c"]
    assert b"external_ram_init(void) {" in project(model, network())["src/board/memories.c"]


def test_a_board_without_npu_is_refused(model: Files, network: Network) -> None:
    with pytest.raises(InputError, match="has no NPU"):
        render_project("mps3_an547", model, SETTINGS, npu=network())


@pytest.mark.emulated
def test_without_sts_sources_cmake_names_the_variable(
    model: Files,
    network: Network,
    write: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STM32CUBE_N6_DIR", raising=False)
    process.find_program("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
    with pytest.raises(ToolError, match="Set STM32CUBE_N6_DIR"):
        build(write(project(model, network()), tmp_path / "project"), tmp_path / "build")
