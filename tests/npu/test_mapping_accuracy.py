"""What the table says against what a compiler did, on networks made here."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.npu.mapping_accuracy import FamilyRow, compare_with_compiler, off_in_network_c, off_the_npu
from birdnet_stm32.npu.operator_mapping import MappingKind, mapping_of
from birdnet_stm32.npu.rebuilt_network import read_layers, rebuild
from birdnet_stm32.npu.stedgeai.compilation import Epoch
from birdnet_stm32.tflite.node import nodes
from birdnet_stm32.tflite.reader import read_graph
from tests.npu.lint.conftest import Net

ROOT = Path(__file__).resolve().parents[2]
REPORT = """\
ST Edge AI Core v4.0.1-20581 7ed50de05

Model name - small
------ ------------------------- ----------------------- --------------- ------- -----------------
m_id   layer (original)          oshape                  param/size         macc      connected to
------ ------------------------- ----------------------- --------------- ------- -----------------
0      window ()                 [b:1,h:8,w:16,c:4]
1      conv2d_1 (CONV_2D)        [b:1,h:4,w:8,c:8]       296/320          10,240            window
       nl_1_nl (CONV_2D)         [b:1,h:4,w:8,c:8]                           256          conv2d_1
------ ------------------------- ----------------------- --------------- ------- -----------------
2      slopes_2 (PRELU)          [b:1,h:4,w:8,c:8]       8/32                256           nl_1_nl
3      pool_3 (MEAN)             [b:1,h:1,w:1,c:8]                           256          slopes_2
       reshape_3 (MEAN)          [b:1,c:8]                                                  pool_3
4      turned_4 (TRANSPOSE)      [b:1,h:8,w:4,c:8]                           256           nl_1_nl
5      one_5 ()                  [b:1,h:8,w:1,c:8]       64/64
       minus_5 (SUB)             [b:1,h:8,w:4,c:8]                           256             one_5
                                                                                          turned_4
6      nl_6 (SOFTMAX)            [b:1,c:8]                                   120         reshape_3
------ ------------------------- ----------------------- --------------- ------- -----------------
model: macc=11,000 weights=400 activations=-- io=--

Compiler version: 1.1.3-275
Total number of epochs                               5
>> pure software (SW) epochs                         4
>> hybrid epochs (using both software and hardware)  0
>> pure hardware (HW or EC) epochs                   1  (implemented in 0 epoch controller blobs)
| epoch ID | Type | Details   |
| epoch_2  |  HW  |           |
| epoch_3  |  SW  | PRelu     |
| epoch_4  |  SW  | Transpose |
| epoch_5  |  SW  | Sub       |
| epoch_6  |  SW  | Softmax   |
"""


@pytest.fixture(scope="module")
def evidence() -> Any:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("npu_evidence", ROOT / "scripts" / "npu_evidence.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_network_is_rebuilt_from_its_layers() -> None:
    graph = rebuild(read_layers(REPORT))
    assert [one.name for one in graph.operators] == [
        *("CONV_2D", "PRELU", "MEAN", "TRANSPOSE", "SUB", "SOFTMAX"),
    ]
    conv = graph.operators[0]
    assert graph.tensors[conv.inputs[1]].shape == (8, 3, 3, 4)
    assert (conv.options["stride_h"], conv.options["stride_w"]) == (2, 2)
    assert graph.tensors[graph.operators[1].inputs[1]].dtype == "float32"  # 4 bytes a slope
    assert graph.tensors[graph.operators[2].inputs[1]].data.tolist() == [1, 2]
    kinds = [mapping_of(one).kind for one in nodes(graph)]
    off = [MappingKind.SOFTWARE] * 3
    assert kinds == [MappingKind.HARDWARE, MappingKind.SOFTWARE, MappingKind.HARDWARE, *off]


def test_onnx_names_and_their_conversions_are_no_steps() -> None:
    report = REPORT.replace("(CONV_2D)", "(Conv)").replace("(SOFTMAX)", "(Softmax)")
    report = report.replace(
        "3      pool_3 (MEAN)  ",
        "3      q_3 (QuantizeLinear)      [b:1,h:4,w:8,c:8]                           256          slopes_2\n"
        "3      pool_3 (ReduceMean)",
    )
    graph = rebuild(read_layers(report))
    assert "CONV_2D" in {one.name for one in graph.operators}
    assert "QuantizeLinear" not in {one.name for one in graph.operators}


def test_a_report_without_layers_is_refused() -> None:
    with pytest.raises(InputError, match="no table of layers"):
        read_layers("ST Edge AI Core v4.0.1-20581")


def epoch(kind: Any, *operators: str) -> Epoch:
    return Epoch(index=1, kind=kind, operators=operators, cycles=None)


def test_products_of_matrices_and_padded_channels_count_as_the_steps_they_become() -> None:
    net = Net()
    padded = net.op(
        "PAD",
        [net.input(1, 4, 4, 6), net.constant(data=[[0, 0], [0, 0], [0, 0], [0, 2]], dtype="int32")],
        *(1, 4, 4, 8),
    )
    product = net.op("BATCH_MATMUL", [net.input(1, 4, 30, 8), net.input(1, 4, 8, 30)], 1, 4, 30, 30)
    graph = read_graph(net.file(padded, product), where="made here")
    nodes = off_the_npu([*[epoch("software", "Conv")] * 4, *[epoch("software", "Transpose")] * 2])
    rows = {row.family: row for row in compare_with_compiler(graph, nodes)}
    assert all(row.agrees for row in rows.values())
    assert rows["convolution, matrix product"].steps == rows["convolution, matrix product"].found == 4
    assert rows["transpose"].found == 2


def test_what_the_compiler_put_in_and_what_it_did_otherwise_is_told_apart() -> None:
    net = Net()
    graph = read_graph(net.file(net.op("SOFTMAX", [net.input(1, 8)], 1, 8)), where="made here")
    nodes = off_the_npu([epoch("hybrid", "Softmax"), epoch("software", "DequantizeLinear")])
    assert compare_with_compiler(graph, nodes) == (
        FamilyRow(family="softmax", steps=1, predicted=1, software=0, hybrid=1, inserted=0),
        FamilyRow(family="conversion", steps=0, predicted=0, software=0, hybrid=0, inserted=1),
    )
    assert not compare_with_compiler(graph, Counter())[0].agrees


def test_the_processor_s_nodes_of_a_generated_file() -> None:
    text = "/* Unit= 27 [PROCESSOR 0] */\n/* kind=Conv node=Conv2D_9 */\n/* Unit= 3 [CONVACC 0] */\n"
    assert off_in_network_c(text) == {("software", "Conv"): 1}


def test_the_script_compares_a_set(
    evidence: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, model, nothing = (tmp_path / name for name in ("layers", "model", "nothing"))
    for folder in (layers, model, nothing):
        folder.mkdir()
    (layers / "network_report.txt").write_text("console\n" + REPORT)
    net = Net()
    (model / "a.tflite").write_bytes(net.file(net.op("ADD", [net.input(1, 8), net.input(1, 8)], 1, 8)))
    (model / "network_report.txt").write_text(REPORT)
    (nothing / "notes.txt").write_text("none")
    monkeypatch.setattr("sys.argv", ["npu_evidence.py", str(tmp_path)])
    evidence.main()
    printed = capsys.readouterr().out
    assert "| layers | layers | report | activation | 1 | 1 | 1 | 0 | 0 | yes |" in printed
    assert "| model | .tflite | report | addition | 1 | 0 | 0 | 0 | 0 | yes |" in printed
    assert "| model | .tflite | report | softmax | 0 | 0 | 0 | 0 | 1 | yes |" in printed
    assert "| **all** | 7 | 4 | 4 | 4 | 1.00 | 1.00 |" in printed
    assert "- nothing: nothing: holds nothing that ST's tool wrote" in printed


def test_an_empty_set_is_refused(evidence: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no files"):
        evidence.read_set(tmp_path)
