"""Totals of small graphs worked out by hand, and of the published model as others have measured it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from birdnet_stm32.codegen.constant_folding import fold_batch
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_values, parse_document
from birdnet_stm32.npu.analysis_document import AnalysisDocument, analysis_document
from birdnet_stm32.npu.analyze import Analysis, analyze
from birdnet_stm32.npu.operator_mapping import MappingKind
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor
from birdnet_stm32.tflite.reader import read_graph

PUBLISHED = "checkpoints/birdnet_stm32n6_100.tflite"


@pytest.fixture(scope="module")
def published(shared: Path) -> Analysis:
    return analyze(read_graph((shared / PUBLISHED).read_bytes(), where=PUBLISHED))


def chain() -> Graph:
    """Input of 10 bytes, two branches of 30 and 20 bytes from it, joined into 5 bytes."""
    sizes = (10, 30, 20, 5)
    tensors = tuple(
        Tensor(index=index, name=f"t{index}", shape=(1, size), dtype="int8")
        for index, size in enumerate(sizes)
    )
    operators = (
        Operator(index=0, name="RELU", inputs=(0,), outputs=(1,)),
        Operator(index=1, name="RELU", inputs=(0,), outputs=(2,)),
        Operator(index=2, name="ADD", inputs=(1, 2), outputs=(3,)),
    )
    return Graph(tensors=tensors, operators=operators, inputs=(0,), outputs=(3,))


def test_live_activations_are_counted_step_by_step() -> None:
    analysis = analyze(chain())
    assert [report.live_bytes for report in analysis.operators] == [10 + 30, 10 + 30 + 20, 30 + 20 + 5]
    assert analysis.activation_peak_bytes == analysis.quantized_peak_bytes == 60


def test_an_output_read_again_lives_to_the_end() -> None:
    graph = chain()
    both = Graph(tensors=graph.tensors, operators=graph.operators, inputs=(0,), outputs=(1, 3))
    assert [report.live_bytes for report in analyze(both).operators] == [40, 60, 55]
    early = Graph(tensors=graph.tensors, operators=graph.operators, inputs=(0,), outputs=(0, 3))
    assert [report.live_bytes for report in analyze(early).operators] == [40, 60, 65]


@pytest.mark.parametrize(
    ("name", "data", "weights", "result", "macs"),
    [
        ("CONV_2D", (1, 8, 6, 4), (16, 3, 2, 4), (1, 4, 3, 16), 4 * 3 * 16 * 3 * 2 * 4),
        ("DEPTHWISE_CONV_2D", (1, 8, 6, 4), (1, 3, 2, 4), (1, 4, 3, 4), 4 * 3 * 4 * 3 * 2),
        ("FULLY_CONNECTED", (1, 32), (10, 32), (1, 10), 320),
        ("BATCH_MATMUL", (1, 5, 32), (32, 10), (1, 5, 10), 5 * 10 * 32),
        ("ADD", (1, 32), (32,), (1, 32), 0),
    ],
)
def test_multiply_accumulates(
    one_operator, activation, constant, name, data, weights, result, macs: int
) -> None:
    graph = one_operator(
        name, [activation(*data), constant(*weights)], activation(*result), {"stride_h": 2, "stride_w": 2}
    )
    assert analyze(graph).macs == macs


def test_transposed_convolutions_count_from_their_input(one_operator, activation, constant) -> None:
    inputs = [constant(data=(1, 8, 8, 3), dtype="int32"), constant(3, 2, 2, 5), activation(1, 4, 4, 5)]
    assert analyze(one_operator("TRANSPOSE_CONV", inputs, activation(1, 8, 8, 3))).macs == 16 * 5 * 3 * 2 * 2


def test_float_tensors_are_left_out_of_the_quantized_peak(one_operator, activation) -> None:
    graph = one_operator("QUANTIZE", [activation(1, 100, dtype="float32")], activation(1, 100))
    analysis = analyze(graph)
    assert (analysis.activation_peak_bytes, analysis.quantized_peak_bytes) == (500, 100)


def test_channels_that_do_not_fill_the_lanes_are_marked(one_operator, activation, constant) -> None:
    graph = one_operator("FULLY_CONNECTED", [activation(1, 32), constant(13, 32)], activation(1, 13))
    assert not analyze(graph).operators[0].aligned


def test_an_unknown_type_is_refused_by_name(one_operator, activation) -> None:
    with pytest.raises(InputError, match="of type string"):
        analyze(one_operator("RELU", [activation(1, 8, dtype="string")], activation(1, 8)))


@pytest.mark.shared
def test_published_model_costs_what_others_measured(published: Analysis) -> None:
    macs: Counter[str] = Counter()
    for report in published.operators:
        macs[report.name] += report.macs
    assert macs["CONV_2D"] == 24_379_392
    assert macs["DEPTHWISE_CONV_2D"] == 2_330_624
    assert macs["FULLY_CONNECTED"] == 25_600
    assert published.macs == 26_735_616
    assert round(published.constant_bytes / 1000) == 231
    assert published.quantized_peak_bytes == 196_608


@pytest.mark.shared
def test_published_model_maps_as_its_operators_do(published: Analysis) -> None:
    assert published.kinds[MappingKind.REFUSED] == 0
    assert [report.name for report in published.operators if report.mapping.kind is MappingKind.SOFTWARE] == [
        "QUANTIZE",
        "TRANSPOSE",
        "TRANSPOSE",
        "DEQUANTIZE",
    ]
    stalls = [report.index for report in published.operators if "stalled" in report.mapping.reason]
    assert len(stalls) == 4


@pytest.mark.shared
def test_folding_the_published_batch_leaves_no_shape_arithmetic(shared: Path, published: Analysis) -> None:
    graph = read_graph((shared / PUBLISHED).read_bytes(), where=PUBLISHED)
    folded = analyze(fold_batch(graph))
    assert published.kinds[MappingKind.UNLISTED] == 4
    assert folded.kinds[MappingKind.UNLISTED] == 0
    assert folded.macs == published.macs


@pytest.mark.shared
def test_the_analysis_survives_json(published: Analysis) -> None:
    document = analysis_document(published, (), ("x",))
    fields = document_values(document)
    assert parse_document(AnalysisDocument, json.dumps(fields), where="test") == document
    assert fields["macs"] == published.macs
    assert sum(fields["kinds"].values()) == len(fields["operators"]) == len(published.operators)
    assert fields["operators"][0]["kind"] == "software"
