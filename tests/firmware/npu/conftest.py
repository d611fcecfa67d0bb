"""A network that nobody compiled, and the C that would let the NPU compute it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from birdnet_stm32.firmware.npu_network import NpuMemory, NpuNetwork, NpuPort
from birdnet_stm32.paths import firmware_templates

INTERFACE = """
birdnet_status_t birdnet_network_run(const birdnet_network_t *network, const float *input, float *output);
#define BIRDNET_INPUT_SCALE 0.0078125f
#define BIRDNET_INPUT_ZERO_POINT (0)
"""
NETWORK = NpuNetwork(
    symbol="Default",
    has_stai=False,
    runtime_version=(1, 1, 1, 14),
    inputs=(NpuPort(dtype="int8", size_bytes=64, scale=0.0078125, zero_point=0),),
    outputs=(NpuPort(dtype="int8", size_bytes=3, scale=0.00390625, zero_point=-128),),
    memories=(NpuMemory(name="cpuRAM2", address=0x3410_0000, size_bytes=512 * 1024),),
    uses_hyperram=False,
    weights_address=0x7040_0000,
    weights=b"123456789",
    files={"network.c": b"/* generated */\n", "LICENSE.txt": b"terms\n"},
)

Files = dict[str, bytes]


@pytest.fixture(scope="session")
def network() -> Callable[..., NpuNetwork]:
    """Return a function that gives the network with changed fields."""

    def changed(**fields: Any) -> NpuNetwork:
        return replace(NETWORK, **fields)

    return changed


@pytest.fixture(scope="session")
def model(standin: Callable[..., Files]) -> Files:
    """The stand-in with what the NPU's firmware needs beyond it: scales, two kernels, stored windows."""
    files = standin()
    header = files["birdnet_network.h"].decode().replace("#endif", INTERFACE + "#endif")
    listing = files["CMakeLists.txt"] + (
        b"target_sources(birdnet_network PRIVATE birdnet_test_vectors.c birdnet_weights.c\n"
        b"    runtime/birdnet_quantize.c runtime/birdnet_dequantize.c)\n"
    )
    added: Mapping[str, str] = {
        "birdnet_network.h": header,
        "birdnet_weights.c": "extern const int weights;\nconst int weights = 1;\n",
        "birdnet_test_vectors.h": TEST_VECTORS,
        "birdnet_test_vectors.c": '#include "birdnet_test_vectors.h"\n'
        "const birdnet_test_vector_t birdnet_test_vectors[BIRDNET_TEST_VECTOR_COUNT];\n",
    }
    runtime = firmware_templates() / "runtime"
    kernels = {
        f"runtime/{name}": (runtime / name).read_bytes()
        for name in ("birdnet_kernels.h", "birdnet_float.h", "birdnet_quantize.c", "birdnet_dequantize.c")
    }
    return {
        **files,
        **kernels,
        **{name: text.encode() for name, text in added.items()},
        "CMakeLists.txt": listing,
    }


TEST_VECTORS = """#pragma once
#include "birdnet_network.h"
#define BIRDNET_TEST_VECTOR_COUNT 2u
#define BIRDNET_TEST_MAX_DIFFERING 2u
typedef struct {
    const int16_t *pcm;
    const int8_t *quantized_input;
    const int8_t *output;
} birdnet_test_vector_t;
extern const birdnet_test_vector_t birdnet_test_vectors[BIRDNET_TEST_VECTOR_COUNT];
"""
