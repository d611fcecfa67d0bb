"""Find where int8 loses accuracy: compare every tensor with float, and leave parts of the network in float.

Everything is measured on the converted file. The reference kernels compute its tensors, which are compared
with the tensors of the float graph that was quantized. The gains are measured with hybrid float/int8 models
(:mod:`birdnet_stm32.quant.sensitivity.hybrid_model`), which LiteRT's fast kernels run. Fast kernels round
once where the reference kernels round twice, so all gains are relative to a baseline by fast kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import OpResolverType

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant.sensitivity.hybrid_model import Int8Tensor, build_hybrid_model, int8_tensors
from birdnet_stm32.quant.sensitivity.layer_names import group_names, tensor_names
from birdnet_stm32.quant.sensitivity.layer_report import (
    GroupReport,
    LayerReport,
    TensorErrors,
    TensorReport,
)
from birdnet_stm32.quant.sensitivity.tensor_errors import ErrorSums
from birdnet_stm32.quant.verify import compare
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import parse_model

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float32]
Cosines = npt.NDArray[np.float64]
Report = Callable[[int, int], None]

MOST_WINDOWS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class _HybridRuns:
    """The converted model, to be run again and again with different parts in float."""

    model: Any
    float_model: Any
    contract: ModelContract
    windows: Floats
    expected: Floats
    on_run: Callable[[], None]

    def cosines(self, floating: Collection[int] = (), float_constants: Collection[int] = ()) -> Cosines:
        """Return the cosine of each window; the arguments are those of :func:`build_hybrid_model`."""
        part = build_hybrid_model(
            self.model, self.float_model, floating=floating, float_constants=float_constants
        )
        outputs = interpreter.run(part, self.windows, kernels=OpResolverType.AUTO)
        self.on_run()
        return compare(self.expected, probabilities(outputs, self.contract)).cosine


def evenly_spaced(windows: int, most: int = MOST_WINDOWS) -> npt.NDArray[np.int64]:
    """Return the positions of at most ``most`` windows, evenly spaced over all of them.

    >>> evenly_spaced(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.linspace(0, windows - 1, min(windows, most)).round().astype(np.int64)


def measure_layers(
    tflite: bytes,
    model: keras.Model,
    contract: ModelContract,
    windows: Floats,
    expected: Floats,
    *,
    report: Report = lambda done, total: None,
) -> LayerReport:
    """Compare a converted model with the float model that it was converted from, tensor by tensor.

    Args:
        tflite: int8 inside, float32 in and out.
        model: the float model that was quantized.
        contract: what both models mean.
        windows: features as ``contract`` says, float32 [n, *input shape], n >= 1.
        expected: probabilities that int8 should give, float32 [n, classes]: those of ``model``, or of the
            teacher that it was trained to follow.
        report: called with (done, total) after each window and after each run.

    Raises:
        InputError: ``tflite`` was not made from ``model``.
    """
    from birdnet_stm32.quant.convert import float_graph

    exact = float_graph(model)
    parsed, float_model = parse_model(tflite), parse_model(exact)
    tensors = int8_tensors(parsed, float_model)
    names = tensor_names(tensors, model)
    groups = group_names(tensors, names)
    parts = tuple(dict.fromkeys(groups))
    on_step = _counter(report, len(windows) + len(tensors) + 2 * len(parts) + 2)
    errors, outputs = _errors(tflite, exact, tensors, windows, on_step)
    runs = _HybridRuns(
        model=parsed,
        float_model=float_model,
        contract=contract,
        windows=windows,
        expected=expected,
        on_run=on_step,
    )
    baseline = runs.cosines()

    def gain(floating: Collection[int] = (), float_constants: Collection[int] = ()) -> dict[str, float]:
        gained = runs.cosines(floating, float_constants) - baseline
        error = float(gained.std(ddof=1)) / len(gained) ** 0.5 if len(gained) > 1 else 0.0
        return {"gain": float(gained.mean()), "gain_error": error}

    def part_gain(members: Sequence[int]) -> dict[str, float]:
        return gain([tensors[at].index for at in members], [tensors[at].operator for at in members])

    def group_report(part: str) -> GroupReport:
        members = [at for at, group in enumerate(groups) if group == part]
        return GroupReport(
            name=part,
            tensors=tuple(names[at] for at in members),
            gain_up_to=part_gain(range(members[-1] + 1))["gain"],
            **part_gain(members),
        )

    def tensor_report(position: int) -> TensorReport:
        tensor = tensors[position]
        low, high = tensor.ends
        return TensorReport(
            name=names[position],
            operator=tensor.kind,
            group=groups[position],
            position=position,
            low=low,
            high=high,
            **gain([tensor.index]),
            **asdict(errors[position]),
        )

    return LayerReport(
        windows=len(windows),
        cosine_mean=compare(expected, probabilities(outputs, contract)).all.cosine_mean,
        baseline=float(baseline.mean()),
        weights_gain=gain(float_constants=[tensor.operator for tensor in tensors])["gain"],
        groups=tuple(sorted(map(group_report, parts), key=lambda one: -one.gain)),
        tensors=tuple(sorted(map(tensor_report, range(len(tensors))), key=lambda one: -one.gain)),
    )


def _counter(report: Report, total: int) -> Callable[[], None]:
    """Return a function that reports one more step; it is to be called ``total`` times."""
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        report(done, total)

    return step


def _errors(
    tflite: bytes,
    float_graph: bytes,
    tensors: tuple[Int8Tensor, ...],
    windows: Floats,
    on_window: Callable[[], None],
) -> tuple[tuple[TensorErrors, ...], Floats]:
    """Run both graphs; return the errors of each tensor, and the outputs of the int8 model."""
    sums = [ErrorSums(activation=tensor) for tensor in tensors]
    output = int(parse_model(tflite).subgraphs[0].outputs[0])
    int8 = interpreter.trace(tflite, windows, [*(tensor.index for tensor in tensors), output])
    exact = interpreter.trace(
        float_graph,
        windows,
        [tensor.float_index for tensor in tensors],
        kernels=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    outputs = []
    for (*steps, out), values in zip(int8, exact, strict=True):
        for one, step, value in zip(sums, steps, values, strict=True):
            one.add(value, step)
        outputs.append(out[0])
        on_window()
    return tuple(one.errors() for one in sums), np.stack(outputs)
