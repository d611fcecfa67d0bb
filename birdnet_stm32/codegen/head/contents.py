"""What a head is: the last dense layer of a network in int8, its classes and their thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.arithmetic.scheme import ACTIVATION_MAX, ACTIVATION_MIN
from birdnet_stm32.terminal_text import counted

MAX_CLASSES = 4_096
MAX_CHANNELS = 8_192
MAX_NAME_BYTES = 200
DIGEST_BYTES = 32

_LARGEST_SCALE = 1e30
_LARGEST_INPUT = 128  # magnitude of an int8 value
# The sum of a class and the sum times its scale have to fit 32 bits, with room for a zero point.
_SUM_LIMIT = 2**31 - 1 - 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """A head: everything that decides how the output of a backbone becomes classes.

    Args:
        version: counts the heads of one backbone, for people.
        backbone: SHA-256 of the backbone that it belongs to.
        input_scale: step of the int8 values that it takes, exactly a float32.
        input_zero_point: the value that stands for 0 there.
        dense_zero_point: zero point of the result of the dense layer.
        dense_minimum: least result of the dense layer; above -128 for a layer that ends in a ReLU.
        dense_maximum: greatest result.
        output_scale: step of the output, exactly a float32.
        output_zero_point: the value that stands for 0 there.
        weights: int8 [classes, channels].
        bias: int32 [classes], with the zero point of the input folded in.
        scales: float64 [classes]: from the sum of a class to its result.
        table: int8 [256], the sigmoid of each result of the dense layer from -128 on; None if the output is a
            logit.
        names: of the classes.
        thresholds: probability from which each class counts as heard, float32 [classes].

    Raises:
        InputError: the parts contradict each other, or the sum of a class does not fit 32 bits.
    """

    version: int
    backbone: bytes
    input_scale: float
    input_zero_point: int
    dense_zero_point: int
    dense_minimum: int
    dense_maximum: int
    output_scale: float
    output_zero_point: int
    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    scales: npt.NDArray[np.float64]
    table: npt.NDArray[np.int8] | None
    names: tuple[str, ...]
    thresholds: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if not 1 <= self.classes <= MAX_CLASSES or not 1 <= self.channels <= MAX_CHANNELS:
            raise InputError(
                f"the head has {counted(self.classes, 'class')} of {counted(self.channels, 'value')}",
                expected=f"1 to {MAX_CLASSES:,} classes of 1 to {MAX_CHANNELS:,} values",
            )
        lengths = {len(self.bias), len(self.scales), len(self.names), len(self.thresholds)}
        if lengths != {self.classes} or len(self.backbone) != DIGEST_BYTES:
            raise InputError(f"the arrays of the head have the lengths {sorted(lengths)} for {self.classes}")
        if self.table is not None and self.table.shape != (256,):
            raise InputError(f"the table of the head has {self.table.size} values", expected="256")
        _check_numbers(self)
        for name in self.names:
            _check_name(name)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.weights.shape[0])

    @property
    def channels(self) -> int:
        """Number of values that the backbone gives."""
        return int(self.weights.shape[1])

    @property
    def is_logit(self) -> bool:
        """Whether the output is a logit, not a probability."""
        return self.table is None


def _check_numbers(head: Head) -> None:
    """Refuse what a firmware refuses too: see ``birdnet_head_open`` in ``birdnet_head.c``."""
    int8 = range(ACTIVATION_MIN, ACTIVATION_MAX + 1)
    points = (head.input_zero_point, head.output_zero_point, head.dense_zero_point)
    if not all(point in int8 for point in (*points, head.dense_minimum, head.dense_maximum)):
        raise InputError("a zero point or limit of the head is not an int8", expected="-128 to 127")
    if head.dense_minimum > head.dense_maximum:
        raise InputError(f"the head's results reach from {head.dense_minimum} to {head.dense_maximum}")
    if not all(0 < scale <= _LARGEST_SCALE for scale in (head.input_scale, head.output_scale)):
        raise InputError(
            f"the head's scales are {head.input_scale} and {head.output_scale}",
            expected=f"numbers above 0 and up to {_LARGEST_SCALE:g}",
        )
    sums = np.abs(head.bias.astype(np.int64)) + _LARGEST_INPUT * np.abs(head.weights.astype(np.int64)).sum(1)
    with np.errstate(over="ignore", invalid="ignore"):  # infinity and NaN are refused right here
        fits = (head.scales <= _SUM_LIMIT) & (head.scales * sums <= _SUM_LIMIT)
    fine = (sums <= _SUM_LIMIT) & (head.scales > 0) & fits
    if not fine.all():
        number = int(np.flatnonzero(~fine)[0])
        raise InputError(
            f"class {number} ({head.names[number]}) has a sum of up to {sums[number]} and a scale of "
            f"{head.scales[number]:g}",
            expected="a sum that fits 32 bits, also after it is scaled",
            remedy="convert the model with calibration windows in which the class varies",
        )
    valid = (head.thresholds > 0) & (head.thresholds <= 1)
    if not valid.all():
        number = int(np.flatnonzero(~valid)[0])
        raise InputError(
            f"the threshold of class {number} ({head.names[number]}) is {head.thresholds[number]}",
            expected="a probability above 0 and up to 1",
        )


def _check_name(name: str) -> None:
    size = len(name.encode("utf-8", errors="surrogatepass"))
    if not 1 <= size <= MAX_NAME_BYTES or "\0" in name:
        raise InputError(
            f"the class name {name[:40]!r} is {size} bytes long or holds a NUL",
            expected=f"1 to {MAX_NAME_BYTES} bytes of text",
            remedy="rename the class",
        )
