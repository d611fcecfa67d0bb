"""Slices, padding and transposition."""

from __future__ import annotations

from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.conditions.shapes import MAX_RANK, computes_shapes
from birdnet_stm32.npu.evidence import INFERRED, LISTED, MESSAGES, SEEN, eco8, report, st, zoo
from birdnet_stm32.tflite.node import Node


@known(
    report("LarocheC/stm32n6-stt, compile reports", SEEN, "2026-08", "a step of 2: four software epochs"),
)
def slice_steps(node: Node) -> bool:
    """Hold when a strided slice of data skips elements or its steps are computed."""
    steps = node.integers_at(3)
    skips = steps is None or any(step != 1 for step in steps)
    return skips and not computes_shapes(node)


@known(MESSAGES)
def slice_cuts_batch(node: Node) -> bool:
    """Hold when a slice shortens the first dimension."""
    before, after = node.input.shape, node.output.shape
    return len(before) > 1 and len(before) == len(after) and before[0] != after[0]


@known(MESSAGES)
def slice_cuts_many(node: Node) -> bool:
    """Hold when a slice shortens more than three dimensions."""
    before, after = node.input.shape, node.output.shape
    return len(before) == len(after) and sum(old != new for old, new in zip(before, after, strict=True)) > 3


@known(zoo("slice-sentinel-bounds", "with ONNX, to which TFLite models are converted"))
def slice_open_ended(node: Node) -> bool:
    """Hold when a strided slice of data shortens a dimension with a negative or absent bound."""
    before, after = node.input.shape, node.output.shape
    bounds = [node.integers_at(position) for position in (1, 2)]
    if before == after or computes_shapes(node):
        return False
    masked = any(node.options.get(mask, 0) for mask in ("begin_mask", "end_mask"))
    return bool(masked) or any(bound is None or min(bound, default=0) < 0 for bound in bounds)


@known(
    report(
        "STMicroelectronics/STM32N6-GettingStarted-Audio, network_analyze_report.txt at 2624a6c",
        "2.2",
        "2025-08-11",
        "the first epoch is a software Transpose",
    )
)
def reads_network_input(node: Node) -> bool:
    """Hold when it reads the input of the network, directly or after its QUANTIZE."""
    first = set(node.graph.inputs)
    for other in node.graph.operators:
        if other.name == "QUANTIZE" and set(other.inputs) & set(node.graph.inputs):
            first.update(other.outputs)
    return bool(first & set(node.operator.inputs))


@known(zoo("rank1-graph-input-through-reshape", "Error in computation of shapes"))
def flat_network_input(node: Node) -> bool:
    """Hold when it reads a network input of one dimension."""
    first = node.input.index
    return first in node.graph.inputs and len(node.graph.tensors[first].shape) == 1


@known(
    report(
        "TitoNicolaDrugman/Transformer-NPU-STM32N6 at 1b23428",
        "2.1, 2.2",
        "2025-07",
        "18 of 18 are software; the 6 that BATCH_MATMUL turns back are hardware",
    ),
    LISTED,
)
def transposes_data(node: Node) -> bool:
    """Hold for a transposition, unless its only reader is a BATCH_MATMUL that transposes it back."""
    readers = [one for one in node.graph.operators if node.output.index in one.inputs]
    turned = [
        one
        for one in readers
        if one.name == "BATCH_MATMUL"
        and one.options.get("adj_y", False)
        and one.inputs[1:2] == node.operator.outputs[:1]
    ]
    return not readers or len(turned) < len(readers)


@known(*transposes_data.evidence)
def transposes_inside(node: Node) -> bool:
    """Hold for such a transposition of four dimensions that does not read the input of the network."""
    other = transposes_below_rank_4(node) or reads_network_input(node)
    return transposes_data(node) and not other


@known(
    zoo("transpose-of-runtime-tensor", "INTERNAL ERROR: Mismatch in channel position"),
    report(
        "LarocheC/stm32n6-stt, compile/reports/g800_st_verify at bf185ab",
        SEEN,
        "2026-08-15",
        "one of three dimensions, near the output, is hardware",
    ),
)
def transposes_below_rank_4(node: Node) -> bool:
    """Hold for a computed tensor of fewer than four dimensions."""
    data = node.input
    return data.data is None and len(data.shape) < MAX_RANK


@known(INFERRED)
def pads_computed(node: Node) -> bool:
    """Hold when the amount of padding is computed at run time."""
    return node.integers_at(1) is None


@known(
    report(
        "muazzamaqeel/BA-EmbeddedAI, Model at ea54dad",
        "2.2",
        "2025-08-25",
        "11 of 11 stand between two software Transposes each",
    )
)
def pads_channels(node: Node) -> bool:
    """Hold when padding adds channels."""
    before, after = node.input.shape, node.output.shape
    return len(before) == len(after) > 1 and before[-1] != after[-1]


@known(
    report(
        "syafizzudin/trash-object-detection-stm32n6, FSBL/Model/st_ai_output at 48dea24",
        "2.2",
        "2025-09-30",
        "the one along positions is software, 24 along channels are hardware",
    ),
    eco8("along the columns: a copy by the Cortex-M55", date="2026-09-16"),
)
def joins_positions(node: Node) -> bool:
    """Hold when tensors are joined along another dimension than the last."""
    first, result = node.input.shape, node.output.shape
    return len(first) == len(result) and first[-1] == result[-1] and first != result


@known(st("constant padding"))
def pads_negative(node: Node) -> bool:
    """Hold when padding removes elements."""
    return min(node.integers_at(1) or (0,)) < 0


@known(*pads_negative.evidence)
def pads_unusually(node: Node) -> bool:
    """Hold when padding removes elements or has a value."""
    return pads_negative(node) or node.input_at(2) is not None


@known(zoo("atonn-segfault-empty-pad-constant-value", "signo=11"))
def pad_value_missing(node: Node) -> bool:
    """Hold when a PADV2 has no value."""
    return node.input_at(2) is None
