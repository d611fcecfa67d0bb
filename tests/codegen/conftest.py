"""Builds generated networks for the host, under the sanitizers, and runs them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.boards import folders as board_folders
from birdnet_stm32.codegen.frontend_config import frontend_files, workspace_bytes
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, InputLayout
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import render_template
from birdnet_stm32.tflite.ir import Graph, Operator, Quantization, Tensor

HERE = Path(__file__).resolve().parent
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZE = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
CROSS = ["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"]
NETWORK = ["birdnet_network.c", "birdnet_weights.c"]
APP = firmware_templates() / "app"
BOARD = firmware_templates() / "board_parts" / "emulated"

Int8 = npt.NDArray[np.int8]
Run = Callable[[Mapping[str, bytes], Int8], Int8]
Build = Callable[[Path, str], list[str]]
MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def kernels(made_once: MadeOnce) -> list[Path]:
    """The runtime's kernels as sanitized object files."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    sources = sorted((firmware_templates() / "runtime").glob("*.c"))

    def fill(folder: Path) -> None:
        subprocess.run(["gcc", *STRICT, *SANITIZE, "-c", *map(str, sources)], cwd=folder, check=True)

    return sorted(made_once("kernels", fill).glob("*.o"))


@pytest.fixture(scope="session")
def build_network(
    kernels: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mapping[str, bytes]], Path]:
    """Return a program that runs a generated network."""

    def build(files: Mapping[str, bytes]) -> Path:
        folder = tmp_path_factory.mktemp("network")
        write(files, folder)
        sources = [
            "birdnet_network.c",
            "birdnet_weights.c",
            "birdnet_labels.c",
            str(HERE / "network_driver.c"),
        ]
        program = folder / "network"
        command = ["gcc", *STRICT, *SANITIZE, "-I.", *sources, *map(str, kernels), "-lm", "-o", str(program)]
        subprocess.run(command, cwd=folder, check=True)
        return program

    return build


@pytest.fixture(scope="session")
def run_network(build_network: Callable[[Mapping[str, bytes]], Path]) -> Run:
    """Run quantized windows, int8 [n, ...], through a generated network; return int8 [n, outputs]."""

    def run(files: Mapping[str, bytes], inputs: Int8) -> Int8:
        program = build_network(files)
        result = subprocess.run([program], input=inputs.tobytes(), capture_output=True, timeout=120)
        assert result.returncode == 0, result.stderr.decode(errors="replace")
        return np.frombuffer(result.stdout, dtype=np.int8).reshape(len(inputs), -1)

    return run


@pytest.fixture(scope="session")
def on_the_host(kernels: list[Path]) -> Build:
    """Return a function that compiles the network in a folder with a driver, under the sanitizers.

    It gives the command that runs the program, in that folder.
    """

    def build(folder: Path, driver: str) -> list[str]:
        sources = [*NETWORK, str(HERE / driver), *map(str, kernels)]
        command = ["gcc", *STRICT, *SANITIZE, "-I.", f"-I{APP}", *sources, "-lm", "-o", "network"]
        subprocess.run(command, cwd=folder, check=True)
        return ["./network"]

    return build


@pytest.fixture(scope="session")
def on_the_core(made_once: MadeOnce) -> Build:
    """The same for the emulated Cortex-M55, with the Helium kernels."""
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    runtime = firmware_templates() / "runtime"
    flags = [*STRICT, "-O3", "-ffp-contract=off", *CROSS, f"-I{runtime}", f"-I{APP}", f"-I{BOARD}"]
    own = [*(BOARD / f"{name}.c" for name in ("startup", "semihosting", "board")), APP / "console.c"]
    sources = [*map(str, sorted(runtime.glob("*.c"))), *map(str, own)]

    def fill(folder: Path) -> None:
        program = {"program": board_folders.find("mps3_an547").program}
        (folder / "linker.ld").write_text(render_template("board_parts/emulated/linker.ld.j2", program))
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", *sources], cwd=folder, check=True)

    made = made_once("core", fill)
    link = [*map(str, sorted(made.glob("*.o"))), "-nostartfiles", f"-T{made / 'linker.ld'}", "-lm"]

    def build(folder: Path, driver: str) -> list[str]:
        command = ["arm-none-eabi-gcc", *flags, "-I.", *NETWORK, str(HERE / driver), *link]
        subprocess.run([*command, "-o", "network.elf"], cwd=folder, check=True)
        machine = "qemu-system-arm -M mps3-an547 -display none -monitor none -serial null -semihosting-config"
        return [*machine.split(), "enable=on,target=native,arg=check", "-kernel", "network.elf"]

    return build


def write(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class GraphBuilder:
    """Writes a graph by hand, int8 throughout unless told otherwise."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []

    def tensor(
        self,
        shape: tuple[int, ...],
        *,
        name: str = "tensor",
        dtype: str = "int8",
        scale: float | tuple[float, ...] | None = 0.05,
        zero_point: int = 0,
        axis: int = 0,
        data: npt.NDArray[Any] | None = None,
    ) -> int:
        scales = () if scale is None else scale if isinstance(scale, tuple) else (scale,)
        exact = tuple(float(np.float32(value)) for value in scales)
        quantization = Quantization(scales=exact, zero_points=(zero_point,) * len(exact), axis=axis)
        self.tensors.append(
            Tensor(
                index=len(self.tensors),
                name=name,
                shape=shape,
                dtype=dtype,
                quantization=quantization if exact else None,
                data=data,
            )
        )
        return len(self.tensors) - 1

    def constant(self, values: npt.ArrayLike, dtype: str, **keywords: Any) -> int:
        data = np.asarray(values, dtype=dtype)
        keywords.setdefault("scale", None if dtype == "int32" else 0.02)
        return self.tensor(data.shape, dtype=dtype, data=data, **keywords)

    def operator(self, name: str, inputs: list[int], outputs: list[int], **options: Any) -> int:
        self.operators.append(
            Operator(
                index=len(self.operators),
                name=name,
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                options=options,
            )
        )
        return outputs[0]

    def graph(self, inputs: list[int], outputs: list[int]) -> Graph:
        return Graph(
            tensors=tuple(self.tensors),
            operators=tuple(self.operators),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
        )


@pytest.fixture
def builder() -> GraphBuilder:
    return GraphBuilder()


@pytest.fixture(scope="session")
def new_builder() -> Callable[[], GraphBuilder]:
    return GraphBuilder


CONV = {"stride_h": 1, "stride_w": 1, "padding": "SAME", "fused_activation_function": "RELU6"}


@pytest.fixture(scope="session")
def small_graph() -> Graph:
    """Float in and out: a convolution, a pointwise one with a residual, mean, dense layer, sigmoid."""
    rng = np.random.default_rng(7)
    b = GraphBuilder()
    source = b.tensor((1, 5, 7, 1), name="features", dtype="float32", scale=None)
    entry = b.tensor((1, 5, 7, 1), name="quantized features", scale=0.02, zero_point=-128)
    b.operator("QUANTIZE", [source], [entry])
    weights = b.constant(rng.integers(-127, 128, (3, 3, 3, 1)), "int8", scale=(0.01, 0.02, 0.015))
    bias = b.constant([100, -50, 7], "int32")
    stem = b.tensor((1, 3, 4, 3), name="stem/Relu6;stem/Conv2D;stem/Bias", scale=0.0235, zero_point=-128)
    b.operator("CONV_2D", [entry, weights, bias], [stem], **{**CONV, "stride_h": 2, "stride_w": 2})
    weights = b.constant(rng.integers(-127, 128, (3, 1, 1, 3)), "int8", scale=(0.01, 0.011, 0.012))
    branch = b.tensor((1, 3, 4, 3), name="branch/Conv2D", scale=0.05, zero_point=4)
    options = {**CONV, "fused_activation_function": "NONE"}
    b.operator("CONV_2D", [stem, weights, b.constant([1, 2, 3], "int32")], [branch], **options)
    joined = b.tensor((1, 3, 4, 3), name='odd "name" */ \\ in Ümlaut', scale=0.0235, zero_point=-128)
    b.operator("ADD", [stem, branch], [joined], fused_activation_function="RELU6")
    pooled = b.tensor((1, 3), name="mean", scale=0.02, zero_point=-128)
    b.operator("MEAN", [joined, b.constant([1, 2], "int32")], [pooled], keep_dims=False)
    weights = b.constant(rng.integers(-127, 128, (4, 3)), "int8", scale=(0.01, 0.02, 0.03, 0.04))
    logits = b.tensor((1, 4), name="logits", scale=0.1, zero_point=3)
    b.operator("FULLY_CONNECTED", [pooled, weights, -1], [logits], fused_activation_function="NONE")
    scores = b.tensor((1, 4), name="scores", scale=1 / 256, zero_point=-128)
    b.operator("LOGISTIC", [logits], [scores])
    output = b.tensor((1, 4), name="output", dtype="float32", scale=None)
    b.operator("DEQUANTIZE", [scores], [output])
    return b.graph([source], [output])


WriteFrontend = Callable[..., list[Path]]


@pytest.fixture(scope="session")
def write_frontend() -> WriteFrontend:
    """Return a function that writes a front end and the runtime, and returns the sources.

    It takes a folder, a spec and whether the network stores its input ``reordered``, with frames and rows
    swapped. Of the network there is only the input, at the end of the arena.
    """

    def write(folder: Path, spec: FrontendSpec, *, reordered: bool = False) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(firmware_templates() / "runtime", folder / "runtime", dirs_exist_ok=True)
        for name, content in frontend_files(spec).items():
            (folder / name).write_bytes(content)
        (folder / "birdnet_network.h").write_text(_input_alone(spec, reordered))
        runtime = sorted((folder / "runtime").glob("birdnet_f[fr]*.c"))
        quantize = sorted((folder / "runtime").glob("birdnet_quantize*.c"))
        return [folder / "birdnet_frontend_config.c", *runtime, *quantize]

    return write


def _input_alone(spec: FrontendSpec, reordered: bool) -> str:
    channels = spec.mixer.channels if spec.mixer else 1
    frames = 1 if spec.kind is Frontend.RAW else spec.spec_width
    rows = spec.input_elements // frames // channels
    outer, inner = (rows, frames) if spec.layout is InputLayout.FREQUENCY_MAJOR else (frames, rows)
    place = f"element / {channels}u % {inner}u * {outer * channels}u"
    place += f" + element / {inner * channels}u * {channels}u + element % {channels}u"
    scale, zero_point = (1 / 127, 1) if spec.kind is Frontend.RAW else (1 / 250, -126)
    return f"""#ifndef BIRDNET_NETWORK_H
#define BIRDNET_NETWORK_H

#include "runtime/birdnet_status.h"
#include <stdint.h>

#define BIRDNET_INPUT_ELEMENTS {spec.input_elements}u
#define BIRDNET_INPUT_SCALE {scale:.9g}f
#define BIRDNET_INPUT_ZERO_POINT ({zero_point})
#define BIRDNET_ARENA_BYTES {workspace_bytes(spec) + 16}u

typedef struct {{
    int8_t *arena;
}} birdnet_network_t;

static inline int8_t *birdnet_network_input(const birdnet_network_t *network) {{
    return network->arena + BIRDNET_ARENA_BYTES - BIRDNET_INPUT_ELEMENTS;
}}

static inline uint32_t birdnet_network_input_place(uint32_t element) {{
    return {place if reordered else "element"};
}}

#endif
"""
