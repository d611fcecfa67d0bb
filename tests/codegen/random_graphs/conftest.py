"""Random networks of every supported operator, written operator by operator.

Their quantizations are such as no converter would choose: any zero point, any scale, fused activations that
clamp much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.tflite.ir import Graph

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
        tensor, (_, height, width, channels) = self._last()
        if self.rng.integers(2):
            turned = self._tensor((1, channels, height, width), tensor)
            self._put("TRANSPOSE", [tensor, self._ints([0, 3, 1, 2])], turned)

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
        sizes = [
            len(range(first, size, stride)) for first, size, stride in zip(begin, shape, step, strict=True)
        ]
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


@pytest.fixture(scope="session")
def random_network(new_builder: Callable[[], Any]) -> Callable[[int], Graph]:
    """Return the network of a seed; its first operator is each in turn, so that none is left out."""

    def network(seed: int) -> Graph:
        grown = Network(new_builder(), seed)
        grown.grow(OPERATORS[seed % len(OPERATORS)])
        for _ in range(1 + seed % 9):
            elements = grown.b.tensors[grown.known[-1]].elements
            likely = ["CONV_2D", "DEPTHWISE_CONV_2D", "RESIDUAL", "MAX_POOL_2D"]
            grown.grow(str(grown.rng.choice(likely if elements > 6_000 else OPERATORS + likely * 2)))
        return grown.graph()

    return network
