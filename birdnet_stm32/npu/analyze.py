"""Estimate the cost of each operator and where the NPU would run it, without ST's compiler."""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.npu import costs
from birdnet_stm32.npu.conditions.condition import CHANNEL_MULTIPLE
from birdnet_stm32.npu.cycles import CYCLES_PER_MS, estimated_cycles, features_of
from birdnet_stm32.npu.measured_times import LARGEST_FACTOR, MEASURED, MEDIAN_FACTOR
from birdnet_stm32.npu.operator_mapping import Mapping, MappingKind, mapping_of
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.node import Node, nodes
from birdnet_stm32.tflite.operator_sets import WEIGHTED


@dataclass(frozen=True, kw_only=True)
class OperatorReport:
    """One operator.

    Args:
        index: position in the graph.
        name: TFLite operator.
        output: short name of its first output tensor.
        input_shapes: shapes of the activations it reads.
        output_shape: shape of its first output.
        macs: multiply-accumulates of one inference.
        constant_bytes: bytes of the weights, biases and other constants it reads.
        live_bytes: bytes of all activations that exist while it runs.
        cycles: of the NPU's clock at 1 GHz, an estimate: docs/explanation/npu_cycles.md.
        channels: channels of its output if the NPU computes channel by channel, else None.
        mapping: where it runs, why, and how that is known.
    """

    index: int
    name: str
    output: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    macs: int
    constant_bytes: int
    live_bytes: int
    cycles: int
    channels: int | None
    mapping: Mapping

    @property
    def aligned(self) -> bool:
        """Whether its channels fill the lanes of the NPU. This is a hint for speed, not a condition."""
        return self.channels is None or self.channels % CHANNEL_MULTIPLE == 0


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A whole model.

    Args:
        operators: in the order they run.
        macs: multiply-accumulates of one inference.
        constant_bytes: bytes of all constants, each counted once.
        activation_peak_bytes: most bytes of activations that exist at once; a lower bound for an arena.
        quantized_peak_bytes: the same without float tensors, which a caller may hold elsewhere.
    """

    operators: tuple[OperatorReport, ...]
    macs: int
    constant_bytes: int
    activation_peak_bytes: int
    quantized_peak_bytes: int

    @property
    def cycles(self) -> int:
        """The estimated cycles of all operators."""
        return sum(report.cycles for report in self.operators)

    @property
    def ms(self) -> float:
        """The estimated milliseconds of one inference at the default clock of the NPU."""
        return self.cycles / CYCLES_PER_MS

    @property
    def kinds(self) -> dict[MappingKind, int]:
        """The number of operators of each kind, 0 included."""
        return {kind: sum(report.mapping.kind is kind for report in self.operators) for kind in MappingKind}


def analyze(graph: Graph) -> Analysis:
    """Analyze every operator of ``graph``."""
    live = costs.live_tensors(graph)
    live_bytes = [sum(map(costs.tensor_bytes, tensors)) for tensors in live]
    quantized = [
        sum(costs.tensor_bytes(tensor) for tensor in tensors if tensor.dtype != "float32") for tensors in live
    ]
    operators = tuple(
        _report(node, step_bytes) for node, step_bytes in zip(nodes(graph), live_bytes, strict=True)
    )
    constants = {tensor.index: tensor for node in nodes(graph) for tensor in node.constants}
    return Analysis(
        operators=operators,
        macs=sum(report.macs for report in operators),
        constant_bytes=sum(map(costs.tensor_bytes, constants.values())),
        activation_peak_bytes=max(live_bytes, default=0),
        quantized_peak_bytes=max(quantized, default=0),
    )


def estimate_text(analysis: Analysis) -> str:
    """Return the estimate and its error as text.

    >>> analysis = Analysis(
    ...     operators=(), macs=0, constant_bytes=0, activation_peak_bytes=0, quantized_peak_bytes=0
    ... )
    >>> estimate_text(analysis).split(":")[0]
    'about 0.00 ms on the NPU, an estimate'
    """
    return (
        f"about {analysis.ms:.2f} ms on the NPU, an estimate: for {len(MEASURED)} networks that were left "
        f"out of the fit, the median factor of error was {MEDIAN_FACTOR} and the largest {LARGEST_FACTOR}"
    )


def _report(node: Node, live_bytes: int) -> OperatorReport:
    output = node.output
    return OperatorReport(
        index=node.index,
        name=node.name,
        output=output.short_name,
        input_shapes=tuple(tensor.shape for tensor in node.activations),
        output_shape=output.shape,
        macs=costs.macs(node),
        constant_bytes=costs.constant_bytes(node),
        live_bytes=live_bytes,
        cycles=round(estimated_cycles(features_of(node))),
        channels=output.shape[-1] if node.name in WEIGHTED else None,
        mapping=mapping_of(node),
    )
