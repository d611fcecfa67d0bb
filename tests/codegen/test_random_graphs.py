"""Random networks of every supported operator against LiteRT's reference kernels: not one value may differ.

Written operator by operator, with quantizations that no converter would choose: any zero point, any scale,
fused activations that clamp much. The generated C runs on the host under the sanitizers, and on the emulated
core with the Helium kernels inside guard bytes.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.codegen.emit import generate
from birdnet_stm32.codegen.lowering import SUPPORTED, lower
from birdnet_stm32.firmware import boards
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.store import write_tree
from birdnet_stm32.templating import c_array, render
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.single_operator import evaluate

HERE = Path(__file__).resolve().parent
TEMPLATES = firmware_templates()
BOARD, APP = TEMPLATES / "boards" / "mps3_an547", TEMPLATES / "app"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-ffp-contract=off"]
SANITIZE = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
HELIUM = ["-O3", "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"]
NETWORKS = 300
CASES = 6
WORKERS = 2

Int8 = npt.NDArray[np.int8]
NONE = {"fused_activation_function": "NONE"}
FUSED = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
UNARY = "RELU RELU6 RELU_N1_TO_1 ABS HARD_SWISH LEAKY_RELU GELU EXP QUANTIZE LOGISTIC TANH LOG NEG SQRT RSQRT"
# Quantizations that the reference insists on.
FIXED = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}


class Network:
    """Grows operator by operator; ``known`` are the activations so far."""

    def __init__(self, builder: Any, seed: int) -> None:
        self.b, self.rng = builder, np.random.default_rng(seed)
        shape = (1, self._one_to(12), self._one_to(14), self._one_to(20))
        self.source = self._tensor(shape)
        self.known = [self.source]

    def graph(self) -> Graph:
        return self.b.graph([self.source], [self.known[-1]])  # type: ignore[no-any-return]

    def grow(self, name: str) -> None:
        """Put the operator behind what there is."""
        build = getattr(self, name.lower(), None)
        if build is None:
            self.unary(name)
        else:
            build(name)

    # What operators share.

    def _one_to(self, most: int) -> int:
        return int(self.rng.integers(1, most + 1))

    def _tensor(self, shape: Iterable[int], like: int | None = None) -> int:
        if like is not None:
            quantization = self.b.tensors[like].quantization
            scale, zero_point = quantization.scales[0], quantization.zero_points[0]
        else:
            scale, zero_point = float(self.rng.uniform(0.02, 0.1)), int(self.rng.integers(-128, 128))
        return int(self.b.tensor(tuple(shape), scale=scale, zero_point=zero_point))

    def _last(self) -> tuple[int, tuple[int, ...]]:
        return self.known[-1], tuple(self.b.tensors[self.known[-1]].shape)

    def _put(self, name: str, inputs: list[int], result: int, **options: Any) -> None:
        self.known.append(self.b.operator(name, inputs, [result], **options))

    def _ints(self, values: Iterable[int]) -> int:
        return int(self.b.constant(list(values), "int32"))

    def _fused(self) -> dict[str, str]:
        return {"fused_activation_function": str(self.rng.choice(FUSED))}

    def _window(self, height: int, width: int, side: tuple[int, int]) -> tuple[dict[str, Any], list[int]]:
        padding = "SAME" if side[0] > height or side[1] > width else str(self.rng.choice(["SAME", "VALID"]))
        strides = self._one_to(2), self._one_to(2)
        sizes = [
            -(-size // step) if padding == "SAME" else (size - kernel) // step + 1
            for size, step, kernel in zip((height, width), strides, side, strict=True)
        ]
        return {"padding": padding, "stride_h": strides[0], "stride_w": strides[1]}, sizes

    def _weights(self, shape: tuple[int, ...], axis: int) -> list[int]:
        fan_in = np.prod(shape) / shape[axis]
        scales = tuple(float(scale) for scale in self.rng.uniform(0.004, 0.03, shape[axis]) / np.sqrt(fan_in))
        weights = self.b.constant(self.rng.integers(-127, 128, shape), "int8", scale=scales, axis=axis)
        bias = self.b.constant(self.rng.integers(-3_000, 3_000, shape[axis]), "int32")
        return [weights, bias]

    # The operators, each by its name in lower case.

    def conv_2d(self, name: str) -> None:
        tensor, (_, height, width, channels) = self._last()
        side = (1, 1) if self.rng.integers(3) else (self._one_to(4), self._one_to(4))
        options, sizes = self._window(height, width, side)
        outputs = self._one_to(40)
        result = self._tensor((1, *sizes, outputs))
        weights = self._weights((outputs, *side, channels), 0)
        self._put(name, [tensor, *weights], result, **options, **self._fused())

    def residual(self, name: str) -> None:
        tensor, shape = self._last()
        if self.rng.integers(2):
            self.depthwise_conv_2d("DEPTHWISE_CONV_2D", alike=True)
        convolved = self._tensor(shape)
        weights = self._weights((shape[3], 1, 1, shape[3]), 0)
        options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
        self._put("CONV_2D", [self.known[-1], *weights], convolved, **options, **self._fused())
        pair = [tensor, convolved] if self.rng.integers(2) else [convolved, tensor]
        self._put("ADD", pair, self._tensor(shape), **self._fused())

    def depthwise_conv_2d(self, name: str, alike: bool = False) -> None:
        tensor, (_, height, width, channels) = self._last()
        side = (self._one_to(4), self._one_to(4))
        options, sizes = self._window(height, width, side)
        multiplier = 1 if channels > 12 else int(self.rng.choice([1, 1, 2, 3]))
        if alike:
            options, sizes = {"padding": "SAME", "stride_h": 1, "stride_w": 1}, [height, width]
            multiplier = 1
        result = self._tensor((1, *sizes, channels * multiplier))
        weights = self._weights((1, *side, channels * multiplier), 3)
        options |= {"depth_multiplier": multiplier}
        self._put(name, [tensor, *weights], result, **options, **self._fused())

    def max_pool_2d(self, name: str) -> None:
        tensor, (_, height, width, channels) = self._last()
        side = (self._one_to(4), self._one_to(4))
        options, sizes = self._window(height, width, side)
        options |= {"filter_height": side[0], "filter_width": side[1]}
        self._put(name, [tensor], self._tensor((1, *sizes, channels), tensor), **options, **self._fused())

    average_pool_2d = max_pool_2d

    def _second(self, shape: tuple[int, ...], like: int | None = None) -> int:
        """A second operand: what came before, a constant, one for each channel, or a single value."""
        alike = [
            other
            for other in self.known
            if tuple(self.b.tensors[other].shape) == shape
            and (like is None or self.b.tensors[other].quantization == self.b.tensors[like].quantization)
        ]
        kind = int(self.rng.integers(5))
        if kind <= 1:
            return int(self.rng.choice(alike))
        form = ((shape[3],), (1, 1, 1, 1), (1, shape[1], 1, 1))[kind - 2]
        quantization = {"scale": 0.05, "zero_point": int(self.rng.integers(-128, 128))}
        if like is not None:
            kept = self.b.tensors[like].quantization
            quantization = {"scale": kept.scales[0], "zero_point": kept.zero_points[0]}
        return int(self.b.constant(self.rng.integers(-128, 128, form), "int8", **quantization))

    def add(self, name: str) -> None:
        tensor, shape = self._last()
        pair = [tensor, self._second(shape)]
        self._put(name, pair if self.rng.integers(2) else pair[::-1], self._tensor(shape), **self._fused())

    sub = mul = add

    def maximum(self, name: str) -> None:
        tensor, shape = self._last()
        self._put(name, [tensor, self._second(shape, tensor)], self._tensor(shape, tensor))

    minimum = maximum

    def gate(self, name: str) -> None:
        tensor, shape = self._last()
        pooled = self._tensor((1, 1, 1, shape[3]))
        self._put("MEAN", [tensor, self._ints([1, 2])], pooled, keep_dims=True)
        self.unary("LOGISTIC")
        self._put("MUL", [tensor, self.known[-1]], self._tensor(shape), **NONE)

    def mean(self, name: str) -> None:
        tensor, shape = self._last()
        axes = [[1, 2], [1], [2], [3]][self.rng.integers(4)]
        sizes = [1 if axis in axes else size for axis, size in enumerate(shape)]
        self._put(name, [tensor, self._ints(axes)], self._tensor(sizes), keep_dims=True)

    def per_channel(self, name: str) -> None:
        """What becomes a table for each channel."""
        for _ in range(2 + self._one_to(3)):
            tensor, shape = self._last()
            constant = int(self.b.constant(self.rng.integers(-128, 128, shape[3]), "int8", scale=0.05))
            operator = str(self.rng.choice(["ADD", "SUB", "MUL"]))
            self._put(operator, [tensor, constant], self._tensor(shape), **self._fused())

    def fully_connected(self, name: str) -> None:
        tensor, shape = self._last()
        inputs, outputs = int(np.prod(shape)), self._one_to(20)
        flat = self._tensor((1, inputs), tensor)
        self._put("RESHAPE", [tensor, self._ints([1, inputs])], flat)
        result = self._tensor((1, outputs))
        self._put(name, [flat, *self._weights((outputs, inputs), 0)], result, **self._fused())
        last = self._tensor((1, 1, 1, outputs), result)
        self._put("RESHAPE", [result, self._ints([1, 1, 1, outputs])], last)

    def reshape(self, name: str) -> None:
        tensor, (_, height, width, channels) = self._last()
        shape = (1, width, height, channels)
        self._put(name, [tensor, self._ints(shape)], self._tensor(shape, tensor))

    def squeeze(self, name: str) -> None:
        tensor, shape = self._last()
        squeezed = self._tensor([size for size in shape if size > 1], tensor)
        self._put(name, [tensor], squeezed)
        self._put("RESHAPE", [squeezed, self._ints(shape)], self._tensor(shape, tensor))

    def expand_dims(self, name: str) -> None:
        tensor, shape = self._last()
        expanded = self._tensor((1, *shape), tensor)
        self._put(name, [tensor, int(self.b.constant(0, "int32"))], expanded)
        self._put("RESHAPE", [expanded, self._ints(shape)], self._tensor(shape, tensor))

    def transpose(self, name: str) -> None:
        tensor, shape = self._last()
        for _ in range(self._one_to(2)):
            order = [0, *(int(axis) for axis in self.rng.permutation([1, 2, 3]))]
            shape = tuple(shape[axis] for axis in order)
            self._put(name, [self.known[-1], self._ints(order)], self._tensor(shape, tensor))

    def strided_slice(self, name: str) -> None:
        tensor, shape = self._last()
        begin = [int(self.rng.integers(0, min(2, size))) for size in shape]
        step = [self._one_to(2) for _ in shape]
        sizes = [len(range(first, size, stride)) for first, size, stride in zip(begin, shape, step, strict=True)]
        inputs = [tensor, self._ints(begin), self._ints(shape), self._ints(step)]
        self._put(name, inputs, self._tensor(sizes, tensor), begin_mask=0, end_mask=15)

    def slice(self, name: str) -> None:
        tensor, shape = self._last()
        begin = [int(self.rng.integers(0, min(2, size))) for size in shape]
        sizes = [size - first for first, size in zip(begin, shape, strict=True)]
        self._put(name, [tensor, self._ints(begin), self._ints(sizes)], self._tensor(sizes, tensor))

    def concatenation(self, name: str) -> None:
        """With a constant for each channel, which the convolution behind takes up, or with anything."""
        tensor, shape = self._last()
        axis = self._one_to(3)
        other = list(shape)
        other[axis] = self._one_to(4)
        kept = self.b.tensors[tensor].quantization
        values = self.rng.integers(-128, 128, other)
        if axis == 3:
            values = np.broadcast_to(values[:, :1, :1], values.shape)
        quantization = {"scale": kept.scales[0], "zero_point": kept.zero_points[0]}
        constant = int(self.b.constant(values, "int8", **quantization))
        pair = [tensor, constant if self.rng.integers(3) else tensor]
        shape = tuple(
            size + (self.b.tensors[pair[1]].shape[axis] if number == axis else 0)
            for number, size in enumerate(shape)
        )
        self._put(name, pair, self._tensor(shape, tensor), axis=axis, **NONE)

    def pad(self, name: str) -> None:
        tensor, shape = self._last()
        amounts = np.array([[0, 0], *self.rng.integers(0, 3, (3, 2))])
        sizes = [int(size + amount.sum()) for size, amount in zip(shape, amounts, strict=True)]
        inputs = [tensor, int(self.b.constant(amounts, "int32"))]
        if name == "PADV2":
            kept = self.b.tensors[tensor].quantization
            quantization = {"scale": kept.scales[0], "zero_point": kept.zero_points[0]}
            inputs.append(int(self.b.constant([int(self.rng.integers(-128, 128))], "int8", **quantization)))
        self._put(name, inputs, self._tensor(sizes, tensor))

    padv2 = pad

    def unary(self, name: str) -> None:
        tensor, shape = self._last()
        if name in ("SQRT", "RSQRT"):  # which know no negative values
            self._put("QUANTIZE", [tensor], int(self.b.tensor(shape, scale=0.05, zero_point=-128)))
            tensor = self.known[-1]
        result = self._tensor(shape, tensor if name == "NEG" else None)
        if name in FIXED:
            result = int(self.b.tensor(shape, scale=FIXED[name][0], zero_point=FIXED[name][1]))
        options = {"LEAKY_RELU": {"alpha": 0.2}, "GELU": {"approximate": bool(self.rng.integers(2))}}
        self._put(name, [tensor], result, **options.get(name, {}))


OPERATORS = [
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MEAN", "AVERAGE_POOL_2D", "MAX_POOL_2D", "ADD"),
    *("SUB", "MUL", "MAXIMUM", "MINIMUM", "RESHAPE", "TRANSPOSE", "STRIDED_SLICE", "SLICE", "CONCATENATION"),
    *("PAD", "PADV2", "SQUEEZE", "EXPAND_DIMS", "RESIDUAL", "GATE", "PER_CHANNEL", *UNARY.split()),
]


def network(builder: Any, seed: int) -> Graph:
    """Return a random network; its first operator is each in turn, so that none is left out."""
    grown = Network(builder, seed)
    grown.grow(OPERATORS[seed % len(OPERATORS)])
    for _ in range(1 + seed % 9):
        elements = grown.b.tensors[grown.known[-1]].elements
        likely = ["CONV_2D", "DEPTHWISE_CONV_2D", "RESIDUAL", "MAX_POOL_2D"]
        grown.grow(str(grown.rng.choice(likely if elements > 6_000 else OPERATORS + likely * 2)))
    return grown.graph()


def _cases(graph: Graph, seed: int) -> tuple[Int8, Int8]:
    """All of the range, and its ends alone; and what the reference makes of it."""
    count = graph.tensors[graph.inputs[0]].elements
    inputs = np.random.default_rng(seed).integers(-128, 128, (CASES, count)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    return inputs, np.stack([evaluate(graph, values).reshape(-1) for values in inputs])


def _rows(name: str, values: Int8) -> str:
    rows = "".join(f"    {{\n{c_array(row)}\n    }},\n" for row in values)
    return f"static const int8_t {name}[{len(values)}][{values.shape[1]}] = {{\n{rows}}};\n"


def _write(graph: Graph, seed: int, folder: Path) -> None:
    inputs, outputs = _cases(graph, seed)
    files = generate(graph, labels=[""] * outputs.shape[1])
    cases = f"#define NETWORK_CASES {CASES}u\n{_rows('network_inputs', inputs)}"
    cases += _rows("network_outputs", outputs)
    write_tree(folder, {**files, "network_cases.h": cases.encode()})


def _compile(compiler: str, flags: list[str], sources: list[Path], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [compiler, *STRICT, *flags, "-c", *map(str, sources)]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return sorted(folder.glob("*.o"))


def _kernels() -> list[Path]:
    return [
        path
        for path in sorted((TEMPLATES / "runtime").glob("*.c"))
        if not path.name.startswith(("birdnet_frontend", "birdnet_fft"))
    ]


def _differing(build: Callable[[Path], list[str]], graph: Graph, seed: int, folder: Path) -> str | None:
    """Return what a network's program says if it is not that all values agree."""
    _write(graph, seed, folder)
    run = subprocess.run(build(folder), cwd=folder, capture_output=True, text=True, timeout=120)
    said = run.stdout + run.stderr[-2_000:]
    return None if (run.returncode, said) == (0, "0 differ\n") else said


@pytest.fixture(scope="session")
def on_the_host(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[str]]:
    """Return a function that compiles the network in a folder, under the sanitizers: the command to run it."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    objects = _compile("gcc", SANITIZE, _kernels(), tmp_path_factory.mktemp("host"))

    def build(folder: Path) -> list[str]:
        sources = ["birdnet_network.c", "birdnet_weights.c", str(HERE / "network_check.c")]
        link = [*map(str, objects), "-lm", "-o", "network"]
        subprocess.run(["gcc", *STRICT, *SANITIZE, "-I.", *sources, *link], cwd=folder, check=True)
        return ["./network"]

    return build


@pytest.fixture(scope="session")
def on_the_core(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[str]]:
    """The same for the emulated Cortex-M55."""
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("core")
    script = folder / "linker.ld"
    script.write_text(render("boards/mps3_an547/linker.ld.j2", {"board": boards.read(BOARD / "board.toml")}))
    includes = [f"-I{TEMPLATES / 'runtime'}", f"-I{APP}", f"-I{BOARD}"]
    own = [*(BOARD / f"{name}.c" for name in ("startup", "semihosting", "board")), APP / "console.c"]
    objects = _compile("arm-none-eabi-gcc", [*HELIUM, *includes], [*_kernels(), *own], folder)

    def build(folder: Path) -> list[str]:
        sources = ["birdnet_network.c", "birdnet_weights.c", str(HERE / "network_check.c")]
        link = [*map(str, objects), "-nostartfiles", f"-T{script}", "-lm", "-o", "network.elf"]
        command = ["arm-none-eabi-gcc", *STRICT, *HELIUM, "-I.", *includes, *sources, *link]
        subprocess.run(command, cwd=folder, check=True)
        machine = "qemu-system-arm -M mps3-an547 -display none -monitor none -serial null -semihosting-config"
        return [*machine.split(), "enable=on,target=native,arg=check", "-kernel", "network.elf"]

    return build


def _all_agree(
    build: Callable[[Path], list[str]], new_builder: Callable[[], Any], seeds: Iterable[int], folder: Path
) -> None:
    def check(seed: int) -> tuple[int, str | None]:
        return seed, _differing(build, network(new_builder(), seed), seed, folder / str(seed))

    with ThreadPoolExecutor(WORKERS) as pool:
        found = dict(pool.map(check, seeds))
    assert {seed: said for seed, said in found.items() if said is not None} == {}


def test_the_networks_hold_every_operator(new_builder: Callable[[], Any]) -> None:
    """And every kernel that there is."""
    functions, operators = set(), set()
    for seed in range(120):
        graph = network(new_builder(), seed)
        operators.update(operator.name for operator in graph.operators)
        functions.update(step.function for step in lower(graph).steps)
    # The reference kernels have no ELU; DEQUANTIZE is the end of a network.
    assert operators == set(SUPPORTED) - {"ELU", "DEQUANTIZE"}
    kernels = "add average_pool channel_lookup conv2d depthwise_conv2d fill fully_connected lookup max_pool"
    kernels += " maximum mean minimum multiply pointwise_conv2d pointwise_conv2d_add strided_copy subtract"
    assert functions == {f"birdnet_{kernel}" for kernel in kernels.split()}


@pytest.mark.slow
def test_some_agree_on_the_host(
    on_the_host: Callable[[Path], list[str]], new_builder: Callable[[], Any], tmp_path: Path
) -> None:
    _all_agree(on_the_host, new_builder, range(len(OPERATORS)), tmp_path)


@pytest.mark.slow
@pytest.mark.emulated
def test_some_agree_on_the_core(
    on_the_core: Callable[[Path], list[str]], new_builder: Callable[[], Any], tmp_path: Path
) -> None:
    _all_agree(on_the_core, new_builder, range(len(OPERATORS)), tmp_path)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_all_agree_on_the_host(
    on_the_host: Callable[[Path], list[str]], new_builder: Callable[[], Any], tmp_path: Path
) -> None:
    _all_agree(on_the_host, new_builder, range(len(OPERATORS), NETWORKS), tmp_path)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.emulated
def test_all_agree_on_the_core(
    on_the_core: Callable[[Path], list[str]], new_builder: Callable[[], Any], tmp_path: Path
) -> None:
    _all_agree(on_the_core, new_builder, range(len(OPERATORS), NETWORKS), tmp_path)
